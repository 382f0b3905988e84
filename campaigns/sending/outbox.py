"""The only door to sending mail. `queue` inside your transaction; `send` claims, delivers and settles.

Two phases: a claim commits `sending` with a lease; the delivery runs with no transaction open; outcomes are settled in
small batches, fenced by the lease's token. What dies in between is found by its expired lease (`settling.expire`).
"""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from campaigns.consent import suppressing
from campaigns.models import Message
from campaigns.sending import claiming, rates, settling
from campaigns.sending.delivery.contract import Outcome, Outgoing, Receipt, Transport
from campaigns.sending.delivery.refusals import is_of_nobody
from lifecycle.core import sql, ticks

logger = logging.getLogger(__name__)

# A worker that has carried one claim for so long gives the rest back: its lease (settling.LEASE) must not run out.
LONGEST_CARRY = 60.0
IN_FLIGHT_WAIT = timedelta(seconds=2)
_IN_FLIGHT = """
    SELECT EXISTS (SELECT FROM campaigns_message WHERE lead_id = %b AND state = 'sending' AND stop_reason <> '')
"""

_QUEUE = """
    INSERT INTO campaigns_message
        (key, lead_id, enrollment_id, sequence_id, step_key, variant_key, template_version_id, message_class, topic_id,
         context, priority, subject, state, reason, due_at, expires_at, created_at, attempts, stop_reason, provider_id,
         is_shadow)
    SELECT given.key, given.lead_id, given.enrollment_id, given.sequence_id, given.step_key, given.variant_key,
           v.id, v.message_class, v.topic_id, given.context::jsonb, given.priority, '', 'ready', '', given.due_at,
           given.expires_at, %b::timestamptz, 0, '', '', given.is_shadow AND v.message_class = 'marketing'
    FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[],
                %b::smallint[], %b::timestamptz[], %b::timestamptz[], %b::boolean[])
      AS given (key, lead_id, template_id, enrollment_id, sequence_id, step_key, variant_key, context, priority,
                due_at, expires_at, is_shadow)
    JOIN campaigns_emailtemplate t ON t.id = given.template_id
    JOIN campaigns_templateversion v ON v.id = t.current_version_id
    ON CONFLICT (key) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail to queue. `key` makes it one mail whatever is repeated; `context`: variables no enrollment carries.

    `is_shadow`: of the control group. Only marketing mail is held out; what people asked for, they get.
    """

    key: str
    lead_id: int
    template_id: int
    enrollment_id: int | None = None
    sequence_id: int | None = None
    step_key: str = ""
    variant_key: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    due_at: datetime | None = None
    expires_at: datetime | None = None
    is_shadow: bool = False


def queue(drafts: Sequence[Draft], *, now: datetime) -> int:
    """Queue mails from the current versions of their templates; how many were new. One statement."""
    if not drafts:
        return 0
    return sql.execute(
        _QUEUE,
        [
            now,
            [draft.key for draft in drafts],
            [draft.lead_id for draft in drafts],
            [draft.template_id for draft in drafts],
            [draft.enrollment_id for draft in drafts],
            [draft.sequence_id for draft in drafts],
            [draft.step_key for draft in drafts],
            [draft.variant_key for draft in drafts],
            [sql.to_json(draft.context) for draft in drafts],
            [draft.priority for draft in drafts],
            [draft.due_at or now for draft in drafts],
            [draft.expires_at for draft in drafts],
            [draft.is_shadow for draft in drafts],
        ],
    )


@dataclass
class SendCounts:
    """What a call of `send` did: messages claimed, and how each of them went on."""

    claimed: int = 0
    sent: int = 0
    deferred: int = 0
    dropped: int = 0
    failed: int = 0
    retried: int = 0
    unknown: int = 0
    given_back: int = 0


