"""The last phase of sending: outcomes, fenced by the claim's token; and what becomes of leases that ran out."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from campaigns.consent.provider_reports import PROOF_OF_SENDING
from campaigns.models import Message
from campaigns.sending.delivery.contract import Outcome, Outgoing, Receipt
from leads.batch import NewEvent
from leads.log import write as write_events
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry

LEASE = timedelta(minutes=5)
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=1), timedelta(hours=3))
# Whoever asks for more is asked again by then.
LONGEST_WAIT = timedelta(days=1)
# A transactional mail whose fate is unknown is sent again after this; a marketing mail waits for a person's word.
GRACE = timedelta(minutes=10)

# The run goes on when its mail has an end. Enrollments before messages: the order of locks everywhere.
_WAKE = """
    UPDATE campaigns_enrollment e SET due_at = %b
    FROM campaigns_message m
    WHERE m.id = ANY(%b::bigint[]) AND e.id = m.enrollment_id AND e.step_key = m.step_key
      AND e.state = 'active' AND e.is_waiting AND e.due_at IS NULL
"""
_SETTLE = """
    UPDATE campaigns_message m
    SET state = CASE WHEN given.state = 'ready' AND m.stop_reason <> '' THEN 'canceled' ELSE given.state END,
        reason = CASE WHEN given.state = 'ready' AND m.stop_reason <> '' THEN m.stop_reason ELSE given.reason END,
        due_at = CASE given.state
            WHEN 'ready' THEN coalesce(given.due_at, %b::timestamptz + (%b::interval[])[least(m.attempts, 5)])
            ELSE m.due_at END,
        provider_id = CASE given.provider_id WHEN '' THEN m.provider_id ELSE given.provider_id END,
        attempts = m.attempts - CASE WHEN given.costs_attempt THEN 0 ELSE 1 END,
        sent_at = CASE given.state WHEN 'sent' THEN %b::timestamptz END,
        settled_at = CASE WHEN given.state = 'ready' AND m.stop_reason = '' THEN NULL ELSE %b::timestamptz END,
        lease_token = NULL, lease_until = NULL, handed_at = NULL, stop_reason = '',
        is_held = m.is_held AND given.state = 'ready'
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::boolean[])
      AS given (id, state, reason, due_at, provider_id, costs_attempt)
    WHERE m.id = given.id AND m.state = 'sending' AND m.lease_token = %b
    RETURNING m.id, m.lead_id, m.step_key, m.sequence_id, m.state
"""
# Marked messages are dropped here, the last moment before they would leave; the others are noted as handed over.
_HAND = """
    UPDATE campaigns_message
    SET state = CASE stop_reason WHEN '' THEN 'sending' ELSE 'canceled' END,
        reason = stop_reason,
        handed_at = CASE stop_reason WHEN '' THEN clock_timestamp() END,
        settled_at = CASE stop_reason WHEN '' THEN NULL ELSE %b::timestamptz END
    WHERE id = ANY(%b::bigint[]) AND state = 'sending' AND lease_token = %b AND lease_until > clock_timestamp()
    RETURNING id, state
"""
_CLOSE = """
    UPDATE campaigns_message m
    SET state = given.state, reason = given.reason, settled_at = %b::timestamptz,
        checks = coalesce(given.checks::jsonb, m.checks)
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[]) AS given (id, state, reason, checks)
    WHERE m.id = given.id AND m.state = 'ready'
"""
_GIVE_BACK = """
    UPDATE campaigns_message
    SET state = CASE stop_reason WHEN '' THEN 'ready' ELSE 'canceled' END, reason = stop_reason,
        settled_at = CASE stop_reason WHEN '' THEN NULL ELSE %b::timestamptz END,
        attempts = attempts - 1, lease_token = NULL, lease_until = NULL
    WHERE id = ANY(%b::bigint[]) AND state = 'sending' AND lease_token = %b AND handed_at IS NULL
    RETURNING id, state
