"""Refunds that fail after they had succeeded, and refunds that do not say whose money they take back."""

import random
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from leads.models import Conversion, Event, Lead
from lifecycle.customers.models import Purchase
from lifecycle.customers.refunding import Row, gone
from lifecycle.integrations import inbound
from lifecycle.integrations.models import InboxEvent
from lifecycle.reports.attribution import reading
from lifecycle.sales.models import Task
from tests.billing import NEW, OLD, Order, Plan
from tests.cast import ADA, World, kinds
from tests.factories import NOON
from tests.integrations.test_stripe_in_any_order import undone

EMAIL = ADA["email"]
HOUR = timedelta(hours=1)
AT, LATER, LAST = NOON, NOON + HOUR, NOON + 2 * HOUR

stripe = pytest.mark.usefixtures("playbooks")


def row(key: str, amount: int, at: Any = AT, failed_at: Any = None) -> Row:
    return Row(key, Decimal(amount), at, failed_at)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0),
        ([row("re_1", 20), row("ch_1:total:1", 20)], 20),
        ([row("re_1", 20), row("re_2", 30), row("ch_1:total:1", 20)], 50),
        ([row("re_1", 20), row("ch_1:total:1", 50)], 50),
        ([row("re_1", 20, AT, LAST)], 0),
        ([row("re_1", 20, AT, LAST), row("ch_1:total:1", 20, AT)], 0),  # the total was told before it failed
        ([row("re_1", 20, AT, LATER), row("ch_1:total:1", 30, LAST)], 30),  # and here after
        ([row("re_1", 20, AT, LATER), row("ch_1:total:1", 20, AT), row("ch_1:total:2", 20, LAST)], 20),  # tried again
        ([row("re_1", 20, AT, LAST), row("re_2", 30, LATER), row("ch_1:total:1", 50, LATER)], 30),
        ([row("ch_1:total", 99), row("ch_1:total:1", 20)], 99),  # as totals were kept before
        ([row("re_1", 99), row("re_2", 99)], 99),  # never more than was paid
    ],
)
def test_what_has_gone_back(rows: list[Row], expected: int) -> None:
    assert gone(rows, Decimal(99)) == gone(rows[::-1], Decimal(99)) == expected


def money() -> tuple[Any, Decimal, int]:
    """What went back by the purchase, what the ledger says is left, and what the reports share."""
    ledger = sum(amount or 0 for amount in Conversion.objects.values_list("amount", flat=True))
    refunds = reading.refunds_of(ids := list(Conversion.objects.filter(kind="purchase").values_list("pk", flat=True)))
    shared = sum(won.net.left for won in reading.won(ids, refunds) if won.net)
    return Purchase.objects.get().refunded, Decimal(ledger), shared


def failures(order: Order, kind: str, status: str, **said: Any) -> dict[str, Any]:
    return order.refund(status=status, kind=kind, told_at=order.at + 2 * HOUR, **said)


@stripe
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("version", "kind", "status"),
    [
        (NEW, "refund.failed", "failed"),
        (NEW, "refund.updated", "failed"),
        (NEW, "refund.updated", "canceled"),
        (OLD, "charge.refund.updated", "failed"),
    ],
)
def test_a_refund_that_fails_afterwards_leaves_the_money_and_the_customer(
    world: World, version: str, kind: str, status: str
) -> None:
    order = world.pay(EMAIL, version=version)
    world.later(hours=3)
    world.stripe(order.refunded(), order.refund())
    assert money() == (99, 0, 0)
    lead = Lead.objects.get()
    assert (lead.stage, lead.is_client) == ("former", False)
    failed = failures(order, kind, status)
    world.stripe(failed, failed, order.refund(), order.refunded())
    assert money() == (0, 99, 9900)
    lead.refresh_from_db()
    assert (lead.stage, lead.is_client) == ("customer", True)
    (told,) = Event.objects.filter(kind="purchase.refund_failed")
    assert (told.properties["amount"], told.properties["order_id"]) == (99, Purchase.objects.get().key)
    again = order.refund(id="2", at=order.at + 3 * HOUR)  # by another way, and this time it stays
    world.stripe(again, again, order.refunded(at=order.at + 3 * HOUR))
    assert money() == (99, 0, 0)
    assert kinds(lead).count("purchase.refunded") == 2


