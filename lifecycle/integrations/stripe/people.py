"""Whom Stripe speaks of: by its customer's account here, by the address that it tells, or by our own id of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q

from leads import claiming
from leads.addresses import AddressError
from leads.models import Visitor
from lifecycle.customers import accounts
from lifecycle.integrations import people
from lifecycle.integrations.contract import Delivery, Parked
from lifecycle.integrations.stripe import fetching, waiting
from lifecycle.integrations.stripe.reading import Object, contact, email_of, part, ref, text

SLUG = "stripe"


def find(found: Object, delivery: Delivery, *, now: datetime) -> int | None:
    """The locked lead that an object belongs to, made if need be. Parked while no address came.

    None on the last try: nobody knows who it is.
    """
    customer = customer_of(found)
    known = accounts.lead_of(SLUG, customer)
    if known is not None and claiming.hold([known]):
        return known
    told = part(part(delivery.fetched).get("customer")) or part(found.get("customer"))
    lead_id = _by_address(found, told, now=now) or _by_our_id(text(found.get("client_reference_id"), 254), now=now)
    if lead_id is not None:
        accounts.attach(SLUG, customer, lead_id, now=now)
        return lead_id
    if delivery.is_last_try or not customer:
        return None
    why = "Its customer's address is not known yet."
    raise Parked(waiting.name(customer), why=why, patience=waiting.PATIENCE)


def buyer(session: Object, delivery: Delivery, *, now: datetime) -> int | None:
    """Whose checkout it is. What is bought once is theirs whose address was typed, also on somebody else's account.

    A subscription's checkout stays with the account: its bills, which tell no such address, do so too.
    """
    if session.get("mode") == "payment" and accounts.lead_of(SLUG, customer_of(session)) is not None:
        typed = _person(email_of(session), contact(session), now=now)
        if typed is not None:
            return typed
    return find(session, delivery, now=now)


def customer_of(found: Object) -> str:
    return ref(found) if found.get("object") == "customer" else ref(found.get("customer"))


def is_unknown(found: Object) -> bool:
    """Whether the person can only be had by asking Stripe."""
    customer = customer_of(found)
    return bool(customer) and not email_of(found) and accounts.lead_of(SLUG, customer) is None


def fetch(found: Object) -> Mapping[str, Any]:
    """The customer, if that is the only way to learn who it is."""
    return {"customer": fetching.customer(customer_of(found))} if is_unknown(found) else {}


def _by_address(found: Object, customer: Object, *, now: datetime) -> int | None:
    for holder in (found, customer):
        person = _person(email_of(holder), contact(holder), now=now)
        if person is not None:
            return person
    return None


def _by_our_id(given: str, *, now: datetime) -> int | None:
    """The product may name its user, our visitor, or simply the address."""
    if not given:
        return None
    mine = Q(user_id=given) | Q(anonymous_id=given)
    lead_id = Visitor.objects.filter(mine, lead__isnull=False).values_list("lead_id", flat=True).first()
    if lead_id is not None and claiming.hold([lead_id]):
        return lead_id
    return _person(given, {}, now=now)


def _person(email: str, fields: Mapping[str, Any], *, now: datetime) -> int | None:
    if not email:
        return None
    try:
        return people.lead_for(email, source=SLUG, now=now, **dict(fields)).lead_id
    except AddressError:
        return None
