"""How fast a sender account may send: a token bucket in the database, shared by all workers (rule 16).

Tokens are taken before a claim, in a short transaction of its own, and what was not needed is given back after it; no
lock is held in between. An account without a limit costs one look a claim.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction

from campaigns.models import SenderAccount
from campaigns.sending.checks import Defer, Go, Rate, Verdict
from campaigns.sending.delivery.contract import Receipt, account_name
from campaigns.sending.settling import LONGEST_WAIT
from lifecycle.core import sql

# Clocks of several machines differ by less. A clock that is further behind was set back: counting begins anew.
SKEW = timedelta(minutes=5)

_LOOK = "SELECT per_second, blocked_until FROM campaigns_senderaccount WHERE name = %b"
_OPEN = """
    INSERT INTO campaigns_senderaccount (name, burst, tokens, blocked_reason) VALUES (%b, %b, 0, '')
    ON CONFLICT (name) DO NOTHING
"""
_DUE = """
    SELECT count(*) FROM (
        SELECT FROM campaigns_message WHERE state = 'ready' AND NOT is_held AND due_at <= %b ORDER BY due_at LIMIT %b
    ) due
"""
_LOCK = """
    SELECT per_second, burst, tokens, refilled_at, booked_until FROM campaigns_senderaccount
    WHERE name = %b AND per_second IS NOT NULL FOR NO KEY UPDATE
"""
_STORE = """
    UPDATE campaigns_senderaccount SET tokens = %b, refilled_at = %b, booked_until = %b WHERE name = %b
"""
_RETURN = """
    UPDATE campaigns_senderaccount
    SET tokens = least(burst, tokens + %b), booked_until = booked_until - %b::interval WHERE name = %b
"""
_BLOCK = """
    UPDATE campaigns_senderaccount SET blocked_until = greatest(blocked_until, %b::timestamptz), blocked_reason = %b
    WHERE name = %b
"""
BURST = 100


@dataclass(frozen=True, slots=True)
class Bucket:
    """Pure. `booked_until`: a backlog has its turns up to there."""

    per_second: float
    burst: int
    tokens: float
    refilled_at: datetime | None
    booked_until: datetime | None

    def at(self, now: datetime) -> "Bucket":
        """Refilled up to `now`. Time that runs backwards takes nothing away; one that was set back begins anew."""
        if self.refilled_at is None:
            return replace(self, tokens=float(self.burst), refilled_at=now, booked_until=now)
        if self.refilled_at > now + SKEW:
            return replace(self, tokens=min(self.tokens, float(self.burst)), refilled_at=now, booked_until=now)
        passed = max(0.0, (now - self.refilled_at).total_seconds())
        return replace(
            self,
            tokens=min(float(self.burst), self.tokens + passed * self.per_second),
            refilled_at=max(self.refilled_at, now),
            booked_until=max(self.booked_until or now, now),
        )


@dataclass
class Turns:
    """What a claim may send now, and when the turn of the others comes."""

    account: str
    per_second: float = 0.0
    left: float = math.inf
    fraction: float = 0.0  # of the next token, already there
    booked_from: datetime | None = None
    booked: int = 0
    put_off: int = 0
    in_line: int = 0
    _offered: Rate | None = field(default=None, repr=False)
    _to_the_end: bool = field(default=False, repr=False)

    def offer(self, *, is_patient: bool, now: datetime) -> Rate | None:
        """None when there is a token left, else the mail's turn. `told` says what became of the offer.

        A backlog's mails that are seen for the first time (`is_patient`) queue up behind each other; what had its turn
        before, or cannot wait that long, gets the next ones.
        """
        self._offered, self._to_the_end = None, False
        if self.left >= 1:
            return None
        self._to_the_end = is_patient and self.put_off < self.booked and self.booked_from is not None
        start, place = (self.booked_from or now, self.put_off) if self._to_the_end else (now, self.in_line)
        ahead = 1 if self._to_the_end else 1 - self.fraction
        self._offered = Rate(
            self.account, self.per_second, start + timedelta(seconds=(place + ahead) / self.per_second)
        )
        return self._offered

    def told(self, found: Verdict) -> None:
        """Count what the mail did with the offer: only one that goes takes a token."""
        if isinstance(found, Go):
            self.left -= 1
        elif isinstance(found, Defer) and self._offered is not None and found.reason.startswith("rate:"):
            if self._to_the_end:
                self.put_off += 1
            else:
                self.in_line += 1


def take(wanted: int, *, now: datetime) -> Turns | None:
    """Tokens for a claim of up to `wanted` mails; None when nothing may be claimed now.

    A full claim is a backlog: those beyond the tokens get their turns behind all that were booked before.
    """
    name = account_name()
    found = sql.fetch(_LOOK, [name])
    if not found:
        sql.execute(_OPEN, [name, BURST])
    per_second, blocked_until = found[0] if found else (None, None)
    if blocked_until is not None and blocked_until > now:
        return None
    if per_second is None:
        return Turns(name)
    return _take(name, wanted, now)


@transaction.atomic
def _take(name: str, wanted: int, now: datetime) -> Turns | None:
    [[due]] = sql.fetch(_DUE, [now, wanted])
    if not due:
        return None
    locked = sql.fetch(_LOCK, [name])
    if not locked:  # the limit was lifted meanwhile
        return Turns(name)
    bucket = Bucket(*locked[0]).at(now)
    granted = min(due, int(bucket.tokens))
    turns = Turns(
        name, bucket.per_second, granted, fraction=bucket.tokens % 1 if granted == int(bucket.tokens) else 0.0
    )
    booked_until = bucket.booked_until or now
    if due == wanted:
        turns.booked, turns.booked_from = due - granted, booked_until
        booked_until += timedelta(seconds=turns.booked / bucket.per_second)
    sql.execute(_STORE, [bucket.tokens - granted, bucket.refilled_at, booked_until, name])
    return turns


def give_back(turns: Turns) -> None:
    """Return the tokens and turns that the claim did not use."""
    if not turns.per_second:
        return
    unused, unbooked = int(turns.left), turns.booked - turns.put_off
    if unused or unbooked:
        sql.execute(_RETURN, [float(unused), timedelta(seconds=unbooked / turns.per_second), turns.account])


def bucket_of(account: SenderAccount) -> Bucket:
    """The bucket of an account with a limit, as it was left."""
    return Bucket(account.per_second or 0.0, account.burst, account.tokens, account.refilled_at, account.booked_until)


def lift(name: str, *, now: datetime) -> bool:
    """Let an account send although its provider asked it to wait; False if it was not waiting."""
    waiting = SenderAccount.objects.filter(name=name, blocked_until__gt=now)
    return bool(waiting.update(blocked_until=None, blocked_reason=""))


def heed(receipts: Sequence[Receipt], *, now: datetime) -> bool:
    """Block the account when its provider asked us to wait; whether it did. Nobody claims anything until then."""
    asked = [receipt for receipt in receipts if receipt.blocks_account]
    if not asked:
        return False
    longest = max(asked, key=lambda receipt: receipt.retry_after or 0.0)
    wait = min(timedelta(seconds=longest.retry_after or 0.0), LONGEST_WAIT)
    sql.execute(_BLOCK, [now + wait, longest.detail[:250], account_name()])
    return True