"""
_LOST = """
    SELECT id FROM campaigns_message WHERE state = 'sending' AND lease_until < clock_timestamp()
    ORDER BY id LIMIT %b FOR NO KEY UPDATE SKIP LOCKED
"""
# Not handed over: surely nothing left, so it is ready again (its attempt counts). Handed over: it may have left.
_EXPIRE = """
    UPDATE campaigns_message
    SET state = CASE WHEN stop_reason <> '' AND handed_at IS NULL THEN 'canceled'
                     WHEN handed_at IS NULL THEN 'ready' ELSE 'unknown' END,
        reason = CASE WHEN stop_reason <> '' AND handed_at IS NULL THEN stop_reason
                      WHEN handed_at IS NULL THEN '' ELSE 'lease: the worker died while it was sending' END,
        settled_at = CASE WHEN stop_reason = '' AND handed_at IS NULL THEN NULL ELSE %b::timestamptz END,
        lease_token = NULL, lease_until = NULL
    WHERE id = ANY(%b::bigint[]) AND state = 'sending' AND lease_until < clock_timestamp()
    RETURNING id, state
"""
# What a provider told of it, before or after its fate was lost, proves that it left.
_RESOLVE = """
    UPDATE campaigns_message m SET state = 'sent', reason = '', sent_at = told.at
    FROM (SELECT message_id, min(at) AS at FROM campaigns_providerevent
          WHERE message_id = ANY(%b::bigint[]) AND kind = ANY(%b::text[]) GROUP BY message_id) AS told
    WHERE m.id = told.message_id AND m.state = 'unknown'
"""
_AGAIN = """
    UPDATE campaigns_message
    SET state = 'ready', reason = 'unknown outcome: a transactional mail is sent again', due_at = %b, settled_at = NULL,
        handed_at = NULL
    WHERE state = 'unknown' AND message_class = 'transactional' AND NOT is_shadow AND settled_at <= %b
