"""What each kind of Stripe's events does. Kinds that are not here are kept and do nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from django.conf import settings

from lifecycle.integrations.contract import Delivery, Handler, Outcome
from lifecycle.integrations.stripe import (
    contacts,
    fetching,
    invoices,
    payments,
    people,
    refunds,
    sessions,
    subscriptions,
)
from lifecycle.integrations.stripe.reading import part

# What cannot be fetched in so many tries (about half an hour) is done without.
TRIES = 5
LIVE_KEYS = ("sk_live_", "rk_live_")


def is_other_mode(delivery: Delivery) -> bool:
    """Whether it is a test while our key says that this is for real."""
    return delivery.payload.get("livemode") is False and settings.STRIPE_API_KEY.startswith(LIVE_KEYS)


def _asks_for_people(delivery: Delivery) -> bool:
    return fetching.may_ask() and people.is_unknown(part(delivery.payload["data"]["object"]))


def _in_its_mode(handler: Handler) -> Handler:
    """The same, but for tests that have come to the wrong place."""

    def handle(delivery: Delivery, now: datetime) -> Outcome:
        if is_other_mode(delivery):
            return Outcome("A test, and STRIPE_API_KEY is a live key.", is_ignored=True)
        return handler.handle(delivery, now)

    def needs_fetch(delivery: Delivery) -> bool:
        return not is_other_mode(delivery) and handler.needs_fetch(delivery)

    return replace(handler, handle=handle, needs_fetch=needs_fetch)


def _all() -> Mapping[str, Handler]:
    checkout = Handler(sessions.completed, sessions.fetch, sessions.needs_fetch, stops_mail=True, fetch_tries=TRIES)
    declined = Handler(sessions.failed)
    invoice = Handler(invoices.handle, invoices.fetch, _asks_for_people, stops_mail=True, fetch_tries=TRIES)
    subscription = Handler(subscriptions.handle, subscriptions.fetch, subscriptions.needs_fetch, fetch_tries=TRIES)
    contact = Handler(contacts.told)
    payment = Handler(payments.succeeded, stops_mail=True)
    total = Handler(refunds.of_charge, refunds.fetch, refunds.needs_fetch, fetch_tries=TRIES)
    refund = Handler(refunds.single, refunds.fetch, refunds.needs_fetch, fetch_tries=TRIES)
    dispute = Handler(refunds.disputed, refunds.fetch, refunds.needs_fetch, fetch_tries=TRIES)
    kinds = {
        "checkout.session.completed": checkout,
        "checkout.session.async_payment_succeeded": checkout,
        "checkout.session.async_payment_failed": declined,
        "customer.created": contact,
        "customer.updated": contact,
        **dict.fromkeys(invoices.STATES, invoice),
        "invoice_payment.paid": Handler(payments.of_invoice),
        "charge.succeeded": payment,
        "payment_intent.succeeded": payment,
        "charge.refunded": total,
        "charge.dispute.created": dispute,
        "charge.dispute.closed": dispute,
    }
    verbs = ("created", "updated", "deleted", "paused", "resumed", "trial_will_end")
    kinds |= {f"customer.subscription.{verb}": subscription for verb in verbs}
    kinds |= dict.fromkeys(("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"), refund)
    return {kind: _in_its_mode(handler) for kind, handler in kinds.items()}


HANDLERS: Mapping[str, Handler] = _all()
KINDS: Callable[[], list[str]] = lambda: sorted(HANDLERS)
