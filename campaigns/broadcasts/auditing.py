"""One line for every change of a broadcast: who did what to it, when, why, and how many it touched."""

from datetime import datetime
from typing import TYPE_CHECKING

from campaigns.models import Broadcast, BroadcastChange, BroadcastRun

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

LONGEST_REASON = 250


def note(
    broadcast: Broadcast,
    action: str,
    *,
    now: datetime,
    actor: "AbstractBaseUser | None" = None,
    run: BroadcastRun | None = None,
    reason: str = "",
    **detail: int,
) -> BroadcastChange:
    """Write the line, in the transaction of the change. `actor` None is the system itself; `detail`: how many."""
    return BroadcastChange.objects.create(
        broadcast=broadcast,
        run=run,
        at=now,
        actor_id=actor.pk if actor else None,
        action=action,
        reason=reason[:LONGEST_REASON],
        detail=detail,
    )
