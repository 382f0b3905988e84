"""Carry out what the inbox holds, one event at a time: claim → fetch → handle and close → or park, or try again later.

A claim counts the attempt and commits a lease before any work, so an event that kills its worker ends too. What it
needs from outside is fetched with no transaction open. Its effects and its closing commit together, fenced by the
claim: of two workers that got to it (the first one's lease ran out) one rolls back.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from leads import failing
from lifecycle.core import gate, sql
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.integrations import bodies, registry
from lifecycle.integrations.contract import Delivery, Handler, Outcome, Parked, Refused, Unfetched

logger = logging.getLogger(__name__)

Fetch = Callable[[Delivery], Any]
LEASE = timedelta(minutes=3)
MOST_ATTEMPTS = 5
# What cannot be had from outside is somebody else's trouble, and may take them a day or two.
MOST_FETCHES = 12
BACKOFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
LONGEST_BACKOFF = timedelta(hours=8)
# A parked event is tried again so soon once, in case its parent came while it was being parked.
RECHECK = timedelta(seconds=5)
# While the installation may not call outside.
LOCKED = timedelta(minutes=5)
TURN = "Waits for its turn to fetch."

_COLUMNS = "id, provider, kind, body, occurred_at, received_at, state, attempts, lease_until"
_FREE = "state IN ('waiting', 'parked') AND (lease_until IS NULL OR lease_until < clock_timestamp())"
_TAKE = """
    UPDATE integrations_inboxevent SET attempts = attempts + 1, lease_until = clock_timestamp() + %b
    WHERE id = ({which} LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) RETURNING {columns}
"""
_NEXT = f"SELECT id FROM integrations_inboxevent WHERE {_FREE} AND due_at <= %b ORDER BY due_at, id"  # noqa: S608
_NAMED = f"SELECT id FROM integrations_inboxevent WHERE {_FREE} AND id = %b AND due_at <= %b"  # noqa: S608
_TAKE_NEXT = _TAKE.format(which=_NEXT, columns=_COLUMNS)
_TAKE_NAMED = _TAKE.format(which=_NAMED, columns=_COLUMNS)
_MINE = "id = %b AND attempts = %b AND lease_until = %b::timestamptz AND state IN ('waiting', 'parked')"
_CLOSE = f"""
    UPDATE integrations_inboxevent
    SET state = %b, outcome = %b, closed_at = %b::timestamptz, lead_id = coalesce(%b::bigint, lead_id),
        waits_for = '', error = '', lease_until = NULL
    WHERE {_MINE}
"""  # noqa: S608
_SET_ASIDE = f"""
    UPDATE integrations_inboxevent
    SET state = %b, outcome = %b, error = %b, due_at = %b::timestamptz, closed_at = %b::timestamptz, waits_for = %b,
        attempts = %b, lease_until = NULL
    WHERE {_MINE}
"""  # noqa: S608
# One that is being tried just now is taken from its worker, which may not have seen what came.
_WAKE = """
    UPDATE integrations_inboxevent
    SET state = 'waiting', waits_for = '', due_at = %b::timestamptz, attempts = 0, lease_until = NULL
    WHERE state = 'parked' AND waits_for = ANY(%b::text[]) AND id <> %b RETURNING id
"""
# Of tries to fetch, which may be many, one more worker that went away is not the event's doing.
_BURY = """
    UPDATE integrations_inboxevent
    SET state = 'dead', closed_at = %b::timestamptz, lease_until = NULL,
        outcome = 'Its worker went away each time it was tried.'
    WHERE state IN ('waiting', 'parked') AND lease_until < clock_timestamp()
      AND attempts >= CASE WHEN outcome = %b OR starts_with(outcome, 'Failed: Unfetched') THEN %b ELSE %b END::int
"""


class Claim(NamedTuple):
    """An event that is ours until `lease_until`. `attempts`: this one included."""

    id: int
    provider: str
    kind: str
    body: bytes
    occurred_at: datetime | None
    received_at: datetime
    state: str
    attempts: int
    lease_until: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an event: its state, the people to react to, and the parked events that it woke."""

    state: str
    lead_ids: Sequence[int] = ()
    stops_mail: bool = False
    woken: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class _Aside:
    """How an event leaves our hands undone. Without `due` its time is now, without `attempts` all of them count."""

    state: str
    outcome: str
    due: datetime | None = None
    error: str = ""
    waits_for: str = ""
    attempts: int | None = None


class _Fenced(Exception):
    """Somebody else has the event by now."""


def claim(inbox_id: int | None = None, *, now: datetime) -> Claim | None:
    """Take the event that is due first, or the named one if it is due; None if there is none that is free."""
    with transaction.atomic():
        if inbox_id is None:
            rows = sql.fetch(_TAKE_NEXT, [LEASE, now])
        else:
            rows = sql.fetch(_TAKE_NAMED, [LEASE, inbox_id, now])
    return Claim(*rows[0]) if rows else None


def bury(*, now: datetime) -> int:
    """Give up events whose workers died on them too often; how many."""
    return sql.execute(_BURY, [now, TURN, MOST_FETCHES, MOST_ATTEMPTS])


