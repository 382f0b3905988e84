"""Bills of subscriptions and of single sales: paid, failed, given up."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lifecycle.customers import invoicing, paying, subscribing
from lifecycle.customers.invoicing import Bill, State
from lifecycle.customers.models import Invoice, Purchase, Subscription
from lifecycle.customers.paying import Payment
from lifecycle.integrations.contract import Delivery, Outcome
from lifecycle.integrations.stripe import people, reading, waiting
from lifecycle.integrations.stripe.people import SLUG
from lifecycle.integrations.stripe.reading import Object, moment, part, ref, rows, text
from lifecycle.integrations.stripe.sessions import Naming

STATES = {
    "invoice.finalized": State.OPEN,
    "invoice.payment_failed": State.FAILED,
    "invoice.payment_action_required": State.OPEN,
    "invoice.paid": State.PAID,
    "invoice.payment_succeeded": State.PAID,
    "invoice.marked_uncollectible": State.GIVEN_UP,
    "invoice.voided": State.GIVEN_UP,
}
FIRST = "subscription_create"
CYCLE = "subscription_cycle"
FURTHER = frozenset({CYCLE, "subscription_update", "subscription_threshold"})
# A subscription whose bill covers a time this long after its start has been billed before.
AFTER_START = timedelta(days=1)


def handle(delivery: Delivery, now: datetime) -> Outcome:
    invoice = part(delivery.payload["data"]["object"])
    if not ref(invoice):
        return Outcome("A preview of a bill.", is_ignored=True)
    lead_id = people.find(invoice, delivery, now=now)
    if lead_id is None:
        return Outcome("Nobody knows whose bill it is: no address came with it.", is_ignored=True)
    subscription = _subscription(invoice, STATES[delivery.kind], lead_id, now)
    bill = bill_of(invoice, delivery, lead_id, subscription, now)
    row = invoicing.record(bill, now=now)
    customer = people.customer_of(invoice)
    if bill.state != State.PAID:
        return Outcome(f"Bill {row.reference}: {row.get_state_display().lower()}.", [lead_id], [waiting.name(customer)])
    if not bill.amount:
        _renew(invoice, bill, subscription, now)
        settled = waiting.settled([], customer=customer)
        return Outcome(f"Bill {row.reference}: nothing was to be paid.", [lead_id], settled)
    purchase = _paid(invoice, bill, row, subscription, now)
    settled = waiting.settled(names_of(invoice), customer=customer)
    return Outcome(f"Bill {row.reference} paid: purchase {purchase.key}.", [purchase.lead_id], settled)


def fetch(delivery: Delivery) -> Mapping[str, Any]:
    return people.fetch(part(delivery.payload["data"]["object"]))


def names_of(invoice: Object) -> tuple[str, ...]:
    """By which its payment may be known. In the newer shape they stand there only if somebody asked for them."""
    payments = [part(each.get("payment")) for each in rows(invoice.get("payments"))]
    further = [ref(payment.get(name)) for payment in payments for name in ("payment_intent", "charge")]
    return (ref(invoice), ref(invoice.get("payment_intent")), ref(invoice.get("charge")), *further)


def subscription_of(invoice: Object) -> str:
    parent = part(part(invoice.get("parent")).get("subscription_details"))
    found = ref(invoice.get("subscription")) or ref(parent.get("subscription"))
    lines = (ref(line.get("subscription")) or _by_parent(line) for line in rows(invoice.get("lines")))
    return found or next((each for each in lines if each), "")


def bill_of(
    invoice: Object, delivery: Delivery, lead_id: int, subscription: Subscription | None, now: datetime
) -> Bill:
    """What the event says of the bill."""
    state = STATES[delivery.kind]
    told_at = delivery.occurred_at or now
    code = reading.currency(invoice.get("currency"))
    transitions = part(invoice.get("status_transitions"))
    due = _paid_of(invoice) if state == State.PAID else invoice.get("amount_due")
    return Bill(
        SLUG,
        ref(invoice),
        lead_id,
        state,
        told_at,
        issued_at=moment(invoice.get("created")) or moment(invoice.get("date")) or told_at,
        amount=reading.amount(due if due is not None else invoice.get("total"), code),
        currency=code,
        subscription=subscription_of(invoice),
        subscription_id=subscription.pk if subscription else None,
        attempt=max(1, reading.whole(invoice.get("attempt_count")) or 1),
        next_attempt_at=moment(invoice.get("next_payment_attempt")),
        pay_url=_link(invoice.get("hosted_invoice_url")),
        paid_at=(moment(transitions.get("paid_at")) or told_at) if state == State.PAID else None,
        is_first=invoice.get("billing_reason") == FIRST,
        reason=delivery.kind.partition(".")[2] if state == State.GIVEN_UP else "",
    )


def name(invoice: Object) -> Naming:
    """By the merchant's words on the invoice or its subscription, else by its lines."""
    details = part(part(invoice.get("parent")).get("subscription_details")) or part(invoice.get("subscription_details"))
    lines = rows(invoice.get("lines"))
    given = reading.metadata(invoice, details, *lines)
    hint = reading.hint(given)
    if own := reading.item_of_metadata(given, None):
        return Naming((own,), "metadata", hint)
    items = reading.items_of_lines(lines)
    is_named = any(item.name or item.references for item in items)
    return Naming(items, "invoice", hint) if is_named else Naming((), "amount", hint)


