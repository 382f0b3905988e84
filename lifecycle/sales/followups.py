"""What a rep has to do because of a meeting: prepare it, call back, follow up. A move only moves the task."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from leads.batch import Batch, EventRow
from lifecycle.core import moments, sql

KINDS = frozenset({"meeting.booked", "meeting.rescheduled", "meeting.canceled", "meeting.no_show", "meeting.held"})
BEFORE = timedelta(hours=2)
CALL_BACK_WITHIN = timedelta(days=1)
FOLLOW_UP_WITHIN = timedelta(hours=4)
PREPARE, CALL_BACK, FOLLOW_UP = "prepare", "call-back", "follow-up"

_MOOT = "DELETE FROM sales_task WHERE key = ANY(%b::text[]) AND done_at IS NULL"
# Who books again has no need of being called back about what was before.
_CAME_BACK = """
    DELETE FROM sales_task WHERE lead_id = ANY(%b::bigint[]) AND done_at IS NULL
        AND key LIKE 'meeting:%%' AND split_part(key, ':', 3) = ANY(%b::text[])
"""
_ASK = """
    INSERT INTO sales_task (key, lead_id, title, owner_id, source, due_at, created_at)
    SELECT key, lead_id, title, owner_id, source, due_at, %b::timestamptz
    FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[])
      AS given (key, lead_id, title, owner_id, source, due_at)
    ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at, title = excluded.title WHERE sales_task.done_at IS NULL
"""


class _Task(NamedTuple):
    key: str
    lead_id: int
    title: str
    owner_id: int | None
    source: str
    due_at: datetime | None


def plan(batch: Batch, events: Sequence[EventRow]) -> None:
    """Make, move and take back tasks for these events; what is ticked off stays. At most three statements."""
    wanted: dict[str, _Task | None] = {}
    for event in events:
        wanted |= _after(batch, event, wanted)
    if back := [event.lead_id for event in events if event.kind == "meeting.booked"]:
        sql.execute(_CAME_BACK, [back, [CALL_BACK, FOLLOW_UP]])
    if moot := [key for key, task in wanted.items() if task is None]:
        sql.execute(_MOOT, [moot])
    if tasks := [task for task in wanted.values() if task is not None]:
        sql.execute(_ASK, [batch.now, *(list(column) for column in zip(*tasks, strict=True))])


def _after(batch: Batch, event: EventRow, wanted: dict[str, _Task | None]) -> dict[str, _Task | None]:
    """What an event makes of the tasks of its meeting: key → the task, None where there is no need of it any more."""
    own = {what: _key(event, what) for what in (PREPARE, CALL_BACK, FOLLOW_UP)}
    none: dict[str, _Task | None] = dict.fromkeys(own.values())
    match event.kind:
        case "meeting.booked" | "meeting.rescheduled":
            theirs = [key for key, task in wanted.items() if task and task.lead_id == event.lead_id]
            gone = dict.fromkeys(key for key in theirs if not key.endswith(PREPARE))
            return {**gone, **none, own[PREPARE]: _prepare(batch, event, own[PREPARE])}
        case "meeting.canceled":
            return {**none, own[CALL_BACK]: _call_back(batch, event, own[CALL_BACK])}
        case "meeting.no_show":
            return {**none, own[FOLLOW_UP]: _follow_up(batch, event, own[FOLLOW_UP])}
    return {own[PREPARE]: None, own[FOLLOW_UP]: None}


def _prepare(batch: Batch, event: EventRow, key: str) -> _Task:
    at = moments.read(event.properties.get("at"))
    due_at = max(event.occurred_at, at - BEFORE) if at else None
    return _task(batch, event, key, f"Prepare {_what(event)} with {_who(batch, event)}", due_at)


def _call_back(batch: Batch, event: EventRow, key: str) -> _Task:
    said = str(event.properties.get("reason") or "")
    title = f"Call back {_who(batch, event)}: {_what(event)} was canceled{f', “{said}”' if said else ''}"
    return _task(batch, event, key, title, event.occurred_at + CALL_BACK_WITHIN)


def _follow_up(batch: Batch, event: EventRow, key: str) -> _Task:
    title = f"Follow up with {_who(batch, event)}, who did not come to {_what(event)}"
    return _task(batch, event, key, title, event.occurred_at + FOLLOW_UP_WITHIN)


def _task(batch: Batch, event: EventRow, key: str, title: str, due_at: datetime | None) -> _Task:
    owner_id = batch.leads[event.lead_id]["owner_id"]
    return _Task(key, event.lead_id, title[:250], owner_id, event.kind.replace(".", ": ").replace("_", "-"), due_at)


def _key(event: EventRow, what: str) -> str:
    named = str(event.properties.get("booking_id") or f"lead:{event.lead_id}")
    return f"meeting:{hashlib.sha256(named.encode()).hexdigest()[:40]}:{what}"


def _what(event: EventRow) -> str:
    return str(event.properties.get("event_name") or "the demo")


def _who(batch: Batch, event: EventRow) -> str:
    row = batch.leads[event.lead_id]
    return f"{row['first_name']} {row['last_name']}".strip() or str(row["email"])


def of(events: Iterable[EventRow]) -> list[EventRow]:
    """Those of the events that tell of meetings."""
    return [event for event in events if event.kind in KINDS]