def work(taken: Claim, *, now: datetime, may_fetch: bool = True) -> Done:
    """See a claimed event through. Never raises but for a database that is gone: then its lease runs out."""
    try:
        handler, delivery = _read(taken)
        if handler.fetch and handler.needs_fetch(delivery):
            if not may_fetch or gate.closed(now):
                return _give_back(taken, now + LOCKED if may_fetch else now)
            delivery = _fetched(handler.fetch, handler.fetch_tries, delivery, taken)
        outcome, woken = _apply(taken, handler, delivery, now)
    except _Fenced:
        return Done("taken")
    except Parked as parked:
        return _park(taken, parked, now)
    except Unfetched as failure:
        return _fail(taken, failure, MOST_FETCHES, now)
    except Exception as error:
        logger.error("inbox event %s failed, attempt %s: %s", taken.id, taken.attempts, failing.place_of(error))
        return _fail(taken, error, MOST_ATTEMPTS, now)
    state = "ignored" if outcome.is_ignored else "done"
    return Done(state, outcome.lead_ids, handler.stops_mail, woken)


def _read(taken: Claim) -> tuple[Handler, Delivery]:
    provider = registry.get(taken.provider)
    handler = provider.handlers.get(taken.kind) if provider else None
    if handler is None:
        reason = f"{taken.kind} means nothing here" if provider else "nobody knows this sender any more"
        handler = Handler(lambda delivery, now: Outcome(f"ignored: {reason}", is_ignored=True))
    return handler, Delivery(
        id=taken.id,
        provider=taken.provider,
        kind=taken.kind,
        payload=_payload(taken.body),
        occurred_at=taken.occurred_at,
        received_at=taken.received_at,
        is_last_try=taken.state == "parked" and taken.attempts > 2,
    )


def _fetched(fetch: Fetch, tries: int | None, delivery: Delivery, taken: Claim) -> Delivery:
    """With what it needs from outside, or without it once that was tried often enough."""
    try:
        return replace(delivery, fetched=fetch(delivery))
    except Unfetched:
        if tries is None or taken.attempts < tries:
            raise
        return delivery


def _payload(body: bytes) -> dict[str, Any]:
    """It was read when it came in; nothing is left of one that was emptied."""
    try:
        return bodies.parse(body)
    except Refused:
        return {}


@atomic_with_retry
def _apply(taken: Claim, handler: Handler, delivery: Delivery, now: datetime) -> tuple[Outcome, Sequence[int]]:
    """Let it have its effects and close it. Leads are locked by the handler, before this touches the row: one order."""
    outcome = handler.handle(delivery, now)
    state = "ignored" if outcome.is_ignored else "done"
    lead_id = outcome.lead_ids[0] if outcome.lead_ids else None
    if not sql.execute(_CLOSE, [state, outcome.text[:250], now, lead_id, *_mine(taken)]):
        raise _Fenced
    woken = sql.fetch(_WAKE, [now, list(outcome.settles), taken.id]) if outcome.settles else []
    return outcome, [row[0] for row in woken]


def _park(taken: Claim, parked: Parked, now: datetime) -> Done:
    """Wait for the parent. On its last try an event has no right to wait any longer."""
    if taken.state == "parked" and taken.attempts > 2:
        text = f"What it waits for never came: {parked.why}"
        return _set_aside(taken, _Aside("dead", text, waits_for=parked.waits_for), now)
    due = now + RECHECK if taken.attempts == 1 else max(now, taken.received_at + parked.patience)
    return _set_aside(taken, _Aside("parked", parked.why, due=due, waits_for=parked.waits_for), now)


def _fail(taken: Claim, error: Exception, most: int, now: datetime) -> Done:
    told = failing.traceback_of(error)
    what = f"{type(error).__name__}, attempt {taken.attempts}"
    if taken.attempts >= most:
        return _set_aside(taken, _Aside("dead", f"Given up: {what}", error=told), now)
    due = now + backoff(taken.attempts)
    return _set_aside(taken, _Aside("waiting", f"Failed: {what}", due=due, error=told), now)


def backoff(attempts: int) -> timedelta:
    """The pause after so many failures."""
    return BACKOFF[attempts - 1] if attempts <= len(BACKOFF) else LONGEST_BACKOFF


def _give_back(taken: Claim, due: datetime) -> Done:
    """Not tried: it needs something from outside, which a door may not wait for and a locked installation not ask."""
    aside = _Aside(taken.state, TURN, due=due, attempts=taken.attempts - 1)
    return _set_aside(taken, aside, due)


def _set_aside(taken: Claim, aside: _Aside, now: datetime) -> Done:
    closed = now if aside.state == "dead" else None
    counted = taken.attempts if aside.attempts is None else aside.attempts
    given = [aside.state, aside.outcome[:250], aside.error, aside.due or now, closed, aside.waits_for[:200], counted]
    sql.execute(_SET_ASIDE, [*given, *_mine(taken)])
    return Done(aside.state)


def _mine(taken: Claim) -> list[Any]:
    return [taken.id, taken.attempts, taken.lease_until]
