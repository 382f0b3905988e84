"""Locks in one order: the lead's, the webinar's, the registration's, whoever speaks. So nobody meets in a deadlock."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from leads import log
from leads.actions import erase
from leads.models import Lead
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.integrations.contract import Delivery
from lifecycle.integrations.zoom.handlers import HANDLERS
from tests.factories import NOON, LeadFactory
from tests.integrations import zoom as zoom_calls
from tests.leads.test_concurrency import together
from tests.webinars.attendees import STARTS, seat, webinar
from webinars import registering, seats, telling
from webinars.models import Registration, Webinar

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOON + timedelta(hours=1)
OF_ADA = {"email": "ada@acme.com", "id": "R-ada"}
WORDS = {
    "echo": zoom_calls.registration("created", LATER, **OF_ADA),
    "let in": zoom_calls.registration("approved", LATER, **OF_ADA),
    "gave it back": zoom_calls.registration("cancelled", LATER, **OF_ADA),
    "came": zoom_calls.joined(STARTS, email="ada@acme.com", registrant_id="R-ada"),
    "left": zoom_calls.left(STARTS, email="ada@acme.com", registrant_id="R-ada"),
}


@atomic_with_retry
def hear(body: dict[str, Any]) -> None:
    HANDLERS[body["event"]].handle(Delivery(1, "zoom", body["event"], body, LATER, LATER), LATER)


class Beside:
    """Work in a thread with a connection of its own."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.pid, self.error, self._work = 0, None, work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with connection.cursor() as cursor:
                self.pid = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
            self._work()
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def is_waiting_for_a_lock(self) -> bool:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        until = time.monotonic() + 20
        while time.monotonic() < until and self._thread.is_alive():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_stat_clear_snapshot()")
                if cursor.execute(asked, [self.pid]).fetchone()[0]:
                    return True
        return False

    def end(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self.error is None


@pytest.fixture
def ada() -> Registration:
    return seat(webinar(), LeadFactory(email="ada@acme.com"))


@pytest.fixture(autouse=True)
def no_deadlock(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.WARNING, logger="lifecycle.core.deadlocks")
    yield
    met = [record.message for record in caplog.get_records("call") if record.name == "lifecycle.core.deadlocks"]
    assert bool(met) is ("meets" in request.node.name)


@pytest.mark.parametrize("body", WORDS.values(), ids=WORDS.keys())
def test_who_waits_for_the_lead_holds_nothing_that_comes_after_it(ada: Registration, body: dict[str, Any]) -> None:
    if body is WORDS["let in"]:
        registering.cancel(ada.pk, now=NOON)
    with transaction.atomic():
        Lead.objects.select_for_update(no_key=True).get(pk=ada.lead_id)
        zoom = Beside(lambda: hear(body))
        assert zoom.is_waiting_for_a_lock()
        Webinar.objects.select_for_update(no_key=True, nowait=True).get(pk=ada.webinar_id)
        Registration.objects.select_for_update(nowait=True).get(pk=ada.pk)
    zoom.end()


@pytest.mark.parametrize("body", WORDS.values(), ids=WORDS.keys())
def test_who_waits_for_the_webinar_holds_no_registration(ada: Registration, body: dict[str, Any]) -> None:
    with transaction.atomic():
        seats.hold(ada.webinar_id)
        zoom = Beside(lambda: hear(body))
        assert zoom.is_waiting_for_a_lock()
        Registration.objects.select_for_update(nowait=True).get(pk=ada.pk)
    zoom.end()


def test_all_at_once(ada: Registration) -> None:
    """People register and cancel here while Zoom tells of the same people."""
    bodies = list(WORDS.values())

    def work(number: int) -> None:
        for turn in range(5):
            if number == 0:
                registering.cancel(ada.pk, now=LATER + timedelta(seconds=turn))
            elif number == 1:
                registering.register(ada.webinar_id, ada.lead_id, source="page", now=LATER + timedelta(seconds=turn))
            else:
                hear(bodies[(number + turn) % len(bodies)])

    together(6, work)


def test_erasing_meets_somebody_who_tells_all_people_of_the_webinar_and_begins_anew(ada: Registration) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '10s'")  # so that it is the other who gives way
        held = seats.hold(ada.webinar_id)
        erasing = Beside(lambda: erase(ada.lead, now=LATER))
        assert erasing.is_waiting_for_a_lock()
        log.write([telling.told("webinar.moved", ada, held, key="moved")], now=LATER, pending=True)
    erasing.end()
    assert not Lead.objects.exists()
