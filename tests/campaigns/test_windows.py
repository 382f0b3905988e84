"""Wall clocks of the whole world, against a slow clock that is read every quarter of an hour."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.engine import windows
from campaigns.engine.windows import Window, next_instant

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
# Without the ends of the list (posix/…, right/…), which repeat it.
ZONES = sorted(zone for zone in available_timezones() if zone.partition("/")[0] not in ("posix", "right"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "zone", "at", "weekday", "expected"),
    [
        ("2026-03-02 12:00", "UTC", "13:00", None, "2026-03-02 13:00"),
        ("2026-03-02 12:00", "UTC", "12:00", None, "2026-03-03 12:00"),  # strictly after
        ("2026-03-02 12:00", "UTC", "00:00", None, "2026-03-03 00:00"),
        ("2026-03-02 12:00", "UTC", "11:00", 0, "2026-03-09 11:00"),  # a Monday whose hour is over
        ("2026-03-02 12:00", "UTC", "09:00", 1, "2026-03-03 09:00"),
        ("2026-03-02 23:30", "Asia/Tokyo", "09:00", 1, "2026-03-03 00:00"),  # Tuesday has begun in Tokyo
        ("2028-02-28 12:00", "UTC", "09:00", None, "2028-02-29 09:00"),  # a leap day
        ("2027-02-28 12:00", "UTC", "09:00", None, "2027-03-01 09:00"),
        ("2026-12-31 23:59", "UTC", "00:00", None, "2027-01-01 00:00"),
        # A gap: 02:30 does not exist in Berlin that day, 03:00 is the first valid instant after it.
        ("2026-03-28 12:00", "Europe/Berlin", "02:30", None, "2026-03-29 01:00"),
        ("2026-03-29 01:00", "Europe/Berlin", "02:30", None, "2026-03-30 00:30"),
        # A fold: 02:30 comes twice, the first one counts, and only it.
        ("2026-10-25 00:00", "Europe/Berlin", "02:30", None, "2026-10-25 00:30"),
        ("2026-10-25 00:45", "Europe/Berlin", "02:30", None, "2026-10-26 01:30"),
        ("2026-09-05 12:00", "America/Santiago", "00:15", None, "2026-09-06 04:00"),  # a gap at midnight
        ("2026-04-04 12:00", "Australia/Lord_Howe", "01:45", None, "2026-04-04 14:45"),
        ("2026-04-04 14:45", "Australia/Lord_Howe", "01:45", None, "2026-04-05 15:15"),
        ("2026-10-03 12:00", "Australia/Lord_Howe", "02:15", None, "2026-10-03 15:30"),  # half an hour
        ("2011-12-29 20:00", "Pacific/Apia", "09:00", None, "2011-12-30 10:00"),  # a day that never was
        ("2011-12-29 20:00", "Pacific/Apia", "09:00", 5, "2011-12-30 19:00"),
    ],
)
def test_the_hour_comes(after: str, zone: str, at: str, weekday: int | None, expected: str) -> None:
    found = next_instant(utc(after), zone=zone, time_of_day=time.fromisoformat(at), weekday=weekday)
    assert found == utc(expected)


@cache
def changes(zone: str, year: int) -> list[datetime]:
    """The instants of the year at which clocks of the zone jump, to the quarter of an hour before."""
    there = ZoneInfo(zone)
    found = []
    for count in range(365):
        low = datetime(year, 1, 1, tzinfo=UTC) + count * DAY
        if _offset(low, there) != _offset(low + DAY, there):
            high = low + DAY
            while high - low > QUARTER:
                middle = low + (high - low) // QUARTER // 2 * QUARTER
                low, high = (middle, high) if _offset(middle, there) == _offset(low, there) else (low, middle)
            found.append(low)
    return found


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant, mostly within some days of a change of its clocks."""
    zone, year = draw(st.sampled_from(ZONES)), draw(st.integers(2014, 2036))
    near = changes(zone, year) or [datetime(year, 2, 28, tzinfo=UTC)]
    return zone, draw(st.sampled_from(near)) + draw(st.integers(-300, 300)) * QUARTER


