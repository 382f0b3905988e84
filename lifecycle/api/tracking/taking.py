"""Take a delivery: what reads into the log, what does not among the rejected calls, then react."""

from datetime import datetime

from django.db import IntegrityError, transaction

from leads import identity, reacting, tracking
from leads.tracking import Accepted, Delivery
from lifecycle.api.models import ApiKey
from lifecycle.api.tracking import rejected
from lifecycle.core import nudging
from lifecycle.core.deadlocks import atomic_with_retry


def take(delivery: Delivery, *, key: ApiKey | None, now: datetime) -> Accepted:
    """Store a delivery whole, what of it was rejected too. Somebody who is erased meanwhile comes back as a new one."""
    try:
        return _store(delivery, key, now)
    except IntegrityError:
        if transaction.get_connection().in_atomic_block:
            raise
        return _store(delivery, key, now)


@atomic_with_retry
def _store(delivery: Delivery, key: ApiKey | None, now: datetime) -> Accepted:
    accepted = tracking.accept(delivery, now=now)
    rejected.keep(accepted.refused, key=key, now=now)
    return accepted


def react(accepted: Accepted, *, at_once: bool, now: datetime) -> None:
    """After the commit: a call by itself has its effects now, those of a batch a moment later."""
    if at_once:
        known = accepted.lead_ids | (identity.identify_at_once(accepted.asking, now=now) if accepted.asking else set())
        for lead_id in sorted(known):
            reacting.react(lead_id, now=now)
        return
    if accepted.asking:
        nudging.nudge("leads.tasks.identify")
    if accepted.lead_ids:
        nudging.nudge("leads.tasks.process_pending")
