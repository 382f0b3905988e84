"""One line for every change of a sequence: who did what to it, when, why, and how many it touched."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from campaigns.models import Sequence, SequenceChange, SequenceVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

LONGEST_REASON = 250


def note(
    sequence: Sequence,
    action: str,
    *,
    actor: "AbstractBaseUser | None",
    now: datetime,
    version: SequenceVersion | None = None,
    reason: str = "",
    detail: dict[str, Any] | None = None,
) -> SequenceChange:
    """Write the line, in the change's transaction. `actor` None is the system itself; `detail`: counts by effect."""
    return SequenceChange.objects.create(
        sequence=sequence,
        at=now,
        actor_id=actor.pk if actor else None,
        action=action,
        version=version,
        reason=reason[:LONGEST_REASON],
        detail=detail or {},
    )
