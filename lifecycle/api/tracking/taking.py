"""Take a delivery: what reads into the log, what does not among the rejected calls, then react."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from leads import reacting, tracking
from leads.tracking import Accepted, Delivery, Refusal
from lifecycle.api import keys
from lifecycle.api.models import ApiKey
from lifecycle.core import nudging, sql
from lifecycle.core.deadlocks import atomic_with_retry

KEPT_OF_A_BODY = 2_000
KEPT_OF_A_REASON = 300
_KEEP = """
    INSERT INTO api_rejectedcall (key_id, call, message_id, reason, body, at)
    SELECT %b::bigint, call, message_id, reason, body, %b::timestamptz
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS given (call, message_id, reason, body)
"""


def take(delivery: Delivery, *, key: ApiKey, now: datetime) -> Accepted:
    """Store a delivery whole, what of it was rejected too. Somebody who is erased meanwhile comes back as a new one."""
    try:
        return _store(delivery, key, now)
    except IntegrityError:
        if transaction.get_connection().in_atomic_block:
            raise
        return _store(delivery, key, now)


@atomic_with_retry
def _store(delivery: Delivery, key: ApiKey, now: datetime) -> Accepted:
    accepted = tracking.accept(delivery, now=now)
    keep(accepted.refused, key=key, now=now)
    return accepted


def keep(refused: Sequence[Refusal], *, key: ApiKey, now: datetime) -> None:
    """Remember calls that were not taken, so that their sender can be mended."""
    if refused:
        given = [
            [one.call for one in refused],
            [one.message_id for one in refused],
            [one.reason[:KEPT_OF_A_REASON] for one in refused],
            [_body(one.raw) for one in refused],
        ]
        sql.execute(_KEEP, [key.pk, now, *given])


def _body(raw: bytes) -> str:
    """The beginning of a call, without the key that it may carry."""
    text: str = sql.storable(raw[: KEPT_OF_A_BODY * 4].decode(errors="replace"))
    return keys.hidden(text)[:KEPT_OF_A_BODY]


def react(accepted: Accepted, *, at_once: bool, now: datetime) -> None:
    """After the commit: a call by itself has its effects now, those of a batch a moment later."""
    if at_once:
        for lead_id in sorted(accepted.lead_ids):
            reacting.react(lead_id, now=now)
        return
    if accepted.asking:
        nudging.nudge("leads.tasks.identify")
    if accepted.lead_ids:
        nudging.nudge("leads.tasks.process_pending")
