"""Checkouts: who paid, for what. A session may be completed before its money is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from lifecycle.customers import paying, subscribing, telling
from lifecycle.customers.paying import Payment
from lifecycle.customers.products import Audience, Item, plain
from lifecycle.integrations.contract import Delivery, Outcome
from lifecycle.integrations.stripe import fetching, people, reading, waiting
from lifecycle.integrations.stripe.people import SLUG
from lifecycle.integrations.stripe.reading import Object, ref, text

PAID = frozenset({"paid", "no_payment_required"})


@dataclass(frozen=True, slots=True)
class Naming:
    """What was bought, and who says so."""

    items: tuple[Item, ...]
    by: str
    hint: Audience


def completed(delivery: Delivery, now: datetime) -> Outcome:
    """A checkout that is done. Without its money it only says who the customer is."""
    session = reading.part(delivery.payload["data"]["object"])
    if session.get("mode") == "setup":
        return Outcome("Nothing was paid: it only kept a way to pay.", is_ignored=True)
    lead_id = people.buyer(session, delivery, now=now)
    if lead_id is None:
        return Outcome("Nobody knows whose checkout it was: it has no address.", is_ignored=True)
    customer = people.customer_of(session)
    if not is_paid(session, delivery.kind):
        known = [waiting.name(customer)] if customer else []
        return Outcome("Completed, not paid yet: it counts when the money is there.", [lead_id], known)
    payment = payment_of(session, delivery, lead_id, now)
    if payment is None:
        return Outcome("Nothing was to be paid.", [lead_id], waiting.settled([], customer=customer))
    purchase = paying.record(payment, now=now)
    text_ = f"Purchase {purchase.key}, named by {purchase.named_by}."
    return Outcome(text_, [purchase.lead_id], waiting.settled(payment.names, customer=customer))


def failed(delivery: Delivery, now: datetime) -> Outcome:
    """The money of a completed checkout did not come."""
    session = reading.part(delivery.payload["data"]["object"])
    lead_id = people.buyer(session, delivery, now=now)
    if lead_id is None:
        return Outcome("Nobody knows whose checkout it was: it has no address.", is_ignored=True)
    code, worth = worth_of(session)
    told = {"session": ref(session), "amount": plain(worth), "currency": code}
    at = delivery.occurred_at or now
    telling.tell(lead_id, "payment.declined", told, provider=SLUG, key=ref(session), at=at, now=now)
    return Outcome("Its payment failed.", [lead_id])


def fetch(delivery: Delivery) -> Mapping[str, Any]:
    session = reading.part(delivery.payload["data"]["object"])
    return {**people.fetch(session), "lines": fetching.session_lines(ref(session))}


def needs_fetch(delivery: Delivery) -> bool:
    """Whether it counts now, and its lines are not there yet."""
    session = reading.part(delivery.payload["data"]["object"])
    counts = session.get("mode") != "setup" and is_paid(session, delivery.kind)
    return counts and not reading.rows(session.get("line_items")) and fetching.may_ask()


def is_paid(session: Object, kind: str) -> bool:
    return session.get("payment_status", "paid") in PAID or kind.endswith("async_payment_succeeded")


def worth_of(session: Object) -> tuple[str, Decimal | None]:
    code = reading.currency(session.get("currency"))
    return code, reading.amount(session.get("amount_total"), code)


def payment_of(session: Object, delivery: Delivery, lead_id: int, now: datetime) -> Payment | None:
    """The payment that a paid checkout is; None where a subscription begins with nothing to pay."""
    code, worth = worth_of(session)
    reference = ref(session.get("subscription"))
    naming = name(session, delivery, worth)
    at = delivery.occurred_at or now
    subscription = None
    if reference:
        subscription = subscribing.expect(SLUG, reference, lead_id, items=naming.items, started_at=at, now=now)
    if reference and not worth:
        return None
    return Payment(
        SLUG,
        (ref(session.get("invoice")), ref(session.get("payment_intent")), ref(session)),
        lead_id,
        worth or Decimal(0),
        code,
        at,
        items=naming.items,
        named_by=naming.by,
        hint=naming.hint,
        subscription=reference,
        subscription_id=subscription.pk if subscription else None,
    )


def name(session: Object, delivery: Delivery, worth: Decimal | None) -> Naming:
    """By the session's lines if they could be had, else by what the merchant wrote on it, else by nothing."""
    given = reading.metadata(session)
    fetched = reading.part(delivery.fetched).get("lines") or reading.rows(session.get("line_items"))
    lines = reading.rows(fetched)
    products = [reading.part(reading.part(line.get("price")).get("product")) for line in lines]
    hint = reading.hint(reading.metadata(session, *products))
    if items := reading.items_of_lines(lines):
        return Naming(items, "line_items", hint)
    own = reading.item_of_metadata(given, worth)
    if own and not own.name and text(session.get("description")):
        own = Item(text(session.get("description"), 160), own.references, own.quantity, own.amount)
    return Naming((own,), "metadata", hint) if own else Naming((), "amount", hint)
