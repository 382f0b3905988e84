"""P2: whatever the order of Stripe's events, and however often each comes, the end is the same, with the same mails."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction

from leads.models import Conversion, Event, Lead
from lifecycle.customers.models import BillingAccount, Invoice, Product, Purchase, Subscription
from lifecycle.integrations.models import InboxEvent
from tests.billing import NEW, OLD, Order, Plan
from tests.cast import ADA, World
from tests.thorough import tries

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]
EMAIL = ADA["email"]


def outcome(world: World, events: Sequence[dict[str, Any]], days: Sequence[int] = (0,)) -> dict[str, Any]:
    """What is there when all of them came, in this order, and the mails that left since. Undone afterwards."""
    with undone(world):
        before = len(world.smtp.mails)
        start = world.now
        for event in events:
            world.stripe(event)
        for day in days:
            world.set_clock(start + timedelta(days=day, minutes=1))
            world.run()
        return what_is_there() | {"mails": [(mail.subject, _products(mail.text)) for mail in world.smtp.mails[before:]]}


@contextmanager
def undone(world: World) -> Iterator[None]:
    """Whatever is done inside was not done afterwards."""
    start = world.now
    try:
        with transaction.atomic():
            try:
                yield
            finally:
                transaction.set_rollback(True)
    finally:
        world.set_clock(start)


def what_is_there() -> dict[str, Any]:
    lead = Lead.objects.get()
    purchase = "key amount currency refunded named_by products is_renewal purchased_at subscription__reference"
    bill = "reference state amount attempts paid_at subscription__reference"
    plan = "reference state plan amount currency interval_months renews_at ends_at started_at ended_at"
    ours = ("purchase.", "subscription.", "payment.", "stage.")
    events = Event.objects.exclude(kind__startswith="email.").values_list("kind", "key", "properties")
    return {
        "lead": (lead.email, lead.first_name, lead.stage, lead.is_client, lead.audience_type, lead.primary_audience),
        "attributes": lead.attributes,
        "purchases": list(Purchase.objects.order_by("key").values_list(*purchase.split())),
        "bills": list(Invoice.objects.order_by("reference").values_list(*bill.split())),
        "subscriptions": list(Subscription.objects.order_by("reference").values_list(*plan.split())),
        "products": list(Product.objects.order_by("name").values_list("name", "references")),
        "accounts": list(BillingAccount.objects.values_list("reference", flat=True)),
        "conversions": list(Conversion.objects.order_by("kind", "key").values_list("kind", "amount", "currency")),
        "events": _once(sorted((kind, _told(kind, told)) for kind, _, told in events if kind.startswith(ours))),
        "inbox": set(InboxEvent.objects.values_list("state", flat=True)),
    }


def _told(kind: str, told: dict[str, Any]) -> str:
    """What an event says, but for what only its first teller may know better than the others."""
    if kind == "subscription.started":
        told = {name: value for name, value in told.items() if name not in ("plan", "products")}
    return str(sorted((name, str(value)) for name, value in told.items()))


def _once(events: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A recovery is told again after a failure that comes late."""
    again = [event for event, before in zip(events[1:], events, strict=False) if event == before]
    assert {kind for kind, _ in again} <= {"payment.recovered"}
    return list(dict.fromkeys(events))


def _products(text: str) -> list[str]:
    return [name for name in ("Pro plan", "Starter plan") if name in text]


def subscribed(world: World, version: str) -> list[dict[str, Any]]:
    """Somebody subscribes in a checkout, and gets the money back an hour later."""
    plan = Plan(EMAIL, world.now - timedelta(hours=2), version=version, metadata={"audience": "B2B: Teams"})
    events = [plan.checkout(), plan.told(), plan.paid(), plan.refunded(at=plan.at + timedelta(hours=1))]
    events[0]["data"]["object"]["metadata"]["product"] = "Pro plan"
    events[0]["data"]["object"]["metadata"]["sku"] = f"prod_{plan.id}"
    for event in events[1:3]:
        event["data"]["object"]["metadata"] = {"audience": "B2B: Teams"}
    return events


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_checkout_a_subscription_its_bill_and_a_refund_in_every_order(world: World, version: str) -> None:
    events = subscribed(world, version)
    orders = list(permutations(events))
    if version == NEW:  # read into the same; every order is tried with the other
        orders = random.Random(11).sample(orders, 8)
    expected = outcome(world, events)
    assert [purchase[1] for purchase in expected["purchases"]] == [29]
    assert expected["purchases"][0][3] == 29
    assert expected["inbox"] == {"done"}
    assert [kind for kind, *_ in expected["conversions"]].count("purchase") == 1
    assert expected["mails"][0] == ("Thank you. Here is what to do first", ["Pro plan"])
    for order in orders:
        assert outcome(world, order) == expected, [event["type"] for event in order]


def test_with_copies_of_every_event_in_any_order(world: World) -> None:
    events = subscribed(world, OLD)
    expected = outcome(world, events)
    chance = random.Random(5)
    for _ in range(8):
        order = [*events, *events, *events]
        chance.shuffle(order)
        assert outcome(world, order) == expected, [event["type"] for event in order]


def test_one_payment_told_by_five_objects_in_any_order(world: World) -> None:
    order = Order(EMAIL, world.now - timedelta(hours=2))
    events = [order.checkout(), order.charged(), order.intended(), order.refunded(), order.refund()]
    expected = outcome(world, events)
    assert [row[1:4:2] for row in expected["purchases"]] == [(99, 99)]
    chance = random.Random(7)
    for given in chance.sample(list(permutations(events)), tries(16, thoroughly=120)):
        assert outcome(world, given) == expected, [event["type"] for event in given]


def test_what_ended_has_ended_whatever_comes_after(world: World) -> None:
    plan = Plan(EMAIL, world.now - timedelta(days=2))
    leaving = plan.told("updated", plan.at + timedelta(hours=1), cancel_at_period_end=True)
    events = [plan.checkout(), plan.told(), leaving, plan.deleted(plan.at + timedelta(days=1))]
    results = [outcome(world, order) for order in permutations(events)]
    for found in results:
        assert found["subscriptions"] == results[0]["subscriptions"]
        assert [state for _, state, *_ in found["subscriptions"]] == ["ended"]
        assert (found["lead"], found["purchases"]) == (results[0]["lead"], results[0]["purchases"])
        kinds = [kind for kind, _ in found["events"]]
        assert all(kinds.count(f"subscription.{verb}") == 1 for verb in ("started", "ended", "lapsed"))


def test_a_bill_that_failed_twice_and_was_paid_in_any_order(world: World) -> None:
    plan = Plan(EMAIL, world.now - timedelta(days=40))
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    due = plan.end()
    tries = [due, due + timedelta(days=2)]
    events = [
        plan.failed(1, attempt=1, next_at=tries[1], at=tries[0]),
        plan.failed(1, attempt=2, next_at=tries[1] + timedelta(days=3), at=tries[1]),
        plan.paid(1, at=tries[1] + timedelta(days=1)),
        plan.paid(1, "invoice.payment_succeeded", at=tries[1] + timedelta(days=1)),
    ]
    expected = outcome(world, events)
    for order in random.Random(3).sample(list(permutations(events)), 10):
        assert outcome(world, order) == expected, [event["type"] for event in order]
