"""P2: whatever the order of Calendly's calls, and however often each comes, they end the same, with the same mails."""

import random
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction

from leads.models import Conversion, Event, Lead, Touch
from lifecycle.sales.models import Meeting, Task
from tests.calendly import Invitee
from tests.cast import ADA, World, run_of

pytestmark = pytest.mark.usefixtures("playbooks")


class _Undo(Exception):
    pass


def story(world: World, *, ends: Sequence[str]) -> list[dict[str, Any]]:
    """A demo is booked and moved; then what `ends` says happens to the new time."""
    booked = Invitee(ADA["email"], world.now + timedelta(days=2), world.now)
    moved, pair = booked.moved(world.now + timedelta(days=4), world.now + timedelta(seconds=30))
    calls = [booked.created(), *pair]
    at = world.now + timedelta(minutes=1)
    if "canceled" in ends:
        calls.append(moved.canceled(at, "A conflict"))
    if "missed" in ends:
        calls.append(moved.missed(at + timedelta(minutes=1)))
    return calls


def outcome(world: World, calls: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is there when all of them came, in this order, and the mails that left since. Undone afterwards."""
    found: dict[str, Any] = {}
    try:
        with transaction.atomic():
            before = len(world.smtp.mails)
            start = world.now
            for call in calls:
                world.later(seconds=1)
                world.calendly(call)
            for hours in (1, 3, 24 * 4 + 4):
                world.set_clock(start + timedelta(hours=hours))
                world.run()
            found = what_is_there()
            found["mails"] = sorted(mail.subject for mail in world.smtp.mails[before:])
            raise _Undo
    except _Undo:
        world.set_clock(start)
    return found


def what_is_there() -> dict[str, Any]:
    ada = Lead.objects.get()
    meetings = Meeting.objects.order_by("starts_at")
    return {
        "meetings": [(one.state, one.event_name, one.replaces_id is not None) for one in meetings],
        "demo": (ada.demo_booked, ada.demo_status, ada.demo_at, ada.demo_event_name),
        "stage": ada.stage,
        "tasks": sorted(Task.objects.values_list("title", "done_at")),
        "bookings": Conversion.objects.filter(kind="booking").count(),
        "touches": Touch.objects.count(),
        "booked": Event.objects.filter(kind="meeting.booked").count(),
        "canceled": Event.objects.filter(kind="meeting.canceled").count(),
        "nurture": run_of(ada, "demo-nurture").state,
    }


@pytest.fixture
def nurtured(world: World) -> World:
    """Ada is in the nurture, and got its first mail."""
    world.submit("contact", **ADA)
    world.at(minutes=1)
    world.later(minutes=1)
    return world


ENDS = [(), ("canceled",), ("missed",), ("canceled", "missed")]


@pytest.mark.parametrize("ends", ENDS, ids=lambda ends: "+".join(ends) or "moved")
def test_every_order_ends_the_same(nurtured: World, ends: tuple[str, ...]) -> None:
    calls = story(nurtured, ends=ends)
    expected = outcome(nurtured, calls)
    orders = list(permutations(calls))
    if len(orders) > 30:
        orders = random.Random(5).sample(orders, 16)
    for order in orders:
        assert outcome(nurtured, order) == expected, [call["event"] for call in order]
    state = "canceled" if "canceled" in ends else "no_show" if ends else "held"
    assert expected["meetings"] == [("moved", "Product demo", False), (state, "Product demo", True)]
    assert (expected["bookings"], expected["booked"], expected["touches"]) == (1, 1, 2)


@pytest.mark.parametrize("seed", range(6))
def test_every_duplication_ends_the_same(nurtured: World, seed: int) -> None:
    chance = random.Random(seed)
    calls = story(nurtured, ends=ENDS[seed % len(ENDS)])
    expected = outcome(nurtured, calls)
    several = [call for call in calls for _ in range(chance.randint(1, 3))]
    chance.shuffle(several)
    assert outcome(nurtured, several) == expected, [call["event"] for call in several]


def test_two_moves_in_any_order(nurtured: World) -> None:
    """What stands in the end does not depend on it. Told of the last time first, nobody can know yet what it replaces:
    it is a booking then, and the mail of an earlier time may leave."""
    world = nurtured
    first = Invitee(ADA["email"], world.now + timedelta(days=2), world.now)
    second, one = first.moved(world.now + timedelta(days=3), world.now + timedelta(seconds=10))
    _, two = second.moved(world.now + timedelta(days=4), world.now + timedelta(seconds=20))
    calls = [first.created(), *one, *two]
    expected = outcome(world, calls)
    assert [state for state, *_ in expected["meetings"]] == ["moved", "moved", "held"]
    assert (expected["bookings"], len(expected["mails"])) == (1, 1)
    for order in [calls[::-1], *random.Random(9).sample(list(permutations(calls)), 15)]:
        found = outcome(world, order)
        for what in ("meetings", "demo", "nurture", "stage", "canceled"):
            assert found[what] == expected[what], [call["event"] for call in order]
