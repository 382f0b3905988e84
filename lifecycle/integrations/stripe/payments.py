"""Charges and payment intents. A session or an invoice says more of the same payment, so these wait for it a while."""

from datetime import datetime, timedelta
from decimal import Decimal

from lifecycle.customers import paying
from lifecycle.customers.paying import Payment
from lifecycle.integrations.contract import Delivery, Outcome, Parked
from lifecycle.integrations.stripe import people, reading, waiting
from lifecycle.integrations.stripe.people import SLUG
from lifecycle.integrations.stripe.reading import Object, part, ref

# A checkout or an invoice is told within seconds of its payment.
WAITS = timedelta(minutes=15)


def succeeded(delivery: Delivery, now: datetime) -> Outcome:
    """One more name of a payment that is known, or, once nothing else told of it, a payment of its own."""
    found = part(delivery.payload["data"]["object"])
    names = names_of(found)
    purchase = paying.same(SLUG, names, now=now)
    if purchase is not None:
        return Outcome(f"Purchase {purchase.key}, told before.", [purchase.lead_id], waiting.settled(names))
    if not delivery.is_last_try:
        chief = next(name for name in names if name)
        raise Parked(waiting.name(chief), why="Its checkout or bill may still come.", patience=WAITS)
    lead_id = people.find(found, delivery, now=now)
    if lead_id is None:
        return Outcome("Nobody knows whose payment it was: it has no address.", is_ignored=True)
    purchase = paying.record(_payment(found, delivery, lead_id, now), now=now)
    settled = waiting.settled(names, customer=people.customer_of(found))
    return Outcome(f"Purchase {purchase.key}, named by {purchase.named_by}.", [lead_id], settled)


def of_invoice(delivery: Delivery, now: datetime) -> Outcome:
    """The newer shape's link between a bill and its payment."""
    link = part(delivery.payload["data"]["object"])
    payment = part(link.get("payment"))
    invoice = ref(link.get("invoice"))
    names = (invoice, ref(payment.get("payment_intent")), ref(payment.get("charge")))
    known = paying.find(SLUG, (invoice,))
    if not known:
        if delivery.is_last_try:
            return Outcome("Its bill is not known here.", is_ignored=True)
        raise Parked(waiting.name(invoice), why="Its bill is not known yet.", patience=timedelta(days=1))
    purchase = paying.same(SLUG, names, now=now)
    assert purchase is not None
    return Outcome(f"Purchase {purchase.key} has its payment's name.", [purchase.lead_id], waiting.settled(names))


def names_of(found: Object) -> tuple[str, ...]:
    """Of a charge or an intent; the older shape names the invoice as well."""
    invoice = ref(found.get("invoice"))
    if found.get("object") == "payment_intent":
        return (invoice, ref(found), ref(found.get("latest_charge")))
    return (invoice, ref(found.get("payment_intent")), ref(found))


def _payment(found: Object, delivery: Delivery, lead_id: int, now: datetime) -> Payment:
    code = reading.currency(found.get("currency"))
    minor = found.get("amount_captured") or found.get("amount_received") or found.get("amount")
    worth = reading.amount(minor, code) or Decimal(0)
    given = reading.metadata(found)
    own = reading.item_of_metadata(given, worth)
    at = reading.moment(found.get("created")) or delivery.occurred_at or now
    return Payment(
        SLUG,
        names_of(found),
        lead_id,
        worth,
        code,
        at,
        items=(own,) if own else (),
        named_by="metadata" if own else "amount",
        hint=reading.hint(given),
    )
