"""Ending runs, so that nothing of them is sent any more. All of it inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.running import stopping
from lifecycle.core import sql

# Ends and notes why in one statement; `campaigns.running.decisions` says what such a row means.
_END = """
    WITH ended AS (
        UPDATE campaigns_enrollment e
        SET state = 'ended', ended_at = %b, exit_reason = given.reason, exit_event_id = given.event_id, due_at = NULL
        FROM unnest(%b::bigint[], %b::text[], %b::bigint[]) AS given (id, reason, event_id)
        WHERE e.id = given.id AND e.state = 'active'
        RETURNING e.id, e.lead_id, e.sequence_id, e.step_key, e.ended_at, given.reason, given.event_id
    ), noted AS (
        INSERT INTO campaigns_decision
            (at, lead_id, about, outcome, check_name, values, sequence_id, enrollment_id, step_key)
        SELECT ended_at, lead_id, 'exit', 'left', '',
               jsonb_strip_nulls(jsonb_build_object('text', reason, 'event', event_id)), sequence_id, id, step_key
        FROM ended
    )
    SELECT id FROM ended
"""
# A ready message ends here; one in flight is only marked, and its sender drops it if it still can.
_STOP = stopping.statement(
    "m.enrollment_id = given.enrollment_id",
    given="unnest(%b::bigint[], %b::text[]) AS given (enrollment_id, reason)",
)


@dataclass(frozen=True, slots=True)
class Exit:
    enrollment_id: int
    reason: str
    event_id: int | None = None


def end(exits: Sequence[Exit], *, now: datetime) -> set[int]:
    """End these runs and stop their mails; ids of those that were still active. Two statements whatever the number.

    The caller holds the locks of the leads, so no claim of their messages is half done.
    """
    if not exits:
        return set()
    ids = [leaving.enrollment_id for leaving in exits]
    reasons = [leaving.reason[:120] for leaving in exits]
    ended = {row[0] for row in sql.fetch(_END, [now, ids, reasons, [leaving.event_id for leaving in exits]])}
    sql.execute(_STOP, [now, ids, reasons])
    return ended
