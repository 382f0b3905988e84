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


CONFIRMED = "See you on Friday, 6 March 2026 at 13:02 (Europe/Berlin)"


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


def two_moves(world: World, *, is_canceled: bool) -> list[dict[str, Any]]:
    """Monday 12:00 a demo is booked, then moved, moved once more, and perhaps called off: five or six calls."""
    first = Invitee(ADA["email"], world.now + timedelta(days=2), world.now)
    second, one = first.moved(world.now + timedelta(days=3), world.now + timedelta(seconds=10))
    third, two = second.moved(world.now + timedelta(days=4), world.now + timedelta(seconds=20))
    calls = [first.created(), *one, *two]
    return [*calls, third.canceled(world.now + timedelta(minutes=1), "A conflict")] if is_canceled else calls


def name_of(call: dict[str, Any]) -> str:
    """Where it stands in the story, for a failure's message: invitee.created 12:00:10"""
    return f"{call['event']} {call['payload']['updated_at'][11:19]}"


def orders_of(calls: Sequence[dict[str, Any]], seed: int) -> list[list[dict[str, Any]]]:
    """Every two that may come first, which decide the most, with the rest in some order."""
    chance, orders = random.Random(seed), []
    for first, then in permutations(calls, 2):
        rest = [call for call in calls if call is not first and call is not then]
        chance.shuffle(rest)
        orders.append([first, then, *rest])
    return orders


@pytest.mark.parametrize("is_canceled", [False, True], ids=["moved", "canceled"])
def test_two_moves_in_any_order(nurtured: World, is_canceled: bool) -> None:
    """Told of the last time first, nobody can know yet what it replaces: it counts, and what may have been before it
    waits until that is clear. One meeting, one conversion, the same mails."""
    calls = two_moves(nurtured, is_canceled=is_canceled)
    expected = outcome(nurtured, calls)
    assert [state for state, *_ in expected["meetings"]] == ["moved", "moved", "canceled" if is_canceled else "held"]
    assert (expected["bookings"], expected["booked"], expected["touches"]) == (1, 1, 2)
    assert expected["mails"] == ["Your meeting is canceled, and nothing is lost" if is_canceled else CONFIRMED]
    for order in orders_of(calls, 9)[:: 4 if is_canceled else 1]:
        assert outcome(nurtured, order) == expected, [name_of(call) for call in order]
