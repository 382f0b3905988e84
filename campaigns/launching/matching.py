"""Who matches a sequence already: the latest event that a trigger waits for, or the segment they are in."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from campaigns.engine.deciding import Journey
from campaigns.engine.triggers import Candidate, proposed
from leads.batch import EventRow
from leads.models import Event, Lead, SegmentMember
from lifecycle.core import sql

CHUNK = 2_000
SEGMENT_ENTERED = "segment.entered"

_EVENTS = """
    SELECT id, lead_id, kind, properties, occurred_at, recorded_at, source, depth
    FROM leads_event WHERE lead_id = ANY(%b::bigint[]) AND kind = ANY(%b::text[]) AND occurred_at <= %b
    ORDER BY lead_id, occurred_at, id
"""
_INSIDE = """
    SELECT lead_id, key FROM campaigns_enrollment
    WHERE sequence_id = %b AND state = 'active' AND lead_id = ANY(%b::bigint[])
"""


def matching(journey: Journey, *, now: datetime) -> Iterator[Candidate]:
    """Everybody whose filters hold and for whom a trigger has fired, once a key, in the order of people.

    Who is in the sequence already is left out. Reads people in chunks, with three queries each.
    """
    holding = Lead.objects.filter(journey.filters.q(now, events=Event.objects.all())).order_by("pk")
    after = 0
    while ids := list(holding.filter(pk__gt=after).values_list("pk", flat=True)[:CHUNK]):
        after = ids[-1]
        inside = {tuple(row) for row in sql.fetch(_INSIDE, [journey.sequence_id, ids])}
        latest: dict[tuple[int, str], Candidate] = {}
        for event in sorted([*_events(journey, ids, now), *_members(journey, ids)], key=lambda row: row.occurred_at):
            candidate = proposed(journey, event)
            if candidate is not None and not candidate.updates_only and candidate.resuming is None:
                latest[candidate.lead_id, candidate.key] = candidate
        yield from (latest[place] for place in sorted(latest.keys() - inside))


def _events(journey: Journey, leads: Sequence[int], now: datetime) -> Iterator[EventRow]:
    kinds = sorted({trigger.event_kind for trigger in journey.triggers if not trigger.segment})
    if kinds:
        yield from (EventRow(*row) for row in sql.fetch(_EVENTS, [list(leads), kinds, now]))


def _members(journey: Journey, leads: Sequence[int]) -> Iterator[EventRow]:
    """Being in a segment now counts as having entered it then."""
    slugs = {trigger.segment for trigger in journey.triggers if trigger.segment}
    if not slugs:
        return
    rows = SegmentMember.objects.filter(segment__slug__in=slugs, lead_id__in=leads)
    for lead_id, slug, at in rows.values_list("lead_id", "segment__slug", "entered_at"):
        yield EventRow(0, lead_id, SEGMENT_ENTERED, {"segment": slug}, at, at, "backfill", 0)


def as_backfilled(candidate: Candidate) -> Candidate:
    """The same, proposed by a launch: nothing caused it, and there is no use in trying again."""
    return replace(candidate, event_id=candidate.event_id or None, depth=0, lineage=())
