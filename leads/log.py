"""The one statement that writes the event log: many events at once, each (source, key) once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from lifecycle.core import sql

_COLUMNS = """
    FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::text[],
                %b::smallint[], %b::bigint[], %b::text[]) WITH ORDINALITY
      AS given (lead_id, visitor_id, kind, properties, occurred_at, source, key, depth, cause_id, lineage, position)
    ORDER BY position
"""
_INSERT = f"""
    INSERT INTO leads_event
        (recorded_at, lead_id, visitor_id, kind, properties, occurred_at, source, key, depth, cause_id, lineage)
    SELECT %b::timestamptz, lead_id, visitor_id, kind, properties::jsonb, occurred_at, source, key, depth, cause_id,
           string_to_array(lineage, ',')
    {_COLUMNS}
    ON CONFLICT (source, key) DO NOTHING
    RETURNING id, lead_id, visitor_id, source, key
"""
_QUEUE = """
    INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error)
    SELECT id, lead_id, 0, '' FROM fresh WHERE lead_id IS NOT NULL
"""
_ASK = """
    INSERT INTO leads_pendingidentity (event_id, visitor_id, browser_id)
    SELECT fresh.id, fresh.visitor_id, asking.browser_id
    FROM fresh JOIN unnest(%b::text[], %b::bigint[]) AS asking (key, browser_id) ON asking.key = fresh.key
"""
_TELL = "SELECT id, source, key FROM fresh"
_INSERT_AND_QUEUE = f"WITH fresh AS ({_INSERT}), waiting AS ({_QUEUE}) {_TELL}"
_INSERT_AND_ASK = f"WITH fresh AS ({_INSERT}), waiting AS ({_QUEUE}), asked AS ({_ASK}) {_TELL}"
_INSERT_ALONE = f"WITH fresh AS ({_INSERT}) {_TELL}"
_NOBODY: Mapping[int, int | None] = {}


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A fact to record. Without `occurred_at` it happened now; without `key` it is a new fact each time.

    `lineage`: who led to it by own action, as "sequence:cold-track"; what it causes inherits that.
    """

    lead_id: int | None
    kind: str
    properties: dict[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    source: str = "engine"
    key: str | None = None
    visitor_id: int | None = None
    depth: int = 0
    cause_id: int | None = None
    lineage: tuple[str, ...] = ()


def write(
    events: Sequence[NewEvent], *, now: datetime, pending: bool, asking: Mapping[int, int | None] = _NOBODY
) -> dict[int, int]:
    """Insert the events that are new; position in `events` → id. `pending` queues them for the pipeline.

    `asking`: positions of events that say who their visitor is, and the browser that says so beside the user. They wait
    for `leads.identity`. All are of one source.
    """
    if not events:
        return {}
    keys = [event.key or uuid4().hex for event in events]
    columns = _columns(events, keys, now)
    if asking:
        rows = sql.fetch(_INSERT_AND_ASK, [*columns, [keys[position] for position in asking], list(asking.values())])
    else:
        rows = sql.fetch(_INSERT_AND_QUEUE if pending else _INSERT_ALONE, columns)
    positions: dict[tuple[str, str], int] = {}
    for position, (event, key) in enumerate(zip(events, keys, strict=True)):
        positions.setdefault((event.source, key), position)
    return {positions[source, key]: event_id for event_id, source, key in rows}


def _columns(events: Sequence[NewEvent], keys: list[str], now: datetime) -> list[Any]:
    return [
        now,
        [event.lead_id for event in events],
        [event.visitor_id for event in events],
        [event.kind for event in events],
        [sql.to_json(event.properties) for event in events],
        [event.occurred_at or now for event in events],
        [event.source for event in events],
        keys,
        [event.depth for event in events],
        [event.cause_id for event in events],
        [",".join(event.lineage) or None for event in events],
    ]