@stripe
@pytest.mark.django_db
def test_a_failed_refund_in_every_order_and_with_copies(world: World) -> None:
    """Of two refunds one fails: told as refunds, as totals, as failures of both names, and before the payment."""
    order = Order(EMAIL, world.now - 4 * HOUR)
    failed = failures(order, "refund.failed", "failed", amount=2000)
    events = [
        order.checkout(),
        order.refund(2000),
        order.refunded(2000),
        order.refunded(5000, at=order.at + HOUR + timedelta(minutes=1)),
        order.refund(3000, id="2", at=order.at + HOUR + timedelta(minutes=1)),
        failed,
        failures(order, "charge.refund.updated", "failed", amount=2000),
    ]
    chance = random.Random(13)
    orders: list[Sequence[dict[str, Any]]] = [tuple(events), tuple(reversed(events))]
    orders += chance.sample(list(permutations(events)), 6)
    orders += [chance.sample([*events, *events], 14) for _ in range(2)]
    for given in orders:
        with undone(world):
            world.stripe(*given)
            assert money() == (30, 69, 6900), [event["type"] for event in given]
            assert set(InboxEvent.objects.values_list("state", flat=True)) == {"done"}


@stripe
@pytest.mark.django_db
def test_a_refund_that_was_never_counted_fails_without_a_word(world: World) -> None:
    order = world.pay(EMAIL)
    world.later(hours=3)
    world.stripe(failures(order, "refund.failed", "failed"), order.refund())
    assert money() == (0, 99, 9900)
    assert not Event.objects.filter(kind__startswith="purchase.refund").exists()


@stripe
@pytest.mark.django_db
def test_a_refund_of_what_was_counted_twice_is_not_lost_when_the_two_are_joined(world: World) -> None:
    """The bill comes first, its charge is a payment of its own for a while and is refunded, then both are linked."""
    plan = Plan(EMAIL, world.now, version=NEW)
    world.stripe(plan.paid())
    world.later(minutes=1)
    world.stripe(plan.charged())
    world.later(hours=2)
    inbound.sweep(now=world.now)
    assert Purchase.objects.count() == 2
    world.stripe(plan.refund(), plan.linked())
    assert money() == (29, 0, 0)


@pytest.mark.django_db
@stripe
def test_a_program_tells_of_a_failed_refund_by_the_refunds_own_name(world: World) -> None:
    lead = world.submit("newsletter", **ADA)
    world.tell(lead, "purchase.completed", order_id="A", amount=99, currency="EUR")
    world.tell(lead, "purchase.refunded", order_id="A", refund_id="r1", amount=99)
    assert (money(), lead.stage) == ((99, 0, 0), "former")
    for _ in range(2):
        world.tell(lead, "purchase.refund_failed", order_id="A", refund_id="r1", amount=99)
    assert (money(), lead.stage) == ((0, 99, 9900), "customer")


# --- whose money it was, where nothing names the link between a bill and its payment (newer shape)


def two_bills(world: World) -> tuple[Plan, Plan]:
    """Of one customer, of one price, within an hour."""
    one = Plan(EMAIL, world.now - 4 * HOUR, version=NEW, customer="cus_ada")
    return one, Plan(EMAIL, one.at + timedelta(minutes=20), version=NEW, customer="cus_ada")


@stripe
@pytest.mark.django_db
def test_of_two_payments_that_fit_none_is_taken_and_a_person_is_asked(world: World) -> None:
    one, two = two_bills(world)
    world.stripe(one.paid(), two.paid(), one.refunded(at=world.now))
    for hours in (1, 30, 31):
        world.later(hours=hours)
        inbound.sweep(now=world.now)
    assert [purchase.refunded for purchase in Purchase.objects.all()] == [0, 0]
    task = Task.objects.get()
    assert task.title.startswith("A refund in Stripe is of one of several payments of 29.00 EUR")
    assert all(purchase.key in task.title for purchase in Purchase.objects.all())


@stripe
@pytest.mark.django_db
def test_a_fresh_refund_waits_for_other_bills_that_may_fit(world: World) -> None:
    plan = Plan(EMAIL, world.now - timedelta(minutes=2), version=NEW)
    world.stripe(plan.paid(), plan.refunded(at=world.now))
    assert Purchase.objects.get().refunded == 0
    world.later(hours=25)
    inbound.sweep(now=world.now)
    assert Purchase.objects.get().refunded == 29


@stripe
@pytest.mark.django_db
def test_a_guess_that_proves_wrong_is_put_right_and_joins_no_two_bills(world: World) -> None:
    one, two = two_bills(world)
    world.stripe(one.paid(), two.refunded(at=world.now))  # the other bill is told late: the one that is known fits
    assert Purchase.objects.get().refunded == 29
    world.stripe(two.paid(), two.linked(), two.linked(), two.refund(at=world.now))
    refunded = dict(Purchase.objects.values_list("key", "refunded"))
    assert refunded == {f"in_{one.id}0": 0, f"in_{two.id}0": 29}
    ledger = sum(amount or 0 for amount in Conversion.objects.values_list("amount", flat=True))
    assert ledger == 29
