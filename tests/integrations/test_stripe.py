"""Stripe's door, and what each of its events comes to."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import Settings

from leads.models import Conversion, Event, Lead
from lifecycle.customers.models import BillingAccount, Invoice, Product, Purchase, Refund, Subscription
from lifecycle.integrations import inbound
from lifecycle.integrations.models import InboxEvent
from lifecycle.sales.models import Task
from tests import billing
from tests.billing import DOOR, NEW, OLD, Order, Plan
from tests.cast import ADA, World, kinds, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]
EMAIL = ADA["email"]


def ada() -> Lead:
    return Lead.objects.get(email_normal=EMAIL)


def told(kind: str) -> list[dict[str, Any]]:
    return list(Event.objects.filter(kind=kind).order_by("pk").values_list("properties", flat=True))


# --- the door


def test_a_checkout_makes_a_customer(world: World) -> None:
    order = world.pay(EMAIL, "Starter plan", 9900, metadata={"audience": "B2C: Freelancers", "sku": "SKU-1"})
    lead = ada()
    assert (lead.first_name, lead.last_name, lead.stage, lead.is_client) == ("Ada", "Ash", "customer", True)
    assert (lead.audience_type, lead.primary_audience) == ("b2c", "Freelancers")
    purchase = Purchase.objects.get()
    assert (purchase.key, purchase.amount, purchase.currency) == (f"pi_{order.id}", Decimal(99), "EUR")
    assert (purchase.named_by, purchase.products[0]["name"]) == ("metadata", "Starter plan")
    (event,) = told("purchase.completed")
    assert event["products"] == [{"name": "Starter plan", "reference": "SKU-1", "quantity": 1}]
    assert (event["order_id"], event["amount"], event["is_renewal"]) == (purchase.key, 99, False)
    conversion = Conversion.objects.get(kind="purchase")
    assert (conversion.key, conversion.amount, conversion.currency) == (purchase.key, Decimal(99), "EUR")
    world.run()
    assert "Starter plan" in world.mails_to(lead)[-1].text


def test_without_a_word_of_what_it_was_it_is_your_purchase_and_says_so(world: World) -> None:
    world.stripe(Order(EMAIL, world.now, metadata={}).checkout())
    purchase = Purchase.objects.get()
    assert (purchase.named_by, purchase.products[0]["name"]) == ("amount", "your purchase")
    assert not Product.objects.exists()
    world.run()
    assert "your purchase" in world.mails_to(ada())[-1].text


def test_the_signature_decides(world: World, settings: Settings) -> None:
    order = Order(EMAIL, world.now)

    def answer(**how: Any) -> tuple[int, str]:
        found = billing.post(world.browser, order.checkout(), **{"at": world.now, **how})
        return found.status_code, found.json().get("error", {}).get("code", "")

    assert answer(secret="whsec_wrong") == (401, "bad_signature")
    assert answer(at=world.now - timedelta(seconds=301)) == (401, "too_old")
    missing = world.browser.post(DOOR, json.dumps(order.checkout()), content_type="application/json")
    assert (missing.status_code, missing.json()["error"]["code"]) == (401, "no_signature")
    assert not InboxEvent.objects.exists()
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", billing.SECRET]
    assert answer(at=world.now - timedelta(seconds=299)) == (200, "")
    settings.STRIPE_WEBHOOK_SECRETS = []
    assert answer() == (403, "no_secret")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b'{"id": 3, "type": "checkout.session.completed"}', 400, "malformed"),
        (b'{"id": "evt_1", "type": "checkout.session.completed", "data": {"object": 7}}', 400, "malformed"),
        (b'{"id": "evt_1", "type": "invoice.upcoming", "data": {}}', 200, ""),
        (b"{" + b" " * (1024 * 1024) + b"}", 413, "too_large"),
    ],
)
def test_what_is_no_event_is_refused(world: World, raw: bytes, status: int, code: str) -> None:
    headers = billing.sign(raw, billing.SECRET, world.now)
    answer = world.browser.post(DOOR, raw, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json().get("error", {}).get("code", "")) == (status, code)


def test_what_is_not_utf_8_is_malformed(world: World) -> None:
    headers = {"Stripe-Signature": f"t={int(world.now.timestamp())},v1=00"}
    answer = world.browser.post(DOOR, b'{"id": "\xff"}', content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


def test_a_test_of_stripes_is_left_alone_where_the_key_is_live(world: World, settings: Settings) -> None:
    settings.STRIPE_API_KEY = "sk_live_123"
    world.pay(EMAIL)
    assert not Purchase.objects.exists()
    assert InboxEvent.objects.get().state == "ignored"


# --- checkouts


def test_an_unpaid_checkout_counts_when_the_money_is_there(world: World) -> None:
    order = Order(EMAIL, world.now)
    world.stripe(order.checkout(payment_status="unpaid"))
    assert not Purchase.objects.exists()
    assert ada().stage == "cold"
    world.later(days=2)
    order.at = world.now
    world.stripe(order.checkout("checkout.session.async_payment_succeeded", payment_status="paid"))
    assert Purchase.objects.get().amount == 99
    assert ada().stage == "customer"


def test_money_that_never_comes_is_told_and_nothing_is_bought(world: World) -> None:
    order = Order(EMAIL, world.now)
    world.stripe(order.checkout(payment_status="unpaid"))
    world.stripe(order.checkout("checkout.session.async_payment_failed", payment_status="unpaid"))
    assert not Purchase.objects.exists()
    assert told("payment.declined")[0]["amount"] == 99


def test_a_setup_is_no_purchase_nor_a_person(world: World) -> None:
    world.stripe(
        Order(EMAIL, world.now).checkout(mode="setup", payment_status="no_payment_required", amount_total=None)
    )
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    ("currency", "minor", "amount"),
    [("eur", 1999, "19.99"), ("jpy", 5000, "5000"), ("kwd", 12345, "12.345"), ("isk", 500, "5"), ("mga", 5, "5")],
)
def test_amounts_are_in_the_currencys_own_units(world: World, currency: str, minor: int, amount: str) -> None:
    world.pay(EMAIL, amount=minor, currency=currency)
    assert Purchase.objects.get().amount == Decimal(amount)
    assert Conversion.objects.get(kind="purchase").amount == Decimal(amount)


def test_a_charge_and_its_intent_name_the_payment_of_the_checkout(world: World) -> None:
    order = Order(EMAIL, world.now)
    world.stripe(order.charged(), order.intended(), order.checkout())
    world.later(hours=1)
    inbound.sweep(now=world.now)
    purchase = Purchase.objects.get()
    names = set(purchase.names.values_list("reference", flat=True))
    assert names == {f"pi_{order.id}", f"ch_{order.id}", f"cs_test_{order.id}"}
    assert told("purchase.completed")[0]["products"][0]["name"] == "Starter plan"
    assert Conversion.objects.filter(kind="purchase").count() == 1


def test_a_charge_of_which_nothing_else_tells_is_a_purchase_after_a_quarter_of_an_hour(world: World) -> None:
    world.stripe(Order(EMAIL, world.now).charged())
    world.later(minutes=1)
    inbound.sweep(now=world.now)
    assert not Purchase.objects.exists()
    world.later(minutes=15)
    inbound.sweep(now=world.now)
    assert (Purchase.objects.get().named_by, ada().stage) == ("amount", "customer")


def test_a_link_that_comes_late_takes_back_what_was_counted_twice(world: World) -> None:
    plan = Plan(EMAIL, world.now, version=NEW)
    world.stripe(plan.charged())
    world.later(hours=1)
    inbound.sweep(now=world.now)
    inbound.sweep(now=world.now)
    world.stripe(plan.paid())
    assert Purchase.objects.count() == 2
    world.stripe(plan.linked())
    purchase = Purchase.objects.get()
    assert (purchase.amount, purchase.refunded, purchase.subscription is not None) == (29, 0, True)
    assert (purchase.named_by, purchase.products[0]["name"]) == ("invoice", plan.product)
    amounts = Conversion.objects.filter(kind__in=["purchase", "refund"]).values_list("amount", flat=True)
    assert sum(amount or 0 for amount in amounts) == 29


# --- who it is


def test_a_subscription_without_an_address_waits_for_one(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.told())
    assert not Lead.objects.exists()
    assert InboxEvent.objects.get().state == "parked"
    world.stripe(plan.event("customer.created", {"id": plan.customer, "object": "customer", "email": EMAIL}))
    assert Subscription.objects.get().lead == ada()
    assert BillingAccount.objects.get().reference == plan.customer
    assert set(InboxEvent.objects.values_list("state", flat=True)) == {"done"}


def test_an_account_stays_its_persons_when_the_address_changes(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout())
    plan.email = "else@acme.com"
    world.stripe(plan.paid(1))
    assert Lead.objects.count() == 1
    assert Purchase.objects.filter(lead=ada()).count() == 2


def test_what_is_bought_once_is_theirs_whose_address_was_typed(world: World) -> None:
    """Several people of a company may check out as one customer of Stripe; each gets the thanks for their own."""
    for email in (EMAIL, "bob@acme.com"):
        world.stripe(Order(email, world.now, customer="cus_acme").checkout())
    assert BillingAccount.objects.get().lead == ada()
    assert list(Purchase.objects.order_by("pk").values_list("lead__email_normal", flat=True)) == [EMAIL, "bob@acme.com"]


def test_our_own_id_of_somebody_tells_who_it_is(world: World) -> None:
    world.track("identify", userId="u-7", traits={"email": EMAIL})
    world.later(seconds=5)
    world.run()
    nobody = {"email": None, "name": None}
    world.stripe(Order(EMAIL, world.now).checkout(customer_details=nobody, client_reference_id="u-7"))
    assert Purchase.objects.get().lead == ada()


def test_what_nobody_can_be_named_for_is_kept_and_does_nothing(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.told())
    for days in (1, 4, 8):
        world.later(days=days)
        inbound.sweep(now=world.now)
    row = InboxEvent.objects.get()
    assert (row.state, row.outcome) == ("ignored", "Nobody knows whose subscription it is: no address came with it.")


# --- subscriptions and bills, in both shapes


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_subscription_begins_renews_and_ends(world: World, version: str) -> None:
    plan = Plan(EMAIL, world.now, version=version)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    row = Subscription.objects.get()
    assert (row.state, row.plan, row.amount, row.interval_months) == ("active", "Pro plan", 29, 1)
    assert row.renews_at == plan.end()
    assert ada().is_client
    world.set_clock(plan.end())
    world.stripe(plan.told("updated", plan.end(), month=1), plan.paid(1))
    first, second = Purchase.objects.order_by("purchased_at")
    assert (first.is_renewal, second.is_renewal, second.subscription) == (False, True, row)
    assert Conversion.objects.filter(kind="purchase").count() == 2
    (renewed,) = told("subscription.renewed")
    assert renewed["renews_at"] == plan.end(1).strftime("%Y-%m-%dT%H:%M:%SZ")
    leaving = plan.told("updated", plan.end() + timedelta(days=1), month=1, cancel_at_period_end=True)
    world.later(days=1)
    world.stripe(leaving)
    row.refresh_from_db()
    assert (row.renews_at, row.ends_at) == (None, plan.end(1))
    world.set_clock(plan.end(1))
    world.stripe(plan.deleted(plan.end(1)), leaving)
    row.refresh_from_db()
    assert (row.state, row.ended_at) == ("ended", plan.end(1))
    assert ada().stage == "former"
    story = [kind for kind in kinds(ada()) if kind.startswith("subscription.")]
    assert sorted(story) == sorted(
        f"subscription.{verb}" for verb in ("started", "renewed", "canceling", "ended", "lapsed")
    )


def test_the_mails_after_a_purchase_do_not_come_with_a_renewal(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    for day in (0, 5, 15, 20):
        world.at(days=day)
    assert run_of(ada(), "post-purchase").exit_reason == "completed"
    sent = len(world.mails_to(ada()))
    world.set_clock(plan.end())
    world.stripe(plan.paid(1))
    world.run()
    assert len(world.mails_to(ada())) == sent


def test_a_late_update_does_not_bring_back_what_ended(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid(), plan.deleted(world.now))
    world.stripe(plan.told("updated", world.now + timedelta(seconds=30)))
    assert Subscription.objects.get().state == "ended"
    assert ada().is_client is False


def test_who_has_another_subscription_has_not_lapsed(world: World) -> None:
    one, two = (Plan(EMAIL, world.now, customer="cus_ada") for _ in range(2))
    world.stripe(one.checkout(), one.told(), two.checkout(), two.told(), one.deleted(world.now))
    assert "subscription.ended" in kinds(ada())
    assert "subscription.lapsed" not in kinds(ada())
    world.stripe(two.deleted(world.now))
    assert kinds(ada()).count("subscription.lapsed") == 1


def test_a_failed_payment_with_its_attempts_and_a_recovery(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    world.set_clock(plan.end())
    second = world.now + timedelta(days=3)
    world.stripe(
        plan.failed(1, attempt=1, next_at=second, at=world.now), plan.told("updated", world.now, status="past_due")
    )
    (failed,) = told("payment.failed")
    assert (failed["attempt"], failed["is_final"], failed["subscription"]) == (1, False, plan.reference)
    assert failed["pay_url"].startswith("https://invoice.stripe.com/")
    assert Subscription.objects.get().state == "past_due"
    assert Invoice.objects.get(reference=f"in_{plan.id}1").next_attempt_at == second
    world.set_clock(second)
    world.stripe(plan.failed(1, attempt=2, at=second))
    assert told("payment.failed")[1]["is_final"] is True
    world.later(hours=1)
    world.stripe(plan.paid(1, at=world.now))
    invoice = Invoice.objects.get(reference=f"in_{plan.id}1")
    assert (invoice.state, invoice.attempts) == ("paid", 2)
    assert len(told("payment.recovered")) == 1


def test_a_failure_told_after_the_payment_is_told_with_its_recovery(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    failed, paid = plan.failed(1, at=plan.end(), next_at=plan.end(1)), plan.paid(1, at=plan.end() + timedelta(hours=1))
    world.set_clock(plan.end() + timedelta(hours=2))
    world.stripe(paid, failed, failed)
    assert Invoice.objects.get(reference=f"in_{plan.id}1").state == "paid"
    assert (len(told("payment.failed")), len(told("payment.recovered"))) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "reason"), [("invoice.marked_uncollectible", "marked_uncollectible"), ("invoice.voided", "voided")]
)
def test_a_bill_that_is_given_up(world: World, kind: str, reason: str) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.failed(1, at=world.now))
    world.stripe(plan.paid(1, kind, at=world.now + timedelta(seconds=1)))
    assert Invoice.objects.get(reference=f"in_{plan.id}1").state == "given_up"
    assert told("payment.given_up")[0]["reason"] == reason


def test_a_trial_is_no_purchase(world: World) -> None:
    plan = Plan(EMAIL, world.now, amount=0)
    trial = {"status": "trialing", "trial_end": billing.seconds(plan.end())}
    world.stripe(plan.checkout(payment_status="no_payment_required"), plan.told(**trial), plan.paid())
    assert not Purchase.objects.exists()
    assert Subscription.objects.get().state == "trial"
    world.stripe(plan.told("trial_will_end", world.now + timedelta(days=27), **trial))
    assert told("subscription.trial_ending")[0]["ends_at"]


def test_another_plan_is_told(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    plan.amount = 4900
    world.stripe(plan.told("updated", world.now + timedelta(seconds=9)))
    (changed,) = told("subscription.changed")
    assert changed["amount"] == 49


# --- refunds


def test_a_refund_told_as_refund_and_as_total_is_one(world: World) -> None:
    order = world.pay(EMAIL)
    world.stripe(order.refunded(), order.refund(), order.refunded())
    purchase = Purchase.objects.get()
    assert (purchase.refunded, Refund.objects.count()) == (99, 2)
    (refunded,) = told("purchase.refunded")
    assert (refunded["amount"], refunded["order_id"], refunded["is_full"]) == (99, purchase.key, True)
    assert [row.amount for row in Conversion.objects.filter(kind="refund")] == [-99]


def test_several_partial_refunds(world: World) -> None:
    order = world.pay(EMAIL)
    first, second = order.refund(2000, id="a"), order.refund(3000, id="b")
    world.stripe(order.refunded(2000), second, order.refunded(5000), first)
    assert Purchase.objects.get().refunded == 50
    assert sum(row.amount or 0 for row in Conversion.objects.filter(kind="refund")) == -50


def test_a_refund_before_its_payment_waits_for_it(world: World) -> None:
    order = Order(EMAIL, world.now)
    world.stripe(order.refunded(), order.refund())
    assert set(InboxEvent.objects.values_list("state", flat=True)) == {"parked"}
    world.stripe(order.checkout())
    assert Purchase.objects.get().refunded == 99
    assert len(told("purchase.refunded")) == 1


def test_a_refund_that_is_under_way_does_not_count_yet(world: World) -> None:
    order = world.pay(EMAIL)
    world.stripe(order.refund(status="pending"))
    assert Purchase.objects.get().refunded == 0
    world.stripe(order.refund())
    assert Purchase.objects.get().refunded == 99


def test_a_dispute_is_told_and_takes_the_money_when_it_is_lost(world: World) -> None:
    order = world.pay(EMAIL)
    dispute = {"id": "dp_1", "object": "dispute", "amount": 9900, "currency": "eur", "charge": f"ch_{order.id}"}
    dispute |= {"payment_intent": f"pi_{order.id}", "reason": "fraudulent", "status": "needs_response"}
    world.stripe(order.event("charge.dispute.created", dispute))
    assert told("payment.disputed")[0]["reason"] == "fraudulent"
    assert Task.objects.get().title == "Answer a disputed payment in Stripe: 99 EUR"
    world.stripe(order.event("charge.dispute.closed", dispute | {"status": "lost"}))
    assert Purchase.objects.get().refunded == 99


# --- products


def test_marketers_say_whom_a_product_is_for(world: World) -> None:
    Product.objects.create(name="Pro", references=["PROD-1"], audience_type="b2b", primary_audience="Developers")
    world.pay(EMAIL, "anything", metadata={"sku": "prod-1", "audience": "b2c"})
    lead = ada()
    assert (lead.audience_type, lead.primary_audience) == ("b2b", "Developers")
    assert Purchase.objects.get().products[0]["name"] == "Pro"


def test_an_unknown_product_shows_up_for_marketers(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.paid())
    product = Product.objects.get()
    assert (product.name, product.references, product.is_active) == ("Pro plan", [f"prod_{plan.id}"], False)
    world.stripe(Plan(EMAIL, world.now, product="PRO PLAN").paid())
    product.refresh_from_db()
    assert len(product.references) == 2


def test_the_newest_purchase_says_who_somebody_is_and_a_renewal_does_not(world: World) -> None:
    lead = world.submit("contact", **ADA)
    world.pay(EMAIL, "Team plan", metadata={"audience": "B2B: Teams"})
    world.later(days=1)
    world.pay(EMAIL, "Home plan", metadata={"audience": "B2C: Families"})
    lead.refresh_from_db()
    assert (lead.audience_type, lead.primary_audience) == ("b2c", "Families")
    world.later(days=1)
    world.pay(EMAIL, "Sticker")
    lead.refresh_from_db()
    assert (lead.audience_type, lead.primary_audience) == ("b2c", "Families")


def test_what_a_program_tells_is_tagged_by_the_table_too(world: World) -> None:
    Product.objects.create(name="Team plan", audience_type="b2b", primary_audience="Teams")
    lead = world.submit("newsletter", **ADA)
    world.tell(lead, "purchase.completed", products=["team plan", "Sticker"], order_id="1001", amount=49)
    assert (lead.audience_type, lead.primary_audience) == ("b2b", "Teams")
    assert Product.objects.get(name="Sticker").is_active is False


def test_an_order_that_a_program_told_first_is_no_second_purchase(world: World) -> None:
    lead = world.submit("newsletter", **ADA)
    order = Order(EMAIL, world.now)
    world.tell(lead, "purchase.completed", product="Starter plan", order_id=f"pi_{order.id}", amount=99, currency="EUR")
    world.stripe(order.checkout(), order.refunded(4900))
    purchase = Purchase.objects.get()
    assert (purchase.provider, purchase.refunded) == ("api", 49)
    assert kinds(lead).count("purchase.completed") == 1
    assert sum(row.amount or 0 for row in Conversion.objects.filter(kind__in=["purchase", "refund"])) == 50


@pytest.mark.parametrize("version", [OLD, NEW])
def test_who_never_paid_the_first_bill_is_no_client(world: World, version: str) -> None:
    """A card that is declined at the first try makes no subscription, whatever its bill says."""
    plan = Plan(EMAIL, world.now, version=version)
    unpaid = {"amount_paid": 0, "status": "open", "status_transitions": {"paid_at": None}}
    world.stripe(
        plan.told(status="incomplete"),
        plan.event("invoice.finalized", plan.invoice(**unpaid)),
        plan.failed(0, at=world.now),
        plan.told("updated", world.now + timedelta(hours=23), status="incomplete_expired"),
    )
    assert ada().is_client is False
    assert not Subscription.objects.exists()
    assert "subscription_state" not in ada().attributes
    (failed,) = told("payment.failed")
    assert (failed["is_first"], failed["subscription"]) == (True, plan.reference)
    world.run()
    assert world.mails_to(ada()) == [], "nobody is dunned for what they did not buy"


def test_a_first_bill_that_is_paid_in_the_end_begins_the_subscription(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.told(status="incomplete"), plan.failed(0, at=world.now), plan.paid(0))
    assert (ada().is_client, Subscription.objects.get().state) == (True, "active")
    assert Purchase.objects.get().subscription == Subscription.objects.get()
    assert Invoice.objects.get().subscription == Subscription.objects.get()