"""


@atomic_with_retry
def settle_and_hand(
    token: uuid.UUID, receipts: Sequence[Receipt], batch: Sequence[Outgoing], *, now: datetime
) -> set[int]:
    """Write the outcomes of the batch before and look at the next one; ids of `batch` that may be handed over now."""
    _settle(token, receipts, now)
    ids = sorted(mail.message_id for mail in batch)
    if not ids:
        return set()
    looked = sql.fetch(_HAND, [now, ids, token])
    wake([message_id for message_id, state in looked if state == "canceled"], now=now)
    return {message_id for message_id, state in looked if state == "sending"}


def _settle(token: uuid.UUID, receipts: Sequence[Receipt], now: datetime) -> None:
    if not receipts:
        return
    receipts = sorted(receipts, key=lambda receipt: receipt.message_id)
    wake([receipt.message_id for receipt in receipts if receipt.outcome is not Outcome.RETRY], now=now)
    rows = sql.fetch(
        _SETTLE,
        [
            now,
            list(BACKOFF),
            now,
            now,
            [receipt.message_id for receipt in receipts],
            [_STATES[receipt.outcome] for receipt in receipts],
            [_reason(receipt) for receipt in receipts],
            [_retry_at(receipt, now) for receipt in receipts],
            [receipt.provider_id[:250] for receipt in receipts],
            [receipt.costs_attempt for receipt in receipts],
            token,
        ],
    )
    wake([row[0] for row in rows if row[4] == "canceled"], now=now)
    resolve([row[0] for row in rows if row[4] == "unknown"])
    write_events([_sent(row, now) for row in rows if row[4] == "sent"], now=now, pending=False)


_STATES = {
    Outcome.SENT: "sent",
    Outcome.REJECTED: "failed",
    Outcome.RETRY: "ready",
    Outcome.UNKNOWN: "unknown",
}


def _reason(receipt: Receipt) -> str:
    if receipt.outcome is Outcome.SENT:
        return ""
    prefix = {"rejected": "refused", "retry": "rate" if receipt.blocks_account else "retry"}
    return f"{prefix.get(receipt.outcome.value, 'unknown')}: {receipt.detail}"[:250]


def _retry_at(receipt: Receipt, now: datetime) -> datetime | None:
    """When the other side said; None leaves it to the back-off, which grows with the attempts."""
    return now + min(timedelta(seconds=receipt.retry_after), LONGEST_WAIT) if receipt.retry_after else None


def _sent(row: tuple, now: datetime) -> NewEvent:  # type: ignore[type-arg]
    message_id, lead_id, step_key, sequence_id, _ = row
    properties = {"message": message_id, "sequence_id": sequence_id, "step": step_key}
    return NewEvent(lead_id, "email.sent", properties, occurred_at=now, source="outbox", key=f"{message_id}:sent")


def close(
    ends: Iterable[tuple[int, str, str]], *, now: datetime, seen: Mapping[int, str] = MappingProxyType({})
) -> None:
    """End ready messages that will not be sent: (id, state, reason); their runs go on. Two statements.

    `seen`: message id → what the checks saw, as JSON.
    """
    ends = list(ends)
    if not ends:
        return
    ids = [message_id for message_id, _, _ in ends]
    wake(ids, now=now)
    states, reasons = [state for _, state, _ in ends], [reason[:250] for _, _, reason in ends]
    sql.execute(_CLOSE, [now, ids, states, reasons, [seen.get(message_id) for message_id in ids]])


@atomic_with_retry
def give_back(token: uuid.UUID, message_ids: Sequence[int], *, now: datetime) -> int:
    """Return claimed messages that were not handed over; how many."""
    rows = sql.fetch(_GIVE_BACK, [now, list(message_ids), token])
    _wake_ended(rows, now)
    return len(rows)


@ticks.when("EXISTS (SELECT FROM campaigns_message WHERE state = 'sending' AND lease_until < clock_timestamp())")
@atomic_with_retry
def expire(*, now: datetime, limit: int = 1000) -> int:
    """Find messages whose worker died: ready again when surely nothing left, else unknown. How many were found."""
    lost = [row[0] for row in sql.fetch(_LOST, [limit])]
    if not lost:
        return 0
    rows = sql.fetch(_EXPIRE, [now, lost])
    _wake_ended(rows, now)
    resolve([message_id for message_id, state in rows if state == "unknown"])
    return len(rows)


def resolve(message_ids: Sequence[int]) -> int:
    """Of these messages, those whose fate is unknown, and of which a provider told that they left, are sent."""
    return sql.execute(_RESOLVE, [list(message_ids), sorted(PROOF_OF_SENDING)]) if message_ids else 0


def _wake_ended(rows: Iterable[tuple[Any, ...]], now: datetime) -> None:
    """Of (id, state) rows, those that were not just made ready again have their end."""
    wake([message_id for message_id, state in rows if state != "ready"], now=now)


@ticks.when(f"""
    EXISTS (SELECT FROM campaigns_message WHERE state = 'unknown' AND message_class = 'transactional' AND NOT is_shadow
            AND settled_at <= %(now)b - interval '{GRACE.total_seconds()} seconds')
""")
def send_unknown_again(*, now: datetime) -> int:
    """Transactional mails whose fate is still unknown after the grace are sent again, with the same Message-ID."""
    return sql.execute(_AGAIN, [now, now - GRACE])


def wake(message_ids: Sequence[int], *, now: datetime) -> None:
    """Let the runs that wait for these messages go on: they have, or are getting, their end."""
    if message_ids:
        sql.execute(_WAKE, [now, list(message_ids)])


def wake_done(keys: Sequence[str], *, now: datetime) -> None:
    """Let runs go on that wait for a mail they had before: of these message keys, those that have their end."""
    done = Message.objects.filter(key__in=keys).exclude(state__in=Message.OPEN)
    wake(list(done.values_list("pk", flat=True)), now=now)
