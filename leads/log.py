"""The one statement that writes the event log: many events at once, each (source, key) once."""

from collections.abc import Sequence
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
    RETURNING id, lead_id, source, key
"""
_QUEUE = """
    INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error)
    SELECT id, lead_id, 0, '' FROM fresh WHERE lead_id IS NOT NULL
"""
_TELL = "SELECT id, source, key FROM fresh"
_INSERT_AND_QUEUE = f"WITH fresh AS ({_INSERT}), waiting AS ({_QUEUE}) {_TELL}"
_INSERT_ALONE = f"WITH fresh AS ({_INSERT}) {_TELL}"
# The same for what visitors do, which comes in floods: from one source, caused by nothing of ours. Some of it says who
# the visitor is and waits for `leads.identity`.
_TRACKED = f"""
    WITH fresh AS (
        INSERT INTO leads_event (recorded_at, source, depth, lead_id, visitor_id, kind, properties, occurred_at, key)
        SELECT %b::timestamptz, %b::text, 0, lead_id, visitor_id, kind, properties::jsonb, occurred_at, key
        FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::text[]) WITH ORDINALITY
          AS given (lead_id, visitor_id, kind, properties, occurred_at, key, position)
        ORDER BY position ON CONFLICT (source, key) DO NOTHING RETURNING id, lead_id, visitor_id, key
    ), waiting AS ({_QUEUE}), asked AS (
        INSERT INTO leads_pendingidentity (event_id, visitor_id, browser_id)
        SELECT fresh.id, fresh.visitor_id, asking.browser_id
        FROM unnest(%b::text[], %b::bigint[]) AS asking (key, browser_id) JOIN fresh ON fresh.key = asking.key
    ) SELECT key, id FROM fresh
"""  # noqa: S608 (our own statements)


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


@dataclass(slots=True)
class Tracked:
    """Events of visitors, by columns; each key once. `asking`: key → the browser that the event names beside the user.

    Those in `asking` say who their visitor is.
    """

    lead_ids: list[int | None] = field(default_factory=list)
    visitor_ids: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    asking: dict[str, int | None] = field(default_factory=dict)


def write(events: Sequence[NewEvent], *, now: datetime, pending: bool) -> dict[int, int]:
    """Insert the events that are new; position in `events` → id. `pending` queues them for the pipeline."""
    if not events:
        return {}
    keys = [event.key or uuid4().hex for event in events]
    rows = sql.fetch(
        _INSERT_AND_QUEUE if pending else _INSERT_ALONE,
        [
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
        ],
    )
    positions: dict[tuple[str, str], int] = {}
    for position, (event, key) in enumerate(zip(events, keys, strict=True)):
        positions.setdefault((event.source, key), position)
    return {positions[source, key]: event_id for event_id, source, key in rows}


def write_tracked(events: Tracked, *, source: str, now: datetime) -> dict[str, int]:
    """Insert the events that are new and queue what follows from them; key → id."""
    if not events.keys:
        return {}
    columns = [events.lead_ids, events.visitor_ids, events.kinds, events.properties, events.moments, events.keys]
    asking = [list(events.asking), list(events.asking.values())]
    return dict(sql.fetch(_TRACKED, [now, source, *columns, *asking]))
