"""Dates of people that start sequences: 30 days before a renewal, a week after the lead was created.

The sweep writes an event for each date that came, once for ever; entries follow from it as from any event. It reads the
people whose date came in the last day (`DAY`: an outage of that length loses nobody), by an index: a column's own, or
`lead_dates` for attributes. So it costs what is due, whatever there is.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from campaigns.engine.anchors import DAY, Anchor, read
from campaigns.engine.triggers import DATE_REACHED
from campaigns.running import journeys
from campaigns.running.people import zone_of
from leads.log import NewEvent, write
from leads.models import Lead, Workspace
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations, sql
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge
from lifecycle.core.rules import Field

PROCESS = "leads.tasks.process_pending"
SOURCE = "dates"
CHUNK = 1_000
# Whole days are days of the calendar, and clocks are changed by less than this.
SLACK = timedelta(hours=3)
# A day as it is written in some zone is the one of UTC, or one beside it.
_ATTRIBUTE = """
    SELECT l.id, l.attributes ->> %b, l.timezone, c.time_zone
    FROM leads_lead l LEFT JOIN leads_company c ON c.id = l.company_id
    WHERE l.attributes <> '{}' AND leads_dates(l.attributes) && %b::text[]
"""
_KNOWN = "SELECT key FROM leads_event WHERE source = %b AND key = ANY(%b::text[])"


class Came(NamedTuple):
    """A date of a person, with its offset, that came at `at`."""

    lead_id: int
    day: str
    at: datetime


def sweep(*, now: datetime) -> int:
    """Write the dates that came since a day ago and are not in the log yet; how many. The pipeline does the rest."""
    wanted = {
        Anchor(lead_field=trigger.date_field, offset=trigger.offset)
        for journey in journeys.live()
        for trigger in journey.triggers
        if trigger.date_field
    }
    return sum(_sweep(anchor, now) for anchor in sorted(wanted, key=lambda each: (each.name, each.offset)))


def _sweep(anchor: Anchor, now: datetime) -> int:
    field = VOCABULARY.get(anchor.lead_field)
    if field is None:
        return 0  # an upgrade took it away; publishing says so
    came = _of_attribute(field, anchor, now) if field.member else _of_column(field, anchor, now)
    events = [event_of(anchor, each) for each in came]
    return sum(_record(events[start : start + CHUNK], now) for start in range(0, len(events), CHUNK))


@atomic_with_retry
def _record(events: list[NewEvent], now: datetime) -> int:
    known = {row[0] for row in sql.fetch(_KNOWN, [SOURCE, [event.key for event in events]])}
    written = write([event for event in events if event.key not in known], now=now, pending=True)
    if written:
        nudge(PROCESS)
    return len(written)


def _of_column(field: Field, anchor: Anchor, now: datetime) -> Iterator[Came]:
    low, high = now - DAY - anchor.offset - SLACK, now - anchor.offset + SLACK
    found = Lead.objects.filter(**{f"{field.path}__gt": low, f"{field.path}__lte": high})
    return _come(list(found.values_list("pk", field.path, "timezone", "company__time_zone")), anchor, now)


def _of_attribute(field: Field, anchor: Anchor, now: datetime) -> Iterator[Came]:
    first = (now - DAY - anchor.offset - DAY).date()
    days = [f"{field.member}={first + timedelta(days=number)}" for number in range(5)]
    return _come(sql.fetch(_ATTRIBUTE, [field.member, days]), anchor, now)


def _come(rows: Sequence[tuple[Any, ...]], anchor: Anchor, now: datetime) -> Iterator[Came]:
    """Of people whose date may have come (id, value, own zone, company's zone), those whose date came."""
    if rows:
        default = Workspace.load().time_zone
        for pk, value, own, company in rows:
            yield from _came(pk, value, zone_of(own, company, default), anchor, now)


def _came(lead_id: int, value: object, zone: str, anchor: Anchor, now: datetime) -> Iterator[Came]:
    came = coming(lead_id, value, zone, anchor)
    if came is not None and now - DAY < came.at <= now:
        yield came


def coming(lead_id: int, value: object, zone: str, anchor: Anchor) -> Came | None:
    """When a date of a person, with its offset, comes; None if the value is no date. Pure."""
    date = read(value, zone)
    return Came(lead_id, _day(date, value, zone), anchor.instant(date, zone)) if date else None


def _day(date: datetime, value: object, zone: str) -> str:
    """The day as it stands there, else as the person's calendar has it."""
    return value.strip()[:10] if isinstance(value, str) else date.astimezone(ZoneInfo(zone)).date().isoformat()


def event_of(anchor: Anchor, came: Came) -> NewEvent:
    """The event that tells of it."""
    offset = durations.format_signed(anchor.offset)
    return NewEvent(
        came.lead_id,
        DATE_REACHED,
        {"date": came.day, "field": anchor.lead_field, "offset": offset},
        occurred_at=came.at,
        source=SOURCE,
        key=f"{anchor.lead_field}:{offset}:{came.day}:{came.lead_id}",
    )
