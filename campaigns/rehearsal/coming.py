"""Dates of people that would have started a run, for versions whose triggers were not live then.

What the log has stays; where it has nothing for a trigger, the person's date of today is taken.
"""

from collections.abc import Mapping

from campaigns.engine.anchors import Anchor, value_of
from campaigns.engine.triggers import DATE_REACHED
from campaigns.rehearsal.asking import Questions
from campaigns.rehearsal.past import CLOCK, Past
from campaigns.running import dates
from leads.batch import EventRow
from leads.models import Lead
from leads.rule_fields import VOCABULARY


def people(after: int, up_to: int, asked: Questions) -> set[int]:
    """Ids, within the chunk, of those who have such a date at all."""
    found: set[int] = set()
    for name in {anchor.lead_field for anchor in asked.dates}:
        field = VOCABULARY.get(name)
        if field is not None:
            has_it = {"attributes__has_key": field.member} if field.member else {f"{field.path}__isnull": False}
            found.update(Lead.objects.filter(pk__gt=after, pk__lte=up_to, **has_it).values_list("pk", flat=True))
    return found


def add(pasts: Mapping[int, Past], asked: Questions) -> None:
    """Put the dates that came in the period among what happened."""
    for lead_id, past in pasts.items():
        for anchor in asked.dates:
            event = _reached(lead_id, past, anchor, asked)
            if event is not None:
                past.wave(event.occurred_at, CLOCK).events.append(event)


def _reached(lead_id: int, past: Past, anchor: Anchor, asked: Questions) -> EventRow | None:
    came = dates.coming(lead_id, value_of(past.person.fields, anchor.lead_field), past.person.zone, anchor)
    if came is None or not asked.since <= came.at < asked.until:
        return None
    told = dates.event_of(anchor, came)
    if any(event.properties.get("date") == came.day and _same(event, told.properties) for event in past.events()):
        return None
    return EventRow(0, lead_id, told.kind, told.properties, came.at, came.at, told.source, 0)


def _same(event: EventRow, told: Mapping[str, object]) -> bool:
    names = ("field", "offset")
    return event.kind == DATE_REACHED and all(event.properties.get(name) == told[name] for name in names)
