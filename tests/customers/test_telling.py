"""When a purchase is said to have happened, whatever clock its teller goes by."""

from datetime import timedelta

import pytest

from lifecycle.customers.telling import happened
from tests.billing import Order
from tests.cast import ADA, World, run_of
from tests.factories import NOON

LATE = NOON + timedelta(milliseconds=400)
MONTHS = timedelta(days=90)


@pytest.mark.parametrize(
    ("kind", "at", "expected"),
    [
        ("purchase.completed", LATE, LATE),
        ("purchase.completed", NOON, LATE),  # in this second: not before what we saw in it
        ("purchase.completed", NOON - timedelta(seconds=9), NOON - timedelta(seconds=8, microseconds=1)),
        ("purchase.completed", NOON + timedelta(seconds=9), NOON + timedelta(seconds=9)),
        ("purchase.completed", NOON + MONTHS, LATE + timedelta(minutes=1)),
        ("purchase.completed", NOON - MONTHS, LATE),
        ("subscription.started", NOON - MONTHS + timedelta(milliseconds=1), NOON - MONTHS + timedelta(milliseconds=1)),
    ],
)
def test_a_time_is_taken_as_far_as_it_can_be(kind: str, at: object, expected: object) -> None:
    assert happened(kind, at, LATE) == expected  # type: ignore[arg-type]


@pytest.mark.django_db
@pytest.mark.usefixtures("playbooks")
@pytest.mark.parametrize("ago", [timedelta(milliseconds=500), timedelta(days=1700)])
def test_a_purchase_ends_the_cart_recovery_of_the_same_second_or_by_an_old_clock(world: World, ago: timedelta) -> None:
    world.later(milliseconds=300)
    lead = world.submit("newsletter", email=ADA["email"])
    world.tell(lead, "checkout.abandoned")
    world.run()
    assert run_of(lead, "cart-recovery").state == "active"
    world.later(milliseconds=200)
    world.stripe(Order(ADA["email"], world.now - ago).checkout())
    world.run()
    assert run_of(lead, "cart-recovery").exit_reason == "goal: purchase.completed"
