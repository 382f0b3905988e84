"""Wall clocks of the whole world, against a slow clock that is read every quarter of an hour."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.windows import next_instant

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