def send(transport: Transport, *, now: datetime, limit: int = 500) -> SendCounts:
    """Claim up to `limit` due messages and see each through to an outcome. `transport` belongs to this worker alone.

    Nothing is claimed while the sender account's provider wants to be left alone.
    """
    turns = rates.take(limit, now=now)
    if turns is None:
        return SendCounts()
    claim = claiming.claim(limit=limit, now=now, turns=turns)
    rates.give_back(turns)
    counts = SendCounts(claimed=claim.looked_at, deferred=claim.deferred, dropped=claim.dropped)
    _deliver(transport, claim, counts, now)
    return counts


@ticks.when("EXISTS (SELECT FROM campaigns_message WHERE state = 'ready' AND NOT is_held AND due_at <= %(now)b)")
def drain(transport: Transport, *, now: datetime, limit: int = 500, seconds: float = math.inf) -> SendCounts:
    """Send until nothing is due at `now` any more, or `seconds` are over (a claim that was begun is finished)."""
    total, began = SendCounts(), time.monotonic()
    while time.monotonic() - began < seconds:
        counts = send(transport, now=now, limit=limit)
        if not counts.claimed:
            break
        for name, value in vars(counts).items():
            setattr(total, name, getattr(total, name) + value)
    return total


def _deliver(transport: Transport, claim: claiming.Claim, counts: SendCounts, now: datetime) -> None:
    """Hand over in small batches. Before each, one look at who was stopped meanwhile, while settling the last."""
    began = time.monotonic()
    receipts: list[Receipt] = []
    size = transport.batch_size
    pending = [claim.mails[start : start + size] for start in range(0, len(claim.mails), size)]
    while pending:
        if rates.heed(receipts, now=now) or time.monotonic() - began > LONGEST_CARRY:
            rest = [mail.message_id for batch in pending for mail in batch]
            counts.given_back += settling.give_back(claim.token, rest, now=now)
            break
        batch = pending.pop(0)
        handed = settling.settle_and_hand(claim.token, receipts, batch, now=now)
        _learn(counts, receipts, now)
        counts.dropped += len(batch) - len(handed)
        receipts = _handed_over(transport, [mail for mail in batch if mail.message_id in handed])
    else:
        rates.heed(receipts, now=now)
    settling.settle_and_hand(claim.token, receipts, [], now=now)
    _learn(counts, receipts, now)


def _handed_over(transport: Transport, mails: list[Outgoing]) -> list[Receipt]:
    return transport.deliver(mails) if mails else []


def _learn(counts: SendCounts, receipts: Sequence[Receipt], now: datetime) -> None:
    _count(counts, receipts)
    refused = [receipt for receipt in receipts if receipt.outcome is Outcome.REJECTED]
    gone = [receipt.message_id for receipt in refused if is_of_nobody(receipt.detail)]
    if gone:
        suppressing.block_refused(gone, now=now)


def _count(counts: SendCounts, receipts: Sequence[Receipt]) -> None:
    for receipt in receipts:
        name = {"sent": "sent", "rejected": "failed", "retry": "retried", "unknown": "unknown"}[receipt.outcome.value]
        setattr(counts, name, getattr(counts, name) + 1)


def await_in_flight(lead_id: int, *, wait: timedelta = IN_FLIGHT_WAIT) -> bool:
    """Wait until no stopped message of the lead is in flight any more; False when `wait` ran out first (logged).

    For the doors that may bring a stop: after they answer, no mail leaves that the stop was meant for.
    """
    deadline = time.monotonic() + wait.total_seconds()
    while sql.fetch(_IN_FLIGHT, [lead_id])[0][0]:
        if time.monotonic() > deadline:
            logger.warning("lead %s still has mail in flight after the stop", lead_id)
            return False
        time.sleep(0.02)
    return True


def requeue(message_ids: Sequence[int], *, now: datetime) -> int:
    """“Send again”, said by a person: unknown and failed messages become ready; how many did."""
    again = Message.objects.filter(pk__in=message_ids, is_shadow=False)  # a control never gets it later
    return again.filter(state__in=[Message.State.UNKNOWN, Message.State.FAILED]).update(
        state=Message.State.READY,
        reason="sent again by hand",
        due_at=now,
        attempts=0,
        settled_at=None,
        stop_reason="",
        lease_token=None,
        lease_until=None,
        handed_at=None,
    )
