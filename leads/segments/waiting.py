"""People whom time alone may let into a segment or out of it: looked at when they are due, and only they.

`SegmentDue` says when. It may say too early, never too late: whoever changes a lead's facts also makes its due times
sooner where needed (membership, building), under the lead's lock, as here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from leads import claiming, log, rulebook
from leads.batch import Batch
from leads.rulebook import LivingSegment
from leads.segments.writing import Pair, members, told, write_members
from lifecycle.core import sql
from lifecycle.core.nudging import nudge
from lifecycle.core.rules import Needs

PROCESS = "leads.tasks.process_pending"
BATCH = 1_000
# Held leads are passed over: their worker is at them, and the next tick comes soon.
_CLAIM = """
    SELECT d.lead_id FROM leads_segmentdue d JOIN leads_lead l ON l.id = d.lead_id
    WHERE d.due_at <= %b {only} ORDER BY d.due_at LIMIT %b FOR NO KEY UPDATE OF l SKIP LOCKED
"""
_ONLY = "AND d.segment_id = ANY(%b::bigint[])"
_OPEN = "SELECT segment_id, lead_id FROM leads_segmentdue WHERE lead_id = ANY(%b::bigint[]) AND due_at <= %b"
_NEXT = """
    UPDATE leads_segmentdue d SET due_at = given.due_at
    FROM unnest(%b::bigint[], %b::bigint[], %b::timestamptz[]) AS given (segment_id, lead_id, due_at)
    WHERE d.segment_id = given.segment_id AND d.lead_id = given.lead_id
"""
_NEVER = """
    DELETE FROM leads_segmentdue d USING unnest(%b::bigint[], %b::bigint[]) AS given (segment_id, lead_id)
    WHERE d.segment_id = given.segment_id AND d.lead_id = given.lead_id
"""


class Looked(NamedTuple):
    """How many leads were looked at, and how often one came or went."""

    leads: int = 0
    changes: int = 0


def drain(*, now: datetime, segment_ids: Sequence[int] | None = None, limit: int = BATCH, most: int = 200) -> Looked:
    """Look at everybody who is due, in any segment or in these, batch by batch."""
    total = Looked()
    for _ in range(most):
        done = look(now=now, segment_ids=segment_ids, limit=limit)
        total = Looked(total.leads + done.leads, total.changes + done.changes)
        if not done.leads:
            break
    return total


@transaction.atomic
def look(*, now: datetime, segment_ids: Sequence[int] | None = None, limit: int = BATCH) -> Looked:
    """One batch: members, events and the next due times in one transaction. Repeat-safe; parallel ones share the work.

    Late, it looks at people as they are now: what came and went again meanwhile was no change that anybody saw.
    """
    claim = _CLAIM.format(only="" if segment_ids is None else _ONLY)
    found = sql.fetch(claim, [now, limit] if segment_ids is None else [now, list(segment_ids), limit])
    if not found:
        return Looked()
    # The rules are read after the locks: who changes a rule waits for those who hold leads.
    leads = claiming.hold(sorted({row[0] for row in found}))
    living = {segment.id: segment for segment in rulebook.current().segments if segment.waits}
    pairs: list[Pair] = [(segment, lead) for segment, lead in sql.fetch(_OPEN, [list(leads), now])]
    looked = [pair for pair in pairs if pair[0] in living]
    batch = Batch(now=now, leads=leads, events=[])
    batch.load(Needs().merge(*(living[segment].rule.needs() for segment in {pair[0] for pair in looked})))
    changes = _change(batch, living, looked)
    _appoint(batch, living, pairs)
    return Looked(len(leads), changes)


def _change(batch: Batch, living: Mapping[int, LivingSegment], pairs: Sequence[Pair]) -> int:
    if not pairs:
        return 0
    now = batch.now
    wanted = {(one, lead) for one, lead in pairs if living[one].rule.matches(batch.facts_of(lead), now)}
    known = members(sorted({pair[0] for pair in pairs}), sorted({pair[1] for pair in pairs}))
    present = known & set(pairs)
    entered, left = write_members(wanted - present, present - wanted, now=now)
    slugs = {segment.id: segment.slug for segment in living.values()}
    events = [*told(left, "segment.left", slugs, now=now), *told(entered, "segment.entered", slugs, now=now)]
    if log.write(events, now=now, pending=True):
        nudge(PROCESS)
    return len(events)


def _appoint(batch: Batch, living: Mapping[int, LivingSegment], pairs: Sequence[Pair]) -> None:
    """When to look again: never at whom time changes no more, nor for a segment that waits no more."""
    again: list[tuple[int, int, datetime]] = []
    never: list[Pair] = []
    for segment, lead in pairs:
        due = living[segment].rule.next_change(batch.facts_of(lead), batch.now) if segment in living else None
        if due is None:
            never.append((segment, lead))
        else:
            again.append((segment, lead, due))
    if again:
        sql.execute(_NEXT, [list(column) for column in zip(*again, strict=True)])
    if never:
        sql.execute(_NEVER, [list(column) for column in zip(*never, strict=True)])
