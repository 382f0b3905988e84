"""Webhooks that leave the house, by the Standard Webhooks specification: signed, with one id over all attempts.

As with mail: a claim commits a lease, the post runs with no transaction open, its outcome is settled fenced by the
lease's token. Unlike mail a call whose worker died is made again: the receiver knows it by its id. Calls about one
person to one address keep their order.
"""

import base64
import hashlib
import hmac
import random
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from campaigns.models import WebhookCall
from lifecycle.core import gate, http, sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry

LEASE = timedelta(minutes=3)
AT_ONCE = 8
# About three days in all, each step longer or shorter by a fifth so that calls that failed together come back apart.
BACKOFF = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.2
MOST_ATTEMPTS = len(BACKOFF) + 1
# Other answers in the four hundreds say that the call itself is wrong: the next one would be too.
MAY_PASS = frozenset({408, 425, 429})

_CLAIM = """
    SELECT w.id, w.key, w.url, w.body, w.attempts FROM campaigns_webhookcall w
    WHERE (w.state = 'ready' AND w.due_at <= %b OR w.state = 'sending' AND w.lease_until < clock_timestamp())
      AND NOT EXISTS (
        SELECT 1 FROM campaigns_webhookcall e
        WHERE e.lead_id = w.lead_id AND e.url = w.url AND e.id < w.id AND e.state IN ('ready', 'sending'))
    ORDER BY w.due_at, w.id LIMIT %b
    FOR NO KEY UPDATE OF w SKIP LOCKED
"""
_TAKE = """
    UPDATE campaigns_webhookcall
    SET state = 'sending', attempts = attempts + 1, lease_token = %b, lease_until = clock_timestamp() + %b
    WHERE id = ANY(%b::bigint[])
"""
_SETTLE = """
    UPDATE campaigns_webhookcall w
    SET state = given.state, detail = given.detail, due_at = coalesce(given.due_at, w.due_at),
        done_at = CASE given.state WHEN 'ready' THEN NULL ELSE %b::timestamptz END,
        lease_token = NULL, lease_until = NULL
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[]) AS given (id, state, detail, due_at)
    WHERE w.id = given.id AND w.state = 'sending' AND w.lease_token = %b
"""


class Call(NamedTuple):
    id: int
    key: str
    url: str
    body: dict[str, Any]
    attempts: int  # before this one


@dataclass(frozen=True, slots=True)
class Outcome:
    """`due_at` is when to try again; None ends the call in `state`."""

    call: Call
    state: str
    detail: str
    due_at: datetime | None = None


@ticks.when("""
    EXISTS (SELECT FROM campaigns_webhookcall WHERE state = 'ready' AND due_at <= %(now)b)
    OR EXISTS (SELECT FROM campaigns_webhookcall WHERE state = 'sending' AND lease_until < clock_timestamp())
""")
def drain(*, now: datetime, most: int = 20) -> int:
    """Make the calls that are due at `now`; how many were made. Nothing leaves a locked database, nor a demo."""
    if settings.DEMO or gate.closed(now):
        return 0
    total = 0
    for _ in range(most):
        token, calls = claim(now=now)
        if not calls:
            break
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(lambda call: deliver(call, now=now), calls))
        settle(token, outcomes, now=now)
        total += len(calls)
    return total


@atomic_with_retry
def claim(*, now: datetime, limit: int = AT_ONCE * 2) -> tuple[uuid.UUID, list[Call]]:
    """Take due calls under a lease; attempts count from here, so a call that kills its worker ends too."""
    token = uuid.uuid4()
    calls = [Call(*row) for row in sql.fetch(_CLAIM, [now, limit])]
    if calls:
        sql.execute(_TAKE, [token, LEASE, [call.id for call in calls]])
    return token, calls


@atomic_with_retry
def settle(token: uuid.UUID, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of the calls of a claim; those whose lease another worker took meanwhile are left alone."""
    columns = [
        [each.call.id for each in outcomes],
        [each.state for each in outcomes],
        [each.detail[:250] for each in outcomes],
        [each.due_at for each in outcomes],
    ]
    sql.execute(_SETTLE, [now, *columns, token])


def deliver(call: Call, *, now: datetime) -> Outcome:
    """Post one call. No database."""
    body = sql.to_json(call.body).encode()
    try:
        answer = http.post(call.url, body, headers(call.key, body, now), allow_private=settings.ALLOW_PRIVATE_WEBHOOKS)
    except http.Refused as refused:
        return Outcome(call, WebhookCall.State.FAILED, f"refused: the address {refused}")
    except http.Unreachable as failure:
        return _later(call, str(failure), None, now)
    return judge(call, answer, now)


def judge(call: Call, answer: http.Answer, now: datetime) -> Outcome:
    """What an answer means. Pure."""
    said = f"answered {answer.status}"
    if 200 <= answer.status < 300:
        return Outcome(call, WebhookCall.State.DONE, said)
    if 400 <= answer.status < 500 and answer.status not in MAY_PASS:
        return Outcome(call, WebhookCall.State.FAILED, f"{said}: not tried again")
    return _later(call, said, http.retry_after(answer.headers.get("retry-after", ""), now), now)


def _later(call: Call, said: str, asked: timedelta | None, now: datetime) -> Outcome:
    if call.attempts + 1 >= MOST_ATTEMPTS:
        return Outcome(call, WebhookCall.State.FAILED, f"{said}; gave up after {call.attempts + 1} attempts")
    own = BACKOFF[call.attempts] * random.uniform(1 - JITTER, 1 + JITTER)
    return Outcome(call, WebhookCall.State.READY, said, now + max(own, asked or timedelta()))


def headers(key: str, body: bytes, now: datetime) -> dict[str, str]:
    """Content type and the three headers that the receiver verifies."""
    timestamp = str(int(now.timestamp()))
    return {
        "content-type": "application/json",
        "user-agent": "Lifecycle-Webhooks/1",
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(key, timestamp, body),
    }


def signature(key: str, timestamp: str, body: bytes) -> str:
    """`v1,…`: HMAC-SHA256 of id, timestamp and body under the secret's bytes."""
    signed = b".".join([key.encode(), timestamp.encode(), body])
    secret = base64.b64decode(settings.WEBHOOK_SECRET.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def replay(ids: Sequence[int], *, now: datetime) -> int:
    """Make finished calls again, said by a person, with their old id; how many."""
    over = WebhookCall.objects.filter(pk__in=ids, state__in=[WebhookCall.State.DONE, WebhookCall.State.FAILED])
    return over.update(state=WebhookCall.State.READY, due_at=now, attempts=0, done_at=None, detail="made again by hand")
