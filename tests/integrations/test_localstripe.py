"""Against a real peer: localstripe, a process of its own that bills customers, driven by Stripe's library."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from pytest_django import Settings

from leads.models import Conversion, Event, Lead
from lifecycle.core import clock
from lifecycle.customers.models import BillingAccount, Invoice, Purchase, Subscription
from lifecycle.integrations import inbound
from lifecycle.integrations.models import InboxEvent
from tests import billing
from tests.billing import Order
from tests.supervisor.product import free_port, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
KEY = "sk_test_localstripe"
CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2099, "cvc": "123"}
CARD_OF: dict[str, Any] = {"type": "card", "card": CARD}
EMPTY_ACCOUNT: dict[str, Any] = {"type": "sepa_debit", "sepa_debit": {"iban": "DE62370400440532013001"}}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where localstripe answers."""
    port = free_port()
    command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
    log = (tmp_path / "localstripe.log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)})
    found = f"http://localhost:{port}"
    try:
        wait_for("localstripe answers", lambda: answers(found))
        yield found
    finally:
        process.terminate()
        process.wait(10)
        log.close()


@pytest.fixture
def peer(address: str, settings: Settings) -> stripe.StripeClient:
    """Stripe's library on localstripe, which we may ask as well."""
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_other", billing.SECRET]
    settings.STRIPE_API_KEY, settings.STRIPE_API_URL = KEY, address
    return stripe.StripeClient(KEY, base_addresses={"api": address}, max_network_retries=0)


@pytest.fixture
def told(peer: stripe.StripeClient, address: str, live_server: Any) -> None:
    """localstripe tells our door what happens there."""
    call(f"{address}/_config/webhooks/ours", {"url": f"{live_server.url}/webhooks/stripe/", "secret": billing.SECRET})


def answers(address: str) -> bool:
    try:
        return call(f"{address}/v1/customers") == 200
    except OSError:
        return False


def call(url: str, body: dict[str, Any] | None = None) -> int:
    raw = json.dumps(body).encode() if body else None
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    with urllib.request.urlopen(urllib.request.Request(url, raw, headers), timeout=10) as answer:
        return int(answer.status)


def subscribe(peer: stripe.StripeClient, email: str, amount: int = 2900) -> tuple[Any, Any]:
    """A customer with a card who takes a monthly plan."""
    customer = peer.v1.customers.create({"email": email, "name": "Ada Ash"})
    pay_with(peer, customer.id, CARD_OF)
    product = peer.v1.products.create({"name": "Pro plan", "type": "service"})  # type: ignore[typeddict-item]
    given: Any = {"amount": amount, "currency": "eur", "interval": "month", "product": product.id}
    plan = peer.v1.plans.create(given)
    taken: Any = {"customer": customer.id, "items": [{"plan": plan.id}]}
    return customer, peer.v1.subscriptions.create(taken)


def pay_with(peer: stripe.StripeClient, customer: str, way: Any) -> None:
    method = peer.v1.payment_methods.create(way)
    peer.v1.payment_methods.attach(method.id, {"customer": customer})
    peer.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})


def settled(check: Any) -> None:
    """Wait until what localstripe tells (a second later) has come and was carried out."""

    def there() -> bool:
        inbound.sweep(now=clock.now())
        return bool(check())

    wait_for("what localstripe tells", there, 30)


def relay(client: Any, kind: str, found: dict[str, Any]) -> None:
    """Events of Stripe's that localstripe does not send, with its own objects."""
    now = clock.now()
    assert billing.post(client, billing.event(kind, found, now), at=now).status_code == 200


