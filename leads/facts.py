"""Events of the batch's leads as facts for rules: each kind is read once, then kept up to date in memory."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from lifecycle.core import sql
from lifecycle.core.rules import EventFact, Needs

# Leads and kinds as plain lists, so that one pass over an index finds everything; all leads reach equally far back.
_READ = """
    SELECT e.lead_id, e.kind, e.occurred_at, e.properties, e.id
    FROM leads_event e JOIN unnest(%b::text[], %b::interval[]) AS wanted (kind, span)
        ON e.kind = wanted.kind AND e.occurred_at >= coalesce(%b::timestamptz - wanted.span, '-infinity')
    WHERE e.lead_id = ANY(%b::bigint[]) AND e.kind = ANY(%b::text[])
    ORDER BY e.lead_id, e.occurred_at, e.id
"""


class Happened(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def lead_id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def properties(self) -> dict: ...  # type: ignore[type-arg]
    @property
    def occurred_at(self) -> datetime: ...


class EventFacts:
    """What rules may ask about the events of some leads. `bases`: lead → the earliest moment a rule is evaluated at."""

    def __init__(self, bases: Mapping[int, datetime]) -> None:
        self._bases = bases
        self._spans: dict[str, timedelta | None] = {}
        self._events: dict[int, dict[str, list[EventFact]]] = {lead_id: defaultdict(list) for lead_id in bases}

    def load(self, needs: Needs) -> None:
        """One query for the kinds that are not here yet or not far enough back; none if everything is."""
        missing: dict[str, timedelta | None] = {}
        for need in needs.events:
            span = None if need.since_enrollment else need.within
            if need.kind in missing:
                span = _wider(missing[need.kind], span)
            if need.kind not in self._spans or _wider(self._spans[need.kind], span) != self._spans[need.kind]:
                missing[need.kind] = span
        if missing and self._bases:
            self._read(missing)
            self._spans |= missing

    def of(self, lead_id: int) -> dict[str, list[EventFact]]:
        """kind → events in their order; only the kinds that were loaded."""
        return self._events[lead_id]

    def add(self, events: Iterable[Happened]) -> None:
        """Events that the batch itself wrote, for the kinds that were read before they existed."""
        for event in events:
            if event.kind in self._spans:
                fact = EventFact(event.occurred_at, event.properties, event.id)
                self._events[event.lead_id][event.kind].append(fact)

    def _read(self, kinds: Mapping[str, timedelta | None]) -> None:
        for by_kind in self._events.values():
            for kind in kinds:
                by_kind.pop(kind, None)
        names, earliest = list(kinds), min(self._bases.values())
        rows = sql.fetch(_READ, [names, list(kinds.values()), earliest, list(self._bases), names])
        for lead_id, kind, at, properties, event_id in rows:
            self._events[lead_id][kind].append(EventFact(at, properties, event_id))


def _wider(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return None if one is None or other is None else max(one, other)
