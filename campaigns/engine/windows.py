"""Wall-clock arithmetic and the hours at which mails may leave. Pure: an instant and a zone in, an instant out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = timedelta(days=1)
# A window that holidays keep closed is looked for so far ahead.
FARTHEST = 400


def next_instant(after: datetime, *, zone: str, time_of_day: time, weekday: int | None = None) -> datetime:
    """The first instant after `after` at which clocks in `zone` show `time_of_day` (on `weekday`, Monday 0), in UTC.

    A wall time that a DST gap skips becomes the first valid instant after the gap; one that a fold repeats, its first.
    """
    local_zone = ZoneInfo(zone)
    day = after.astimezone(local_zone).date()
    for _ in range(9):  # a week, and the day itself when its hour is already past
        if weekday is None or day.weekday() == weekday:
            instant = instant_of(datetime.combine(day, time_of_day), local_zone)
            if instant > after:
                return instant
        day += timedelta(days=1)
    raise AssertionError("every weekday comes within nine days")


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """When clocks in `zone` show the naive `wall`, in UTC: its first time in a fold, the end of the gap in a gap."""
    first = wall.replace(tzinfo=zone, fold=0)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # In a gap the two folds read the offsets before and after it; their difference is the gap's length. Walk back to
    # the gap's end: the offset before the gap, applied to the wall time, overshoots by wall − start of gap.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    offset_before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == offset_before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


class WindowError(ValueError):
    """The data is no window; `problems` are (path, message) pairs."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the wall clock on some weekdays. With `until` not after `start` it ends on the next day, and belongs to
    the weekday (and the holiday) on which it began; 00:00 to 00:00 is the whole day."""

    start: time
    until: time
    weekdays: frozenset[int] = frozenset(range(7))
    skip_holidays: bool = False

    def contains(self, at: datetime, *, zone: str, holidays: Collection[date] = ()) -> bool:
        """Whether clocks in `zone` show a time inside it at `at`."""
        wall = at.astimezone(ZoneInfo(zone))
        today, hour = wall.date(), wall.time()
        if self.start < self.until:
            return self.start <= hour < self.until and self._is_open_on(today, holidays)
        if hour >= self.start and self._is_open_on(today, holidays):
            return True
        return hour < self.until and self._is_open_on(today - DAY, holidays)

    def next_open(self, at: datetime, *, zone: str, holidays: Collection[date] = ()) -> datetime:
        """The first instant from `at` on that lies inside; the end of the search if more than a year is holiday."""
        if self.contains(at, zone=zone, holidays=holidays):
            return at
        candidate = at
        for candidate in self._openings(at, ZoneInfo(zone)):
            if self.contains(candidate, zone=zone, holidays=holidays):
                return candidate
        return candidate

    def _openings(self, at: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every later instant at which it can open: its first hour, or a jump of the clocks into it."""
        first = at.astimezone(zone).date()
        low = at
        for count in range(FARTHEST):
            high = instant_of(datetime.combine(first + (count + 1) * DAY, time()), zone)
            starts = _shown(datetime.combine(first + count * DAY, self.start), zone)
            yield from sorted(instant for instant in (*starts, *_jump(low, high, zone)) if instant > at)
            low = high

    def _is_open_on(self, day: date, holidays: Collection[date]) -> bool:
        return day.weekday() in self.weekdays and not (self.skip_holidays and day in holidays)

    @property
    def complement(self) -> "Window":
        """The other hours of every day."""
        return Window(self.until, self.start)

    def to_json(self) -> dict[str, Any]:
        """As people write it: what `parse` reads back."""
        data: dict[str, Any] = {}
        if (self.start, self.until) != (time(), time()):
            data = {"from": _hour(self.start), "until": _hour(self.until)}
        if len(self.weekdays) < len(WEEKDAYS):
            data["weekdays"] = [WEEKDAYS[day] for day in sorted(self.weekdays)]
        return {**data, "holidays": "skip"} if self.skip_holidays else data

    def words(self) -> str:
        """Its hours and weekdays in English: “09:00–17:00 Monday to Friday”."""
        hours = f"{_hour(self.start)}–{_hour(self.until)}" if (self.start, self.until) != (time(), time()) else ""
        return " ".join(part for part in (hours, _days(sorted(self.weekdays))) if part) or "all day"


