"""Bills and subscriptions that are not the plain case: trials, coupons, transfers, pauses, seats, several accounts."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from leads.models import Conversion, Event, Lead
from lifecycle.customers.models import BillingAccount, Invoice, Purchase, Subscription
from lifecycle.integrations.stripe import invoices, subscriptions
from lifecycle.reports.customers import customers
from tests.billing import NEW, OLD, Order, Plan, seconds
from tests.cast import ADA, World, kinds, run_of
from tests.factories import NOON

EMAIL = ADA["email"]
stripe = pytest.mark.usefixtures("playbooks")


def ada() -> Lead:
    return Lead.objects.get(email_normal=EMAIL)


def bill(plan: Plan, month: int = 0, at: datetime | None = None, kind: str = "invoice.paid", **said: Any) -> Any:
    return plan.event(kind, plan.invoice(month=month, **said), at or plan.end(month - 1))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, 2900),
        ({"amount_paid": 0, "amount_due": 0}, 0),  # a coupon, or credit
        ({"amount_paid": 0, "paid_out_of_band": True}, 2900),
        ({"amount_paid": 0}, 2900),  # the newer shape does not say it otherwise
        ({"amount_paid": 0, "pre_payment_credit_notes_amount": 2900}, 0),
        ({"amount_paid": 900, "pre_payment_credit_notes_amount": 2000}, 900),
        ({"amount_paid": 0, "status": "open"}, 0),
        ({"amount_paid": None}, None),
    ],
)
def test_what_was_paid_of_a_bill(said: dict[str, Any], expected: int | None) -> None:
    assert invoices._paid_of(Plan(EMAIL, NOON).invoice(**said)) == expected


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize(
    ("pause", "renews"),
    [
        (None, True),
        ({"behavior": "void", "resumes_at": None}, False),
        ({"behavior": "keep_as_draft", "resumes_at": seconds(NOON + timedelta(days=10))}, True),
        ({"behavior": "keep_as_draft", "resumes_at": seconds(NOON + timedelta(days=90))}, False),
    ],
)
def test_who_is_not_charged_does_not_renew(version: str, pause: Any, renews: bool) -> None:
    found = Plan(EMAIL, NOON, version=version).subscription(pause_collection=pause)
    assert subscriptions.is_on_hold(found) is not renews


@stripe
@pytest.mark.django_db
def test_a_trial_that_converts_is_a_purchase_and_no_renewal(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    trial = {"trial_end": seconds(plan.end())}
    free = {"amount_paid": 0, "amount_due": 0, "total": 0}
    world.stripe(plan.checkout(payment_status="no_payment_required", amount_total=0))
    world.stripe(plan.told(status="trialing", **trial), bill(plan, **free))
    assert (Purchase.objects.count(), Subscription.objects.get().state) == (0, "trial")
    world.set_clock(plan.end())
    world.stripe(plan.told("updated", world.now, month=1, **trial), plan.paid(1))
    assert [row.is_renewal for row in Purchase.objects.all()] == [False]
    assert "subscription.renewed" not in kinds(ada())
    world.run()
    assert run_of(ada(), "post-purchase").state == "active"
    world.set_clock(plan.end(1))
    world.stripe(plan.told("updated", world.now, month=2, **trial), plan.paid(2))
    assert [row.is_renewal for row in Purchase.objects.order_by("pk")] == [False, True]
    assert kinds(ada()).count("subscription.renewed") == 1


@stripe
@pytest.mark.django_db
def test_a_renewal_of_nothing_carries_on_and_is_no_purchase(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    world.set_clock(plan.end())
    for _ in range(2):
        world.stripe(bill(plan, 1, amount_paid=0, amount_due=0, total=0))
    assert kinds(ada()).count("subscription.renewed") == 1
    assert (Purchase.objects.count(), Conversion.objects.filter(kind="purchase").count()) == (1, 1)


@stripe
@pytest.mark.django_db
def test_seats_a_pause_and_going_on_move_what_is_told_and_when_it_renews(world: World) -> None:
    plan = Plan(EMAIL, world.now, interval="year", period=timedelta(days=365))
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    seats = plan.subscription()["items"]
    seats["data"][0]["quantity"] = 7
    world.stripe(plan.told("updated", world.now + timedelta(seconds=9), items=seats))
    row = Subscription.objects.get()
    assert (row.quantity, row.amount, kinds(ada()).count("subscription.changed")) == (7, 203, 1)
    assert ada().attributes["renewal_amount"] == "203.00"
    for second, pause, has_date in [(10, {"behavior": "void", "resumes_at": None}, False), (11, None, True)]:
        world.stripe(plan.told("updated", world.now + timedelta(seconds=second), items=seats, pause_collection=pause))
        assert ("renewal_date" in ada().attributes, ada().is_client) == (has_date, True)


@stripe
@pytest.mark.django_db
def test_a_proration_is_money_and_neither_a_renewal_nor_a_welcome(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    more = plan.invoice(month=1, billing_reason="subscription_update", amount_paid=1400, amount_due=1400, total=1400)
    back = {**more["lines"]["data"][0], "amount": -1500, "description": "Unused time on Pro plan after 9 Mar 2026"}
    more["lines"]["data"].append(back)
    world.stripe(plan.event("invoice.paid", more, world.now + timedelta(days=9)))
    purchase = Purchase.objects.order_by("pk").last()
    assert purchase is not None
    assert (purchase.amount, purchase.is_renewal, len(purchase.products)) == (14, True, 1)
    assert "subscription.renewed" not in kinds(ada())


@stripe
@pytest.mark.django_db
def test_what_was_never_owed_is_no_failure_and_what_was_written_off_is(world: World) -> None:
    plan = Plan(EMAIL, world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    open_bill = {"amount_paid": 0, "status": "open", "attempt_count": 0, "status_transitions": {"paid_at": None}}
    world.stripe(bill(plan, 1, world.now, "invoice.finalized", **open_bill))
    world.stripe(bill(plan, 1, world.now, "invoice.voided", **open_bill))
    world.stripe(bill(plan, 2, world.now, "invoice.marked_uncollectible", **open_bill))
    assert [line.what for line in customers(now=world.now).failed.lines] == ["Pro plan"]
    assert set(Invoice.objects.exclude(state="paid").values_list("state", flat=True)) == {"given_up"}
    world.stripe(bill(plan, 2, world.now + timedelta(days=1)))  # paid after all
    assert customers(now=world.now).failed.count == 0


@stripe
@pytest.mark.django_db
def test_a_bill_paid_by_transfer_is_a_purchase(world: World) -> None:
    plan = Plan(EMAIL, world.now, currency="jpy", version=NEW)
    world.stripe(bill(plan, amount_paid=0))
    purchase = Purchase.objects.get()
    assert (purchase.amount, purchase.currency) == (Decimal(2900), "JPY")


@stripe
@pytest.mark.django_db
def test_one_person_with_two_accounts_has_not_left_with_one_of_them(world: World) -> None:
    home, work = (Plan(EMAIL, world.now) for _ in range(2))
    world.stripe(home.checkout(), home.told(), work.checkout(), work.told(), home.deleted(world.now))
    world.stripe(home.event("customer.deleted", {"id": home.customer, "object": "customer", "email": EMAIL}))
    assert (BillingAccount.objects.filter(lead=ada()).count(), ada().is_client) == (2, True)
    assert "subscription.lapsed" not in kinds(ada())
    world.stripe(work.deleted(world.now))
    assert (kinds(ada()).count("subscription.lapsed"), ada().is_client) == (1, False)


@stripe
@pytest.mark.django_db
def test_what_is_free_once_is_a_purchase_of_nothing(world: World) -> None:
    free = {"amount_total": 0, "payment_status": "no_payment_required", "payment_intent": None}
    for _ in range(2):
        world.stripe(order := Order(EMAIL, world.now, id="free").checkout(**free))
    assert order["type"] == "checkout.session.completed"
    assert (Purchase.objects.get().amount, ada().is_client) == (0, True)
    assert Event.objects.filter(kind="purchase.completed").count() == 1
