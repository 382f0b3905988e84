"""Wall-clock arithmetic. Pure: an instant and a zone in, an instant out."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def next_instant(after: datetime, *, zone: str, time_of_day: time, weekday: int | None = None) -> datetime:
    """The first instant after `after` at which clocks in `zone` show `time_of_day` (on `weekday`, Monday 0), in UTC.

    A wall time that a DST gap skips becomes the first valid instant after the gap; one that a fold repeats, its first.
    """
    local_zone = ZoneInfo(zone)
    day = after.astimezone(local_zone).date()
    for _ in range(9):  # a week, and the day itself when its hour is already past
        if weekday is None or day.weekday() == weekday:
            instant = _to_utc(datetime.combine(day, time_of_day), local_zone)
            if instant > after:
                return instant
        day += timedelta(days=1)
    raise AssertionError("every weekday comes within nine days")


def _to_utc(wall: datetime, zone: ZoneInfo) -> datetime:
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