@pytest.mark.usefixtures("told")
def test_a_subscription_its_bill_a_refund_and_the_end(peer: stripe.StripeClient, client: Any) -> None:
    customer, subscription = subscribe(peer, "ada@acme.com")
    settled(lambda: Purchase.objects.exists() and Subscription.objects.filter(told_at__year__gt=2000).exists())
    lead = Lead.objects.get()
    assert (lead.email, lead.first_name, lead.is_client) == ("ada@acme.com", "Ada", True)
    assert BillingAccount.objects.get().reference == customer.id
    row = Subscription.objects.get()
    assert (row.reference, row.state, row.amount, row.interval_months) == (subscription.id, "active", 29, 1)
    assert row.renews_at is not None
    assert row.plan == "Pro plan"
    purchase = Purchase.objects.get()
    assert (purchase.amount, purchase.currency, purchase.is_renewal) == (29, "EUR", False)
    assert purchase.subscription == row
    assert Invoice.objects.get().state == "paid"

    invoice = peer.v1.invoices.retrieve(purchase.key)
    intent = peer.v1.payment_intents.retrieve(str(getattr(invoice, "payment_intent")))  # noqa: B009 - gone from the types
    charge = reference(intent.latest_charge)
    refund = peer.v1.refunds.create({"charge": charge, "amount": 900})
    relay(client, "charge.refunded", peer.v1.charges.retrieve(charge).to_dict())
    relay(client, "refund.created", refund.to_dict())
    settled(lambda: Purchase.objects.filter(refunded=9).exists())
    assert [(row.kind, row.amount) for row in Conversion.objects.order_by("kind", "pk")] == [
        ("purchase", 29),
        ("refund", -9),
    ]

    peer.v1.subscriptions.cancel(subscription.id)
    settled(lambda: Subscription.objects.filter(state="ended").exists())
    assert Event.objects.filter(kind="subscription.lapsed").count() == 1
    lead.refresh_from_db()
    assert lead.is_client is False


def test_whom_only_the_api_key_can_name(peer: stripe.StripeClient, client: Any) -> None:
    """The customer was there before we were told of anything: the worker asks for the address, the door does not."""
    _, subscription = subscribe(peer, "ben@ode.example")
    relay(client, "customer.subscription.updated", peer.v1.subscriptions.retrieve(subscription.id).to_dict())
    assert not Lead.objects.exists()
    settled(lambda: Subscription.objects.exists())
    assert Lead.objects.get().email == "ben@ode.example"
    assert Subscription.objects.get().plan == "Pro plan"


@pytest.mark.usefixtures("told")
def test_a_bill_that_cannot_be_paid(peer: stripe.StripeClient) -> None:
    customer, subscription = subscribe(peer, "ada@acme.com")
    settled(lambda: Purchase.objects.exists())
    pay_with(peer, customer.id, EMPTY_ACCOUNT)
    given: Any = {"customer": customer.id, "subscription": subscription.id}
    invoice = peer.v1.invoices.create(given)
    peer.v1.invoices.pay(str(invoice.id))
    settled(lambda: Invoice.objects.filter(state="failed").exists())
    assert Event.objects.filter(kind="payment.failed").count() == 1
    assert Purchase.objects.count() == 1
    settled(lambda: Subscription.objects.filter(state="ended").exists())


def test_a_checkout_whose_lines_cannot_be_had_goes_by_its_metadata_in_the_end(
    peer: stripe.StripeClient, client: Any, settings: Settings
) -> None:
    """The door does not ask; the worker does, and after five failures the purchase is named by the metadata."""
    settings.STRIPE_API_URL = f"http://localhost:{free_port()}"
    now = clock.now()
    assert billing.post(client, Order("ada@acme.com", now).checkout(), at=now).status_code == 200
    now = clock.now()
    assert not Purchase.objects.exists()
    for minutes in (0, 1, 3, 10):
        inbound.sweep(now=now + timedelta(minutes=minutes))
    assert not Purchase.objects.exists()
    assert InboxEvent.objects.get().state == "waiting"
    inbound.sweep(now=now + timedelta(minutes=45))
    assert [(row.named_by, row.products[0]["name"]) for row in Purchase.objects.all()] == [("metadata", "Starter plan")]


def reference(found: Any) -> str:
    return found if isinstance(found, str) else str(found.id)
