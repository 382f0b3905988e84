"""A stop that comes while a mail is on its way: the door answers when nothing is in the air any more."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from campaigns.models import Message
from leads.actions import erase
from leads.models import Event, Lead
from lifecycle.core import tokens
from tests.cast import ADA, World, run_of

UNDER_WAY = Message.objects.filter(state="sending", handed_at__isnull=False)


@contextmanager
def engine_in_background(world: World) -> Iterator[None]:
    def run() -> None:
        try:
            world.run()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(20)
    assert not thread.is_alive()


def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def ada_with_a_mail_in_the_air(world: World) -> Lead:
    """The server takes half a second to say that it accepts her mail."""
    ada = world.submit("contact", **ADA)
    world.smtp.script(ada.email, delay=0.5)
    world.later(minutes=1)
    return ada


def test_a_booking_is_answered_when_no_mail_is_in_the_air(live_world: World) -> None:
    world = live_world
    ada = ada_with_a_mail_in_the_air(world)
    with engine_in_background(world):
        until(UNDER_WAY.exists)
        world.tell(ada, "meeting.booked")
        assert not UNDER_WAY.exists()
        at_the_answer = len(world.mails_to(ada))
    assert run_of(ada, "demo-nurture").exit_reason == "goal: meeting.booked"
    world.at(days=7)
    world.at(days=14)
    assert len(world.mails_to(ada)) == at_the_answer == 1
    assert list(Message.objects.values_list("state", flat=True)) == ["sent"]


def test_an_event_that_stops_nothing_does_not_wait(live_world: World) -> None:
    world = live_world
    ada = world.submit("contact", **ADA)
    world.smtp.script(ada.email, hang=True)
    world.later(minutes=1)
    with engine_in_background(world):
        until(UNDER_WAY.exists)
        world.tell(ada, "pricing.viewed")
        assert UNDER_WAY.exists()
        world.smtp.drop_connections()


def test_an_opt_out_is_answered_when_no_mail_is_in_the_air(live_world: World) -> None:
    world = live_world
    ada = ada_with_a_mail_in_the_air(world)
    with engine_in_background(world):
        until(UNDER_WAY.exists)
        answer = world.browser.post(f"/u/{tokens.unsubscribe_token(1, ada.address_hash)}")
        assert answer.status_code == 200
        assert not UNDER_WAY.exists()
        at_the_answer = len(world.mails_to(ada))
    world.at(days=7)
    assert len(world.mails_to(ada)) == at_the_answer


@pytest.mark.parametrize("stop", ["booking", "opt-out"])
def test_a_server_that_never_answers_does_not_hold_the_door_for_ever(live_world: World, stop: str) -> None:
    world = live_world
    ada = world.submit("contact", **ADA)
    world.smtp.script(ada.email, hang=True)
    world.later(minutes=1)
    with engine_in_background(world):
        until(UNDER_WAY.exists)
        began = time.monotonic()
        if stop == "booking":
            world.tell(ada, "meeting.booked")
        else:
            world.browser.post(f"/u/{tokens.unsubscribe_token(1, ada.address_hash)}")
        assert 1.9 < time.monotonic() - began < 9
        world.smtp.drop_connections()
    assert Message.objects.get().state == "unknown"


def test_an_erasure_waits_for_the_mail_in_the_air_and_leaves_nothing(live_world: World) -> None:
    world = live_world
    ada = ada_with_a_mail_in_the_air(world)
    with engine_in_background(world):
        until(UNDER_WAY.exists)
        erase(ada, now=world.now)
        at_the_erasure = len(world.mails_to(ada))
        assert not Message.objects.exists()
    world.at(days=7)
    assert len(world.mails_to(ada)) == at_the_erasure
    assert not Event.objects.filter(lead_id=ada.pk).exists()
