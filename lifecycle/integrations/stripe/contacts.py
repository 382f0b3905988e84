"""Stripe's customers: whose account it is. What waited for an address goes on."""

from datetime import datetime

from leads.addresses import AddressError
from lifecycle.customers import accounts
from lifecycle.integrations import people as contacts
from lifecycle.integrations.contract import Delivery, Outcome
from lifecycle.integrations.stripe import people, reading, waiting
from lifecycle.integrations.stripe.people import SLUG


def told(delivery: Delivery, now: datetime) -> Outcome:
    """A customer with an address is somebody. An account stays its person's, whatever its address is now."""
    customer = reading.part(delivery.payload["data"]["object"])
    reference, email = reading.ref(customer), reading.email_of({**customer, "object": "customer"})
    if accounts.lead_of(SLUG, reference) is not None:
        lead_id = people.find({**customer, "object": "customer"}, delivery, now=now)
        return Outcome("Known.", [lead_id] if lead_id else [], [waiting.name(reference)])
    if not email:
        return Outcome("A customer without an address.", is_ignored=True)
    given = reading.contact({**customer, "object": "customer"})
    try:
        person = contacts.lead_for(email, source=SLUG, now=now, **given)
    except AddressError:
        return Outcome("A customer without a usable address.", is_ignored=True)
    accounts.attach(SLUG, reference, person.lead_id, now=now)
    return Outcome(f"Account {reference}.", [person.lead_id], [waiting.name(reference)])