times = st.integers(0, 95).map(lambda quarter: (datetime.min + quarter * QUARTER).time())


@settings(max_examples=100, deadline=None)
@given(moments(), times, st.sampled_from([None, *range(7)]))
def test_it_is_the_first_such_instant_in_any_zone(
    moment: tuple[str, datetime], time_of_day: time, weekday: int | None
) -> None:
    zone, after = moment
    found = next_instant(after, zone=zone, time_of_day=time_of_day, weekday=weekday)
    assert found > after
    assert found.tzinfo is UTC
    assert found == first_on_the_clock(after, ZoneInfo(zone), time_of_day, weekday)


def first_on_the_clock(after: datetime, zone: ZoneInfo, wanted: time, weekday: int | None) -> datetime:
    """Read the clock every quarter of an hour: it shows the wanted time, or has just jumped over it."""
    instant = after
    while True:
        before = instant.astimezone(zone)
        instant += QUARTER
        here = instant.astimezone(zone)
        if fits(here, wanted, weekday) and not here.fold:
            return instant
        skipped, shown = before.replace(tzinfo=None) + QUARTER, here.replace(tzinfo=None)
        while skipped < shown:
            if fits(skipped, wanted, weekday):
                return instant
            skipped += QUARTER


def fits(wall: datetime, wanted: time, weekday: int | None) -> bool:
    return wall.time() == wanted and weekday in (None, wall.weekday())


@settings(max_examples=100, deadline=None)
@given(moments(), st.times())
def test_what_comes_shows_the_wall_time_to_the_microsecond_or_is_the_end_of_a_gap(
    moment: tuple[str, datetime], time_of_day: time
) -> None:
    zone, after = moment
    found = next_instant(after, zone=zone, time_of_day=time_of_day)
    there = ZoneInfo(zone)
    shown = found.astimezone(there)
    assert shown.fold == 0
    if shown.time() != time_of_day:
        just_before = (found - timedelta(microseconds=1)).astimezone(there)
        skipped = [datetime.combine(day.date(), time_of_day) for day in (just_before, shown)]
        assert any(just_before.replace(tzinfo=None) < wall < shown.replace(tzinfo=None) for wall in skipped)


@settings(max_examples=100, deadline=None)
@given(moments(), times)
def test_day_after_day_no_day_is_left_out_and_none_comes_twice(moment: tuple[str, datetime], time_of_day: time) -> None:
    zone, instant = moment
    days: list[date] = []
    for _ in range(6):
        instant = next_instant(instant, zone=zone, time_of_day=time_of_day)
        days.append(instant.astimezone(ZoneInfo(zone)).date())
    assert all(later - earlier == DAY for earlier, later in pairwise(days))


EVERY_DAY = frozenset(range(7))
OFFICE = Window(time(9), time(17), frozenset(range(5)))
NIGHT = Window(time(22), time(6), frozenset({4}))  # Friday night, until Saturday's morning
CHRISTMAS = date(2026, 12, 25)


