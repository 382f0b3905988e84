"""A date and a time as somebody reads them off a clock on the wall of a zone, and the moment they mean. Pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

YEARS = range(2000, 2200)
"""Beyond lie slips of the finger, and times that no calendar can hold in every zone."""


class NoSuchTime(ValueError):
    """The clocks of the zone leap over it, or the year is none of ours; the message is for the person who wrote it."""


def moment(written: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a naive date and time in a zone, in UTC. Of an hour that comes twice, the first."""
    if written.year not in YEARS:
        raise NoSuchTime(f"Write a year from {YEARS[0]} to {YEARS[-1]}.")
    found = written.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != written:
        raise NoSuchTime(f"There is no {written:%H:%M} on that day in {zone.key}: the clocks are put forward.")
    return found


def written(at: datetime, zone: ZoneInfo) -> datetime:
    """The naive date and time of a moment in a zone."""
    return at.astimezone(zone).replace(tzinfo=None)
