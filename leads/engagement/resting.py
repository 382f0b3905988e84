"""Sunset: of whom nothing was heard for long, and who did not answer either, gets no marketing mail.

It is no opt-out and blocks no address: the person's next act ends it. It never holds for a client.
"""

from datetime import datetime

from leads.batch import LeadRow
from leads.log import NewEvent
from leads.tiers import Life

FIELD = "sunset"  # as sequences set it
BEGUN, ENDED = "lead.sunset", "lead.revived"


def set_to(row: LeadRow, value: object, *, now: datetime) -> NewEvent | None:
    """What a sequence sets: true begins, false ends it. The event that tells of it, None if nothing changed."""
    return begin(row, now=now) if value is True else end(row, by="sequence")


def begin(row: LeadRow, *, now: datetime) -> NewEvent | None:
    """Put a locked lead to rest; the event that tells of it. None for a client, or who rests already."""
    if row["is_client"] or row["sunset_at"] is not None:
        return None
    row.set("sunset_at", now)
    quiet = now - Life(row["created_at"], row["last_human_act_at"]).since
    return NewEvent(row.id, BEGUN, {"quiet_days": max(quiet.days, 0)})


def end(row: LeadRow, *, by: str, reason: str = "") -> NewEvent | None:
    """Marketing mail may come again; the event that tells of it. None if the lead did not rest.

    `by`: the kind of the act that ended it, or who did.
    """
    if not row.set("sunset_at", None):
        return None
    return NewEvent(row.id, ENDED, {"by": by, **({"reason": reason} if reason else {})})
