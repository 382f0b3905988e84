"""Money that goes back, by the merchant's will or by the customer's bank."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from leads import claiming
from lifecycle.core import moments, money
from lifecycle.customers import accounts, paying, refunding, telling
from lifecycle.customers.models import Purchase
from lifecycle.customers.products import plain
from lifecycle.customers.refunding import Back
from lifecycle.integrations.contract import Delivery, Outcome, Parked
from lifecycle.integrations.stripe import fetching, people, reading, waiting
from lifecycle.integrations.stripe.payments import names_of
from lifecycle.integrations.stripe.people import SLUG
from lifecycle.integrations.stripe.reading import Object, part, ref
from lifecycle.sales.models import Task

PATIENCE = timedelta(days=1)
# Between a bill's payment and its charge.
CLOSE = timedelta(hours=1)
MOST_FITTING = 5
# How a refund ends whose money stays here, also one that had succeeded before.
GONE_WRONG = frozenset({"failed", "canceled"})


def of_charge(delivery: Delivery, now: datetime) -> Outcome:
    """A charge's new total of what went back."""
    charge = part(delivery.payload["data"]["object"])
    purchase = _purchase(charge, names_of(charge), delivery, now)
    if purchase is None:
        return _unknown()
    code = reading.currency(charge.get("currency"))
    total = reading.amount(charge.get("amount_refunded"), code)
    if not total:
        return Outcome("Nothing has gone back.", [purchase.lead_id], is_ignored=True)
    at = delivery.occurred_at or now
    more = refunding.record(purchase, Back(SLUG, ref(charge), total, at, is_total=True), now=now)
    return _counted(purchase, bool(more))


def single(delivery: Delivery, now: datetime) -> Outcome:
    """One refund. It counts when it succeeded, and not any more when it failed after that."""
    refund = part(delivery.payload["data"]["object"])
    names = ("", ref(refund.get("payment_intent")), ref(refund.get("charge")))
    status = refund.get("status", "succeeded")
    has_failed = delivery.kind == "refund.failed" or status in GONE_WRONG
    if status != "succeeded" and not has_failed:
        return Outcome(f"Refund {ref(refund)} is {status}: it counts when it succeeds.", is_ignored=True)
    purchase = _purchase(refund, names, delivery, now)
    if purchase is None:
        return _unknown()
    if has_failed:
        return _failed(purchase, refund, delivery, now)
    return _counted(purchase, _back(purchase, refund, delivery, now))


def disputed(delivery: Delivery, now: datetime) -> Outcome:
    """A customer's bank asks for the money: told, and counted as gone when the case is lost."""
    dispute = part(delivery.payload["data"]["object"])
    names = ("", ref(dispute.get("payment_intent")), ref(dispute.get("charge")))
    purchase = _purchase(dispute, names, delivery, now)
    if purchase is None:
        return _unknown()
    if delivery.kind == "charge.dispute.closed":
        if dispute.get("status") != "lost":
            return Outcome(f"The dispute about {purchase.key} is over.", [purchase.lead_id])
        return _counted(purchase, _back(purchase, dispute, delivery, now))
    return _opened(purchase, dispute, delivery, now)


def _opened(purchase: Purchase, dispute: Object, delivery: Delivery, now: datetime) -> Outcome:
    """An event, and a task for the person's owner: it has a day by which it must be answered."""
    code = reading.currency(dispute.get("currency"))
    answer_by = reading.moment(part(dispute.get("evidence_details")).get("due_by"))
    told = {
        "order_id": purchase.key,
        "dispute": ref(dispute),
        "amount": plain(reading.amount(dispute.get("amount"), code)),
        "currency": code,
        "reason": reading.text(dispute.get("reason"), 60),
        "answer_by": moments.iso(answer_by),
    }
    worth = f"{told['amount']} {code}" if told["amount"] is not None else purchase.key
    title = f"Answer a disputed payment in Stripe: {worth}"[:250]
    given = {"lead_id": purchase.lead_id, "owner_id": purchase.lead.owner_id, "title": title, "source": "Stripe"}
    Task.objects.get_or_create(
        key=f"stripe:{ref(dispute)}"[:120], defaults=given | {"due_at": answer_by, "created_at": now}
    )
    at = delivery.occurred_at or now
    telling.tell(purchase.lead_id, "payment.disputed", told, provider=SLUG, key=ref(dispute), at=at, now=now)
    return Outcome(f"The payment of {purchase.key} is disputed.", [purchase.lead_id])


def fetch(delivery: Delivery) -> Mapping[str, Any]:
    """Which bills the payment paid: in the newer shape only Stripe knows."""
    found = part(delivery.payload["data"]["object"])
    return {"invoices": fetching.invoices_of(ref(found.get("payment_intent")))}