@pytest.mark.parametrize(
    ("window", "at", "zone", "expected"),
    [
        (OFFICE, "2026-03-02 12:00", "UTC", "2026-03-02 12:00"),  # a Monday at noon
        (OFFICE, "2026-03-02 09:00", "UTC", "2026-03-02 09:00"),
        (OFFICE, "2026-03-02 17:00", "UTC", "2026-03-03 09:00"),  # closed from 17:00 on
        (OFFICE, "2026-03-02 08:59", "Europe/Berlin", "2026-03-02 08:59"),
        (OFFICE, "2026-03-06 18:00", "Europe/Berlin", "2026-03-09 08:00"),  # over the weekend
        (OFFICE, "2026-03-28 12:00", "Europe/Berlin", "2026-03-30 07:00"),  # and over the change of clocks
        (OFFICE, "2028-02-29 18:00", "UTC", "2028-03-01 09:00"),
        (OFFICE, "2028-02-28 18:00", "UTC", "2028-02-29 09:00"),  # a leap day is a day
        (NIGHT, "2026-03-06 21:59", "UTC", "2026-03-06 22:00"),
        (NIGHT, "2026-03-07 05:59", "UTC", "2026-03-07 05:59"),  # Saturday's morning belongs to Friday
        (NIGHT, "2026-03-07 06:00", "UTC", "2026-03-13 22:00"),
        (NIGHT, "2026-03-06 03:00", "UTC", "2026-03-06 22:00"),  # Friday's morning belongs to Thursday
        (Window(time(2, 30), time(4)), "2026-03-29 00:00", "Europe/Berlin", "2026-03-29 01:00"),  # a gap: 03:00
        (Window(time(2, 10), time(2, 50)), "2026-03-29 00:00", "Europe/Berlin", "2026-03-30 00:10"),  # all in the gap
        (Window(time(2, 30), time(4)), "2026-10-24 23:00", "Europe/Berlin", "2026-10-25 00:30"),  # a fold: the first
        (Window(time(1), time(2, 30)), "2026-10-25 00:45", "Europe/Berlin", "2026-10-25 01:00"),  # clocks fall into it
        (
            Window(time(22), time(6), frozenset({4})),
            "2011-12-30 09:00",
            "Pacific/Apia",
            "2011-12-30 10:00",
        ),  # no Friday
        (Window(time(), time(), frozenset({5})), "2026-03-06 23:59", "UTC", "2026-03-07 00:00"),  # all Saturday
    ],
)
def test_a_window_opens(window: Window, at: str, zone: str, expected: str) -> None:
    assert window.next_open(utc(at), zone=zone) == utc(expected)


def test_a_window_that_skips_holidays_stays_closed_on_the_day_it_begins() -> None:
    office = Window(time(9), time(17), frozenset(range(5)), skip_holidays=True)
    assert office.next_open(utc("2026-12-25 10:00"), zone="UTC", holidays={CHRISTMAS}) == utc("2026-12-28 09:00")
    assert OFFICE.next_open(utc("2026-12-25 10:00"), zone="UTC", holidays={CHRISTMAS}) == utc("2026-12-25 10:00")
    night = Window(time(22), time(6), EVERY_DAY, skip_holidays=True)
    assert night.contains(utc("2026-12-25 03:00"), zone="UTC", holidays={CHRISTMAS})  # begun on the 24th
    assert night.next_open(utc("2026-12-25 12:00"), zone="UTC", holidays={CHRISTMAS}) == utc("2026-12-26 22:00")


def test_a_window_that_holidays_never_open_ends_the_search() -> None:
    always = {date(2026, 1, 1) + count * DAY for count in range(800)}
    window = Window(time(9), time(17), EVERY_DAY, skip_holidays=True)
    assert window.next_open(utc("2026-03-02 12:00"), zone="UTC", holidays=always) > utc("2027-03-02 12:00")


def test_two_windows_open_together_or_never() -> None:
    awake = windows.hours(time(21), time(8)).complement
    early = Window(time(6), time(9))
    assert windows.next_open([early, awake], utc("2026-03-02 06:30"), zone="UTC") == utc("2026-03-02 08:00")
    assert windows.next_open([Window(time(22), time(5)), awake], utc("2026-03-02 06:30"), zone="UTC") is None
    assert windows.next_open([], utc("2026-03-02 06:30"), zone="UTC") == utc("2026-03-02 06:30")


# Half the examples fall on the clocks that are hardest to keep.
HARD = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "America/Santiago")


@st.composite
def hard_moments(draw: st.DrawFn) -> tuple[str, datetime]:
    if draw(st.booleans()):
        return draw(moments())
    zone, year = draw(st.sampled_from(HARD)), draw(st.integers(2014, 2036))
    leap = datetime(year, 2, 28, tzinfo=UTC)
    return zone, draw(st.sampled_from([*changes(zone, year), leap])) + draw(st.integers(-4500, 4500)) * QUARTER / 15


some_windows = st.builds(Window, times, times, st.frozensets(st.integers(0, 6), min_size=1), st.booleans())


