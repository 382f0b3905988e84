"""Mails that were put off with their date, when the date moves again: perhaps their time is sooner now, or over."""

from collections.abc import Sequence
from datetime import datetime

from lifecycle.core import sql

# What `checks.moved` says of them. What other checks put off (a cap, a window) does not hang on the date.
PUT_OFF = "date:"
_LOOK_AGAIN = """
    UPDATE campaigns_message SET due_at = %b
    WHERE enrollment_id = ANY(%b::bigint[]) AND state = 'ready' AND due_at > %b AND reason LIKE %b
"""


def look_again(enrollment_ids: Sequence[int], *, now: datetime) -> int:
    """Have the claim look at such mails of these runs now; how many there are."""
    return sql.execute(_LOOK_AGAIN, [now, list(enrollment_ids), now, f"{PUT_OFF}%"]) if enrollment_ids else 0
