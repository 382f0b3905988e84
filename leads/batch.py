"""The people and events that one pass of the pipeline works on. Receivers of `events_recorded` read and change it.

A batch goes through waves: first the events from outside, then those that the wave before raised, and so on. All waves
share the same lead rows, in one transaction that holds the leads' locks.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection

from leads.facts import EventFacts
from leads.log import NewEvent, write
from leads.models import Lead
from leads.rule_fields import lead_fields
from lifecycle.core import sql
from lifecycle.core.rules import Facts, Needs

__all__ = ["Batch", "EventRow", "LeadRow", "NewEvent"]

DEEPEST = 5
# Our own appointments with a lead: keeping one tells nobody anything new about the person.
NO_NEWS = frozenset({"decay_due_at", "tier_due_at", "tier_since"})
logger = logging.getLogger(__name__)


class EventRow(NamedTuple):
    id: int
    lead_id: int
    kind: str
    properties: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime
    source: str
    depth: int
    lineage: Sequence[str] = ()


class LeadRow:
    """The columns of a locked lead, and of its company and owner under their ORM paths ("company__size")."""

    __slots__ = ("_values", "changes", "dirty")

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self.dirty: set[str] = set()
        self.changes = 0

    @property
    def id(self) -> int:
        return self._values["id"]  # type: ignore[no-any-return]

    def __getitem__(self, column: str) -> Any:
        return self._values[column]

    def set(self, column: str, value: Any) -> bool:
        """Change a column of the lead; it is written with the next flush. False if it had that value already."""
        if column not in column_types():
            raise KeyError(f"leads_lead has no column {column!r}")
        if self._values[column] == value:
            return False
        self._values[column] = value
        self.dirty.add(column)
        self.changes += 1
        return True

    def columns(self) -> dict[str, Any]:
        return self._values


class Batch:
    def __init__(self, *, now: datetime, leads: dict[int, LeadRow], events: list[EventRow]) -> None:
        self.now = now
        self.leads = leads
        self.events = events
        self.depth = 0
        self._raised: list[NewEvent] = []
        self._lineages: dict[int, list[str]] | None = None
        self._fields: dict[int, tuple[int, dict[str, Any]]] = {}
        bases = dict.fromkeys(leads, now)
        for event in events:
            bases[event.lead_id] = min(bases[event.lead_id], event.occurred_at)
        self._events = EventFacts(bases)

    def by_lead(self) -> Iterator[tuple[LeadRow, list[EventRow]]]:
        """The people of this wave, each with their events of this wave in order."""
        grouped: dict[int, list[EventRow]] = {}
        for event in self.events:
            grouped.setdefault(event.lead_id, []).append(event)
        for lead_id, events in grouped.items():
            yield self.leads[lead_id], events

    def raise_event(self, event: NewEvent, cause: EventRow | None = None) -> None:
        """Queue an event for the next wave, with its cause's lineage (or that of all the person's events of this wave).

        Without a time of its own it happened when its cause did.
        """
        depth = max(event.depth, (cause.depth if cause else self.depth) + 1)
        if depth > DEEPEST:
            logger.error("refused an event that is too deep: %s of lead %s", event.kind, event.lead_id)
            return
        self._raised.append(
            replace(
                event,
                depth=depth,
                cause_id=cause.id if cause else event.cause_id,
                occurred_at=event.occurred_at or (cause.occurred_at if cause else self.now),
                lineage=tuple(dict.fromkeys([*self._lineage(event.lead_id, cause), *event.lineage])),
            )
        )

    def _lineage(self, lead_id: int | None, cause: EventRow | None) -> Sequence[str]:
        if cause:
            return cause.lineage
        if self._lineages is None:
            self._lineages = {}
            for event in self.events:
                if event.lineage:
                    self._lineages.setdefault(event.lead_id, []).extend(event.lineage)
        return self._lineages.get(lead_id or 0, ())

    def load(self, needs: Needs) -> None:
        """Make the facts of `needs` available to `facts_of`: one query, or none when an earlier call read them."""
        self._events.load(needs)

    def facts_of(self, lead_id: int) -> Facts:
        """Facts of one lead as they are now, with the events that `load` read."""
        row = self.leads[lead_id]
        known = self._fields.get(lead_id)
        if known is None or known[0] != row.changes:
            known = self._fields[lead_id] = (row.changes, lead_fields(row.columns()))
        return Facts(known[1], self._events.of(lead_id))

    def facts(self, needs: Needs) -> dict[int, Facts]:
        """Facts of every lead of the batch, derived events of earlier waves included; at most one query."""
        self.load(needs)
        return {lead_id: self.facts_of(lead_id) for lead_id in self.leads}

    def next_wave(self) -> bool:
        """Write what was raised and make it the batch's events; False if nothing new was."""
        raised, self._raised, self._lineages = self._raised, [], None
        ids = write(raised, now=self.now, pending=False)
        self.events = [_row(ids[at], raised[at], self.now) for at in sorted(ids)]
        self.events.sort(key=lambda event: (event.lead_id, event.occurred_at, event.id))
        self._events.add(self.events)
        self.depth += 1
        return bool(self.events)

    def flush(self) -> None:
        """Write every changed column of every lead in one statement."""
        flush_leads(self.leads.values(), now=self.now)


def flush_leads(rows: Iterable[LeadRow], *, now: datetime) -> None:
    """One UPDATE for all changed columns of locked leads; a column that changed for one is written for all of them."""
    changed = [row for row in rows if row.dirty]
    if not changed:
        return
    for row in changed:
        if row.dirty - NO_NEWS:
            row.set("updated_at", now)
    types = column_types()
    columns = sorted(set().union(*(row.dirty for row in changed)))
    arrays = ", ".join(f"%b::{_carrier(types[column])}[]" for column in columns)
    assignments = ", ".join(f"{column} = given.{column}{_cast(types[column])}" for column in columns)
    values: list[list[Any]] = []
    for column in columns:
        as_json = types[column] == "jsonb"
        values.append([sql.to_json(row[column]) if as_json else row[column] for row in changed])
    sql.execute(
        f"UPDATE leads_lead SET {assignments} "  # noqa: S608 (column names of our own)
        f"FROM unnest(%b::bigint[], {arrays}) AS given (id, {', '.join(columns)}) WHERE leads_lead.id = given.id",
        [[row.id for row in changed], *values],
    )
    for row in changed:
        row.dirty.clear()


@cache
def column_types() -> dict[str, str]:
    """Column of leads_lead → its database type."""
    return {str(field.column): field.db_type(connection) or "" for field in Lead._meta.local_concrete_fields}


def _carrier(column_type: str) -> str:
    return "text" if column_type == "jsonb" or column_type.startswith("varchar") else column_type


def _cast(column_type: str) -> str:
    """No cast to varchar(n): an explicit one would cut a text that is too long in silence."""
    return "::jsonb" if column_type == "jsonb" else ""


def _row(event_id: int, event: NewEvent, now: datetime) -> EventRow:
    assert event.lead_id is not None
    assert event.occurred_at is not None
    return EventRow(
        event_id,
        event.lead_id,
        event.kind,
        event.properties,
        event.occurred_at,
        now,
        event.source,
        event.depth,
        event.lineage,
    )