@settings(max_examples=200, deadline=None)
@given(hard_moments(), some_windows, st.integers(-1, 3))
def test_a_window_opens_at_the_first_instant_inside_it_in_any_zone(
    moment: tuple[str, datetime], window: Window, holiday: int
) -> None:
    """Rule 11: not before `at`, inside on the wall clock, no earlier quarter of an hour inside; and it stays there."""
    zone, at = moment
    holidays = {at.astimezone(ZoneInfo(zone)).date() + holiday * DAY}
    opening = window.next_open(at, zone=zone, holidays=holidays)
    assert opening >= at
    assert window.next_open(opening, zone=zone, holidays=holidays) == opening
    quarter = at
    while not reads_inside(quarter, ZoneInfo(zone), window, holidays):
        quarter = datetime.fromtimestamp((quarter.timestamp() // 900 + 1) * 900, UTC)
    assert opening == quarter


def reads_inside(instant: datetime, zone: ZoneInfo, window: Window, holidays: set[date]) -> bool:
    """By counting minutes on the clock: of the day that the window began on, and of the day after it."""
    wall = instant.astimezone(zone).replace(tzinfo=None)
    begins, ends = minutes(window.start), minutes(window.until)
    if ends <= begins:
        ends += 24 * 60
    for day in (wall.date(), wall.date() - DAY):
        if day.weekday() in window.weekdays and not (window.skip_holidays and day in holidays):
            shown = (wall - datetime.combine(day, time())) / timedelta(minutes=1)
            if begins <= shown < ends:
                return True
    return False


def minutes(of: time) -> float:
    return of.hour * 60 + of.minute


@given(some_windows)
def test_a_window_is_written_as_it_is_read(window: Window) -> None:
    if window.start == window.until:
        window = Window(time(), time(), window.weekdays, window.skip_holidays)
    assert windows.parse(window.to_json()) == (window if window.to_json() else None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"from": "09:00", "until": "17:00", "weekdays": ["monday", "Tuesday", "wednesday"]}, "Monday to Wednesday"),
        ({"from": "22:00", "until": "06:00", "weekdays": ["friday", "saturday"]}, "22:00–06:00 Friday and Saturday"),
        ({"weekdays": ["monday", "wednesday", "friday"]}, "Monday, Wednesday and Friday"),
        ({"from": "08:00", "until": "24:00"}, "08:00–00:00"),
        ({"holidays": "skip"}, "all day"),
    ],
)
def test_a_window_is_told_in_words(data: dict[str, object], words: str) -> None:
    found = windows.parse(data)
    assert found is not None
    assert words in found.words()


@pytest.mark.parametrize("data", [None, {}])
def test_no_window_is_none(data: object) -> None:
    assert windows.parse(data) is None


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        ([], "", "write {"),
        ({"form": "09:00"}, "form", "is not known here; from, until, weekdays, holidays are"),
        ({"from": "9", "until": "17:00"}, "from", "'9' is no time of day"),
        ({"from": 540, "until": "17:00"}, "from", "540 is no time of day; write it with quotes"),
        ({"from": "09:00", "until": "25:00"}, "until", "'25:00' is no time of day"),
        ({"from": "09:00"}, "until", "say when it opens and when it closes"),
        ({"until": "09:00"}, "from", "say when it opens and when it closes"),
        ({"from": "09:00", "until": "09:00"}, "until", "never opens"),
        ({"weekdays": "monday"}, "weekdays", "write a list"),
        ({"weekdays": ["monday", "moonday"]}, "weekdays[1]", "'moonday' is no day of the week"),
        ({"weekdays": [0]}, "weekdays[0]", "0 is no day of the week"),
        ({"holidays": "never"}, "holidays", "write skip"),
    ],
)
def test_what_is_no_window_names_its_place(data: object, place: str, message: str) -> None:
    with pytest.raises(windows.WindowError) as refused:
        windows.parse(data)
    assert refused.value.problems[0][0] == place
    assert message in refused.value.problems[0][1]
