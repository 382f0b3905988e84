"""What people do to inbox events: try them again, or say that they are to be left alone."""

from collections.abc import Sequence
from datetime import datetime

from lifecycle.core import sql
from lifecycle.core.nudging import nudge
from lifecycle.integrations.inbound import SWEEP

# Not while somebody is at it, and not what has no body any more. A handler that did it before does nothing twice.
_REPLAY = """
    UPDATE integrations_inboxevent
    SET state = 'waiting', attempts = 0, due_at = %b::timestamptz, closed_at = NULL, waits_for = '', error = '',
        outcome = 'To be tried again, said by a person.'
    WHERE id = ANY(%b::bigint[]) AND body <> '' AND coalesce(lease_until < clock_timestamp(), true)
"""
_IGNORE = """
    UPDATE integrations_inboxevent
    SET state = 'ignored', closed_at = %b::timestamptz, waits_for = '', outcome = 'Ignored, said by a person.'
    WHERE id = ANY(%b::bigint[]) AND state IN ('waiting', 'parked', 'dead')
      AND coalesce(lease_until < clock_timestamp(), true)
"""


def replay(inbox_ids: Sequence[int], *, now: datetime) -> int:
    """Have these events carried out again, from the beginning; how many. Those whose body is gone stay as they are."""
    nudge(SWEEP)
    return sql.execute(_REPLAY, [now, list(inbox_ids)])


def ignore(inbox_ids: Sequence[int], *, now: datetime) -> int:
    """Close what waits or was given up without its having any effect; how many."""
    return sql.execute(_IGNORE, [now, list(inbox_ids)])
