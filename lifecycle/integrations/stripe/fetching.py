"""What Stripe is asked for, with STRIPE_API_KEY: never in a request, and with no transaction open."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings

from lifecycle.integrations.contract import Unfetched

TIMEOUT = 10  # seconds
MOST_LINES = 100


def may_ask() -> bool:
    return bool(settings.STRIPE_API_KEY)


def customer(reference: str) -> dict[str, Any]:
    """{} for one that is gone."""
    return _asked(lambda client: client.v1.customers.retrieve(reference).to_dict())


def session_lines(reference: str) -> list[dict[str, Any]]:
    """The lines of a checkout with their products, [] for a checkout that is gone."""
    params: Any = {"limit": MOST_LINES, "expand": ["data.price.product"]}
    found = _asked(lambda client: client.v1.checkout.sessions.line_items.list(reference, params).to_dict())
    return list(found.get("data") or [])


def products(references: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The products by their ids; those that are gone are left out."""
    found = {reference: _asked(_retrieving(reference)) for reference in references}
    return {reference: product for reference, product in found.items() if product}


def invoices_of(payment_intent: str) -> list[str]:
    """The ids of the invoices that a payment paid."""
    given: Any = {"payment": {"type": "payment_intent", "payment_intent": payment_intent}}
    found = _asked(lambda client: client.v1.invoice_payments.list(given).to_dict())
    return [str(each["invoice"]) for each in found.get("data") or [] if isinstance(each.get("invoice"), str)]


def _retrieving(reference: str) -> Callable[[stripe.StripeClient], dict[str, Any]]:
    return lambda client: client.v1.products.retrieve(reference).to_dict()


def _asked(ask: Callable[[stripe.StripeClient], dict[str, Any]]) -> dict[str, Any]:
    """Unfetched says what kind of failure it was, without the answer's text."""
    try:
        return ask(_client(settings.STRIPE_API_KEY, settings.STRIPE_API_URL))
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            return {}
        raise Unfetched(f"Stripe refused the question: {error.http_status}") from None
    except stripe.StripeError as error:
        raise Unfetched(f"Stripe did not answer: {type(error).__name__} {error.http_status or ''}".strip()) from None


@lru_cache(maxsize=4)
def _client(key: str, url: str) -> stripe.StripeClient:
    given: Any = {"base_addresses": {"api": url}} if url else {}
    client = stripe.RequestsClient(timeout=TIMEOUT)
    return stripe.StripeClient(key, http_client=client, max_network_retries=0, **given)
