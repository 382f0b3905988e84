"""Dates that waits and triggers hang on: a lead's field or a property of what enrolled. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.engine import windows
from lifecycle.core import durations

DAY = timedelta(days=1)
# Nothing outside can be meant, and wall clocks at the ends of the calendar cannot be counted with.
YEARS = range(1900, 3000)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A date (`lead_field`, or `event_property` of what enrolled) and an offset from it."""

    lead_field: str = ""
    event_property: str = ""
    offset: timedelta = timedelta(0)

    @property
    def name(self) -> str:
        return self.lead_field or self.event_property

    def value(self, fields: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """What stands where the date should be, None if nothing does; of merged events the newest that has it."""
        if self.lead_field:
            return value_of(fields, self.lead_field)
        payloads = [context.get("event"), *(context.get("events") or [])]
        for payload in reversed(payloads):
            found = payload.get(self.event_property) if isinstance(payload, Mapping) else None
            if found not in (None, ""):
                return found
        return None

    def date(self, fields: Mapping[str, Any], context: Mapping[str, Any], zone: str) -> datetime | None:
        """The date itself, without the offset; None if it is missing or cannot be read."""
        return read(self.value(fields, context), zone)

    def instant(self, day: datetime, zone: str) -> datetime:
        """The date with the offset."""
        return shifted(day, self.offset, zone)

    def words(self) -> str:
        """In English: “1 hour before starts_at”."""
        return durations.words_signed(self.offset, self.name)


def value_of(fields: Mapping[str, Any], name: str) -> Any:
    """A lead's field as rules know it, `attributes.x` included; None if it is empty."""
    if name in fields:
        return fields[name]
    column, _, member = name.partition(".")
    inner = fields.get(column)
    found = inner.get(member) if member and isinstance(inner, Mapping) else None
    return None if found == "" else found


def read(value: Any, zone: str) -> datetime | None:
    """An instant in UTC from a date or an ISO text; None if it is neither.

    A time without an offset is one of the clocks in `zone`, and a date without a time is their midnight.
    """
    if isinstance(value, str):
        value = _from_iso(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime) or value.year not in YEARS:
        return None
    return windows.instant_of(value, ZoneInfo(zone)) if value.tzinfo is None else value.astimezone(UTC)


def _from_iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def shifted(at: datetime, offset: timedelta, zone: str) -> datetime:
    """`at` moved by the offset. Whole days are days of the calendar: a day before 10:00 is 10:00 of the day before,
    although clocks were changed in between. Hours and minutes are elapsed time."""
    if not offset or offset % DAY:
        return at + offset
    there = ZoneInfo(zone)
    return windows.instant_of(at.astimezone(there).replace(tzinfo=None) + offset, there)
