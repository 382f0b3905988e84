"""What fails again and again: counted with its traceback in its queue, and dead after five attempts."""

import traceback
from datetime import datetime
from typing import Literal

from lifecycle.core import sql

ATTEMPTS = 5
LONGEST = 20_000
Queue = Literal["leads_pendingevent", "leads_pendingidentity"]
_FAILED = """
    UPDATE {queue} SET attempts = attempts + 1, error = %b,
        dead_at = CASE WHEN attempts + 1 >= %b THEN %b::timestamptz END
    WHERE event_id = %b RETURNING attempts
"""


def count(queue: Queue, event_id: int, error: Exception, *, now: datetime) -> int | str:
    """Keep the traceback with the event that waits there; the number of its attempts, "?" if it waits no more."""
    attempts = sql.fetch(_FAILED.format(queue=queue), [traceback_of(error), ATTEMPTS, now, event_id])
    return int(attempts[0][0]) if attempts else "?"


def traceback_of(error: Exception) -> str:
    """The end of its traceback, as a queue's row keeps it for a person to read."""
    return "".join(traceback.format_exception(error)).replace("\0", "")[-LONGEST:]


def place_of(error: Exception) -> str:
    """What went wrong and where, without the message: that may quote a person's data."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {last.filename}:{last.lineno}"