@lru_cache(maxsize=256)
def hours(start: time, until: time) -> Window:
    """A window of every day; the quiet hours of a workspace are one."""
    return Window(start, until)


def _hour(of: time) -> str:
    return f"{of:%H:%M:%S}".removesuffix(":00")


def _days(days: list[int]) -> str:
    names = [WEEKDAYS[day].capitalize() for day in days]
    if len(days) == len(WEEKDAYS):
        return ""
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{names[0]} to {names[-1]}"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _shown(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Every instant at which clocks show `wall`: one, two in a fold, and in a gap its end."""
    first = instant_of(wall, zone)
    again = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return [first, again] if again > first else [first]


def _jump(low: datetime, high: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instant in (low, high] at which the clocks' offset changes, to the second; [] if it does not."""
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return []
    first, last = int(low.timestamp()), int(high.timestamp())
    while last - first > 1:
        middle = (first + last) // 2
        same = datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == before
        first, last = (middle, last) if same else (first, middle)
    return [datetime.fromtimestamp(last, UTC)]


def next_open(
    windows: Sequence[Window], at: datetime, *, zone: str, holidays: Collection[date] = ()
) -> datetime | None:
    """The first instant from `at` on that lies inside all of them; None if none comes."""
    opening = at
    for _ in range(FARTHEST):
        for window in windows:
            opening = window.next_open(opening, zone=zone, holidays=holidays)
        if all(window.contains(opening, zone=zone, holidays=holidays) for window in windows):
            return opening
    return None


def problems(data: Any) -> list[tuple[str, str]]:
    """What is wrong with a window's data, with its place ("from", "weekdays[1]", "" for all of it); none for {}."""
    if not isinstance(data, dict):
        return [("", 'write {"from": "09:00", "until": "17:00", "weekdays": ["monday"], "holidays": "skip"}')]
    known = ("from", "until", "weekdays", "holidays")
    found = [(str(name), f"is not known here; {', '.join(known)} are") for name in data if name not in known]
    found += [*_hour_problems(data), *_weekday_problems(data.get("weekdays", []))]
    if data.get("holidays", "skip") != "skip":
        found.append(("holidays", "write skip, or leave it out to send on holidays too"))
    return found


def _hour_problems(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    given = {name: data[name] for name in ("from", "until") if name in data}
    if len(given) == 1:
        missing = "until" if "from" in given else "from"
        yield missing, "say when it opens and when it closes, or leave both out for the whole day"
    read = {name: _read_hour(value) for name, value in given.items()}
    for name, hour in read.items():
        if hour is None:
            yield name, f"{given[name]!r} is no time of day; write it with quotes, like '09:00'"
    if len(read) == 2 and None not in read.values() and given["from"] == given["until"]:
        yield "until", "is the same hour as from, so the window never opens; leave both out for the whole day"


def _weekday_problems(days: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(days, list):
        yield "weekdays", "write a list like [monday, friday]; empty or left out means every day"
        return
    for place, name in enumerate(days):
        if not isinstance(name, str) or name.lower() not in WEEKDAYS:
            yield f"weekdays[{place}]", f"{name!r} is no day of the week; {', '.join(WEEKDAYS)} are"


def _read_hour(value: Any) -> time | None:
    if value == "24:00":
        return time()
    try:
        hour = time.fromisoformat(value) if isinstance(value, str) and ":" in value else None
    except ValueError:
        return None
    return hour if hour is not None and hour.tzinfo is None else None


def parse(data: Any) -> Window | None:
    """The window that the data means; None for {} (no window) and None. Raises WindowError."""
    if data is None or data == {}:
        return None
    found = problems(data)
    if found:
        raise WindowError(found)
    start, until = (_read_hour(data.get(name, "24:00")) or time() for name in ("from", "until"))
    days = frozenset(WEEKDAYS.index(name.lower()) for name in data.get("weekdays", [])) or frozenset(range(7))
    return Window(start, until, days, data.get("holidays") == "skip")
