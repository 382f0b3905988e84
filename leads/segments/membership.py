"""Who enters and leaves among people whose facts changed: evaluated in memory, written as the difference."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from leads import log
from leads.batch import Batch, LeadRow
from leads.rulebook import LivingSegment
from leads.segments.writing import Change, Pair, members, told, write_members, write_sooner
from lifecycle.core.rules import Needs


class Memberships:
    """Who is in which segment, for the people of a batch."""

    def __init__(self, batch: Batch, segments: tuple[LivingSegment, ...]) -> None:
        self.batch = batch
        self.segments = segments
        self._slugs = {segment.id: segment.slug for segment in segments}
        self._kinds = {need.kind for segment in segments for need in segment.rule.needs().events}
        self._seen: dict[int, int] = {}
        self._looked_at: set[int] = set()
        self._members: set[Pair] | None = None

    def wave(self) -> None:
        """Enter and leave for everyone of this wave whom a rule may see differently now."""
        touched = [
            row for row, events in self.batch.by_lead() if self._may_differ(row, {event.kind for event in events})
        ]
        entered, left = self.bring(touched)
        last = {event.lead_id: event for event in self.batch.events}
        for kind, changes in (("segment.left", left), ("segment.entered", entered)):
            for event in told(changes, kind, self._slugs, now=self.batch.now):
                self.batch.raise_event(event, last[event.lead_id or 0])

    def bring(self, rows: Collection[LeadRow]) -> tuple[list[Change], list[Change]]:
        """Bring these people in line with the rules; who really entered and left."""
        if not rows or not self.segments:
            return [], []
        if self._members is None:
            self._members = members(list(self._slugs), list(self.batch.leads))
        ids = {row.id for row in rows}
        self._looked_at |= ids
        wanted = {(segment.id, row.id) for row in rows for segment in self.segments if self._holds(segment, row)}
        present = {pair for pair in self._members if pair[1] in ids}
        entered, left = wanted - present, present - wanted
        self._members = (self._members | entered) - left
        return write_members(entered, left, now=self.batch.now)

    def appoint(self) -> None:
        """Note when time alone may change it next for the people who were looked at: once, when all waves are over."""
        waiting = [segment for segment in self.segments if segment.waits]
        if not waiting:
            return
        now, wanted = self.batch.now, {}
        for lead_id in self._looked_at:
            facts = self.batch.facts_of(lead_id)
            for segment in waiting:
                due = segment.rule.next_change(facts, now)
                if due is not None:
                    wanted[segment.id, lead_id] = due
        write_sooner(wanted)

    def _may_differ(self, row: LeadRow, kinds: set[str]) -> bool:
        if self._seen.get(row.id) == row.changes and not kinds & self._kinds:
            return False
        self._seen[row.id] = row.changes
        return True

    def _holds(self, segment: LivingSegment, row: LeadRow) -> bool:
        return segment.rule.matches(self.batch.facts_of(row.id), self.batch.now)


def follow(
    leads: Mapping[int, LeadRow], segments: Iterable[LivingSegment], *, changed: frozenset[str], now: datetime
) -> int:
    """For locked leads whose rule fields of the names `changed` changed without an event; how many came and went."""
    affected = tuple(segment for segment in segments if segment.rule.needs().fields & changed)
    if not affected or not leads:
        return 0
    batch = Batch(now=now, leads=dict(leads), events=[])
    batch.load(Needs().merge(*(segment.rule.needs() for segment in affected)))
    memberships = Memberships(batch, affected)
    entered, left = memberships.bring(list(leads.values()))
    memberships.appoint()
    slugs = {segment.id: segment.slug for segment in affected}
    events = [*told(left, "segment.left", slugs, now=now), *told(entered, "segment.entered", slugs, now=now)]
    log.write(events, now=now, pending=True)
    return len(events)