def _paid(invoice: Object, bill: Bill, row: Invoice, subscription: Subscription | None, now: datetime) -> Purchase:
    """The payment, and with it the renewal of a subscription."""
    naming = name(invoice)
    assert bill.amount is not None
    assert bill.paid_at is not None
    is_renewal = _is_renewal(invoice, subscription)
    payment = Payment(
        SLUG,
        names_of(invoice),
        bill.lead_id,
        bill.amount,
        bill.currency,
        bill.paid_at,
        items=naming.items,
        named_by=naming.by,
        hint=naming.hint,
        subscription=bill.subscription,
        subscription_id=bill.subscription_id,
        invoice_id=row.pk,
        is_renewal=is_renewal,
    )
    purchase = paying.record(payment, now=now)
    _renew(invoice, bill, subscription, now)
    return purchase


def _renew(invoice: Object, bill: Bill, subscription: Subscription | None, now: datetime) -> None:
    """A bill that carried a subscription on, also one of nothing: by a coupon, or by what stood to their credit."""
    if subscription is None or bill.paid_at is None or not _is_renewal(invoice, subscription):
        return
    if invoice.get("billing_reason") != "subscription_update":
        worth = bill.amount or Decimal(0)
        renewal = subscribing.Renewal(bill.reference, bill.paid_at, _paid_until(invoice), worth, bill.currency)
        subscribing.renewed(subscription, renewal, now=now)


def _paid_of(invoice: Object) -> object:
    """What was paid of a paid bill, in minor units; what is paid past Stripe (a transfer, a cheque) stands as due."""
    paid, due = reading.whole(invoice.get("amount_paid")), reading.whole(invoice.get("amount_due"))
    if paid == 0 and due and invoice.get("status") == "paid":
        return max(0, due - (reading.whole(invoice.get("pre_payment_credit_notes_amount")) or 0))
    return invoice.get("amount_paid")


def _subscription(invoice: Object, state: str, lead_id: int, now: datetime) -> Subscription | None:
    """The one that it bills. A first bill makes one only when it is paid: until then nothing has begun."""
    reference = subscription_of(invoice)
    if not reference:
        return None
    if state != State.PAID and invoice.get("billing_reason") == FIRST:
        return subscribing.find(SLUG, reference)
    starts = [at for line in _lines_of_subscription(invoice) if (at := moment(part(line.get("period")).get("start")))]
    at = min(starts, default=None) or moment(invoice.get("created")) or now
    until, items = _paid_until(invoice), name(invoice).items
    return subscribing.expect(SLUG, reference, lead_id, items=items, started_at=at, renews_at=until, now=now)


def _is_renewal(invoice: Object, subscription: Subscription | None) -> bool:
    """By the reason of the bill; where it has none that tells, by whether the subscription is older than its time."""
    reason = invoice.get("billing_reason")
    if reason == CYCLE and subscription and _ends_trial(invoice, subscription):
        return False
    if reason in FURTHER or subscription is None or reason in (FIRST, "manual"):
        return reason in FURTHER
    starts = [at for line in _lines_of_subscription(invoice) if (at := moment(part(line.get("period")).get("start")))]
    return bool(starts) and max(starts) > subscription.started_at + AFTER_START


def _ends_trial(invoice: Object, subscription: Subscription) -> bool:
    """Whether it is the first bill after a trial, which nothing was paid for: a purchase like any other."""
    starts = [at for line in _lines_of_subscription(invoice) if (at := moment(part(line.get("period")).get("start")))]
    until = subscription.trial_ends_at
    return until is not None and bool(starts) and max(starts) < until + AFTER_START


def _lines_of_subscription(invoice: Object) -> list[Object]:
    lines = rows(invoice.get("lines"))
    return [line for line in lines if ref(line.get("subscription")) or _by_parent(line)] or lines


def _paid_until(invoice: Object) -> datetime | None:
    ends = (moment(part(line.get("period")).get("end")) for line in _lines_of_subscription(invoice))
    return max((at for at in ends if at), default=None)


def _by_parent(line: Object) -> str:
    return ref(part(part(line.get("parent")).get("subscription_item_details")).get("subscription"))


def _link(value: object) -> str:
    found = text(value, 500)
    return found if found.startswith(("https://", "http://")) else ""