def needs_fetch(delivery: Delivery) -> bool:
    found = part(delivery.payload["data"]["object"])
    intent = ref(found.get("payment_intent"))
    return bool(intent) and fetching.may_ask() and not paying.find(SLUG, (intent, ref(found.get("charge"))))


def _purchase(found: Object, names: tuple[str, ...], delivery: Delivery, now: datetime) -> Purchase | None:
    """The payment that it takes back, with its person locked. Parked until it is told; None on the last try."""
    invoices = part(delivery.fetched).get("invoices") or ()
    wanted = [name for name in (*invoices, *names) if name]
    known = paying.find(SLUG, wanted)
    if known:
        claiming.hold([known[0].lead_id])
        paying.link(known[0], SLUG, wanted)
        return paying.same(SLUG, wanted, now=now)
    fitting = _by_amount(found)
    if len(fitting) == 1 and (delivery.is_last_try or not _is_fresh(found, now)):
        claiming.hold([fitting[0].lead_id])
        paying.link(fitting[0], SLUG, names[1:2])  # a guess, which what really links them puts right (`paying.same`)
        return fitting[0]
    if delivery.is_last_try or not wanted:
        _ask(found, fitting, now)
        return None
    customer = people.customer_of(found)
    waits_for = waiting.payments_of(customer) if customer else waiting.name(names[1] or names[2])
    raise Parked(waits_for, why="The payment that it takes back is not known yet.", patience=PATIENCE)


def _by_amount(charge: Object) -> list[Purchase]:
    """The bills of this customer that this charge can have paid, where nothing names the link (newer shape)."""
    lead_id = accounts.lead_of(SLUG, ref(charge.get("customer")))
    code = reading.currency(charge.get("currency"))
    at, worth = reading.moment(charge.get("created")), reading.amount(charge.get("amount"), code)
    if charge.get("object") != "charge" or lead_id is None or at is None or worth is None:
        return []
    near = Purchase.objects.filter(
        provider=SLUG,
        lead_id=lead_id,
        amount=worth,
        currency=code,
        invoice__isnull=False,
        purchased_at__range=(at - CLOSE, at + CLOSE),
    ).exclude(names__reference__startswith="pi_")
    return list(near[:MOST_FITTING])


def _is_fresh(charge: Object, now: datetime) -> bool:
    """Whether another bill that it may have paid could still be on its way to us."""
    at = reading.moment(charge.get("created"))
    return at is None or now < at + CLOSE


def _ask(charge: Object, fitting: list[Purchase], now: datetime) -> None:
    """Rather a question to a person than money taken from the wrong payment."""
    if not fitting:
        return
    lead, keys = fitting[0].lead, ", ".join(purchase.key for purchase in fitting)
    worth = money.written(fitting[0].amount, fitting[0].currency)
    title = (
        f"A refund in Stripe is of one of several payments of {worth}, and none was changed: {keys}. See there which."
    )
    given = {"lead_id": lead.pk, "owner_id": lead.owner_id, "title": title[:250], "source": "Stripe", "created_at": now}
    Task.objects.get_or_create(key=f"stripe:unplaced:{ref(charge)}"[:120], defaults=given)


def _back(
    purchase: Purchase, refund: Object, delivery: Delivery, now: datetime, failed_at: datetime | None = None
) -> bool:
    amount = reading.amount(refund.get("amount"), reading.currency(refund.get("currency")))
    at = reading.moment(refund.get("created")) or delivery.occurred_at or now
    back = Back(SLUG, ref(refund), amount or Decimal(0), at, failed_at=failed_at)
    return bool(amount and refunding.record(purchase, back, now=now))


def _failed(purchase: Purchase, refund: Object, delivery: Delivery, now: datetime) -> Outcome:
    """Failing is final: whatever is told of this refund later, its money is not back."""
    is_news = _back(purchase, refund, delivery, now, failed_at=delivery.occurred_at or now)
    ending = "its money counts as kept again" if is_news else "its money was not counted as gone"
    return Outcome(f"Purchase {purchase.key}: refund {ref(refund)} failed, {ending}.", [purchase.lead_id])


def _counted(purchase: Purchase, is_news: bool) -> Outcome:
    text = "More of it went back" if is_news else "Nothing new: it was told before"
    return Outcome(f"Purchase {purchase.key}: {text[0].lower()}{text[1:]}.", [purchase.lead_id])


def _unknown() -> Outcome:
    return Outcome("Kept: the payment that it takes back is not known here.", is_ignored=True)
