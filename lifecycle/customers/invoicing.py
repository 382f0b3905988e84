"""Bills: how often paying one failed, and whether it was paid in the end. The person is locked by the caller."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lifecycle.core.moments import iso
from lifecycle.customers.models import Invoice
from lifecycle.customers.products import plain
from lifecycle.customers.telling import tell

State = Invoice.State
# A recovery follows its failures, also where the sender dates them alike.
AFTER = timedelta(seconds=1)
# Why a bill is given up that was never owed: nothing has failed then.
VOIDED = "voided"
# Of two tellings of one second, the later state counts.
_ORDER = (State.OPEN, State.FAILED, State.GIVEN_UP, State.PAID)


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill as the sender tells it at `told_at`.

    `attempt`: which attempt to pay it failed; without a next one (`next_attempt_at`) it was the last. `is_first`: it
    is the first of a subscription, so nothing was paid for before. `reason`: why it was given up.
    """

    provider: str
    reference: str
    lead_id: int
    state: str
    told_at: datetime
    issued_at: datetime
    amount: Decimal | None = None
    currency: str = ""
    subscription: str = ""
    subscription_id: int | None = None
    attempt: int = 0
    next_attempt_at: datetime | None = None
    pay_url: str = ""
    paid_at: datetime | None = None
    is_first: bool = False
    reason: str = ""


def record(bill: Bill, *, now: datetime) -> Invoice:
    """Keep what is told unless something newer is known; a paid bill stays paid. Tells of failures and recoveries."""
    row = Invoice.objects.filter(provider=bill.provider, reference=bill.reference).first()
    if row is None:
        row = Invoice(provider=bill.provider, reference=bill.reference, lead_id=bill.lead_id, issued_at=bill.issued_at)
        _describe(row, bill)
    elif _is_news(row, bill):
        _describe(row, bill)
    row.subscription_id = row.subscription_id or bill.subscription_id
    row.issued_at = min(row.issued_at, bill.issued_at)
    if bill.state == State.FAILED:
        row.attempts = max(row.attempts, bill.attempt)
        row.failed_at = max(filter(None, [row.failed_at, bill.told_at]))
    elif row.state == State.GIVEN_UP and bill.reason != VOIDED:
        row.failed_at = row.failed_at or bill.told_at
    row.save()
    _tell(row, bill, now)
    return row


def _is_news(row: Invoice, bill: Bill) -> bool:
    if row.state == State.PAID:
        return False
    if bill.state == State.PAID or bill.told_at > row.told_at:
        return True
    return bill.told_at == row.told_at and _ORDER.index(State(bill.state)) >= _ORDER.index(State(row.state))


def _describe(row: Invoice, bill: Bill) -> None:
    # What was only issued again has failed all the same.
    was_failed = row.state == State.FAILED
    row.state = State.FAILED if bill.state == State.OPEN and was_failed else bill.state
    row.told_at, row.paid_at = bill.told_at, bill.paid_at
    if bill.amount is not None:
        row.amount, row.currency = bill.amount, bill.currency
    row.next_attempt_at = bill.next_attempt_at if row.state == State.FAILED else None
    row.pay_url = bill.pay_url or row.pay_url


def _tell(row: Invoice, bill: Bill, now: datetime) -> None:
    """Each failed attempt once, and that it was paid after all: after a failure that is told late, once more.

    So whatever a failure starts ends at once when its payment is known already.
    """
    given = {"invoice": row.reference, "subscription": bill.subscription, **_worth(bill)}
    if bill.state == State.FAILED:
        failed = given | {
            "attempt": bill.attempt,
            "pay_url": bill.pay_url,
            "next_attempt_at": iso(bill.next_attempt_at),
            "is_final": bill.next_attempt_at is None,
            "is_first": bill.is_first,
        }
        _once(row, "payment.failed", failed, f"{row.reference}:{bill.attempt}", bill.told_at, now)
    elif bill.state == State.GIVEN_UP and row.state == State.GIVEN_UP:
        _once(row, "payment.given_up", given | {"reason": bill.reason}, row.reference, bill.told_at, now)
    if row.state == State.PAID and row.attempts and row.paid_at:
        at = max(row.paid_at, (row.failed_at or row.paid_at) + AFTER)
        attempt = bill.attempt if bill.state == State.FAILED else row.attempts
        _once(row, "payment.recovered", given, f"{row.reference}:{attempt}", at, now)


def _worth(bill: Bill) -> dict[str, Any]:
    return {"amount": plain(bill.amount), "currency": bill.currency}


def _once(row: Invoice, kind: str, properties: dict[str, Any], key: str, at: datetime, now: datetime) -> None:
    tell(row.lead_id, kind, properties, provider=row.provider, key=key, at=at, now=now)
