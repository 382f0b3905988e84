"""Who is not to come any more is told to Zoom: a canceled webinar, an erased person. Over real HTTP."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from leads import pipeline
from leads.actions import erase
from leads.models import Event, Lead
from lifecycle.integrations import tasks
from lifecycle.integrations.models import InboxEvent
from lifecycle.integrations.zoom import client, registrants, wellbeing
from tests.factories import NOON
from tests.integrations import zoom as zoom_calls
from tests.integrations.zoom_story import due, registered, sync
from tests.webinars.attendees import ENDS, STARTS, seat
from webinars import moving, syncing
from webinars.models import RegistrantSync, Registration

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=1)


@pytest.fixture(autouse=True)
def secret(settings) -> None:
    settings.ZOOM_WEBHOOK_SECRETS = [zoom_calls.SECRET]


def hear(*bodies, now) -> list[str]:
    """Zoom tells us; what the inbox says of it."""
    with time_machine.travel(now, tick=False):
        for body in bodies:
            assert zoom_calls.post(Client(), body, at=now).status_code == 200
    return list(InboxEvent.objects.order_by("pk").values_list("outcome", flat=True))


def leaver() -> RegistrantSync:
    """The one row that is left of somebody who is gone."""
    return RegistrantSync.objects.get(registration=None)


# --- a webinar that is called off


def test_a_webinar_that_is_called_off_is_called_off_for_everybody_there(zoom) -> None:
    ada, ben = registered(), registered(email="ben@ode.example")
    at_zoom = seat(ada.webinar, zoom_registrant_id="R9", source="zoom")
    registrants.drain(now=NOON)
    moving.cancel(ada.webinar_id, now=SOON)
    pipeline.process_pending(now=SOON)
    registrants.drain(now=SOON)
    assert {sync(one) for one in (ada, ben, at_zoom)} == {("cancel", "done", "canceled")}
    assert {one["status"] for one in zoom.registrants.values()} == {"canceled"}
    assert {body["registrants"][0]["id"] for verb, _, body in zoom.calls if verb == "PUT"} == {"R1", "R2", "R9"}


def test_what_nobody_heard_of_is_caught_up_with(zoom) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    moving.cancel(ada.webinar_id, now=SOON)
    assert (syncing.catch_up(now=SOON), syncing.catch_up(now=SOON)) == (1, 0)
    registrants.drain(now=SOON)
    assert zoom.registrants["ada@acme.com"]["status"] == "canceled"


def test_zooms_echo_of_a_webinar_that_was_called_off_takes_nobodys_seat_back(zoom) -> None:
    """Or they would get a second mail about it."""
    ada = registered()
    registrants.drain(now=NOON)
    moving.cancel(ada.webinar_id, now=SOON)
    said = hear(zoom_calls.registration("cancelled", SOON, id="R1"), now=SOON)
    assert said == ["ignored: WB001 was canceled here"]
    assert not Event.objects.filter(kind="webinar.registration_canceled").exists()


def test_one_that_is_gone_in_zoom_needs_no_call(zoom) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    moving.cancel(ada.webinar_id, now=SOON)
    pipeline.process_pending(now=SOON)
    type(ada.webinar).objects.update(zoom_gone_at=SOON)
    registrants.drain(now=SOON)
    assert sync(ada) == ("cancel", "done", "deleted in Zoom")
    assert len(zoom.calls) == 1


# --- somebody who is erased


def test_who_is_erased_here_is_canceled_there_and_their_address_goes_with_it(zoom) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    erase(ada.lead, now=SOON)
    assert (leaver().email, leaver().registrant_id) == ("ada@acme.com", "R1")
    registrants.drain(now=SOON)
    assert zoom.registrants["ada@acme.com"]["status"] == "canceled"
    assert (leaver().state, leaver().detail, leaver().email) == ("done", "canceled", "")


def test_of_whom_zoom_never_heard_it_is_told_nothing(zoom) -> None:
    erase(registered().lead, now=SOON)
    assert not RegistrantSync.objects.exists()
    registrants.drain(now=SOON)
    assert zoom.calls == []


def test_who_registered_at_zoom_and_is_erased_here_is_canceled_there(zoom) -> None:
    at_zoom = registered(email="ben@ode.example")
    RegistrantSync.objects.all().delete()
    zoom.add({"email": "ben@ode.example", "first_name": "Ben"})
    Registration.objects.update(zoom_registrant_id="R1", source="zoom")
    erase(at_zoom.lead, now=SOON)
    registrants.drain(now=SOON)
    assert zoom.registrants["ben@ode.example"]["status"] == "canceled"


def test_erased_while_zoom_is_being_told_they_are_canceled_after_it_and_nobody_comes_of_the_echo(zoom) -> None:
    ada = registered()
    token, orders = registrants.claim(now=NOON)
    turn = registrants.Round(registrants.client_of(client.Account.of_settings()), now=NOON)
    outcomes = [turn.carry(order) for order in orders]
    erase(ada.lead, now=NOON)
    said = hear(zoom_calls.registration("created", NOON, id="R1"), now=NOON)
    assert said == ["ignored: somebody who was erased here"]
    registrants.settle(token, outcomes, now=NOON)
    assert (leaver().wants, leaver().state, leaver().registrant_id) == ("cancel", "ready", "R1")
    registrants.drain(now=NOON)
    assert zoom.registrants["ada@acme.com"]["status"] == "canceled"
    hear(zoom_calls.registration("cancelled", NOON, id="R1"), zoom_calls.joined(NOON, registrant_id="R1"), now=NOON)
    assert not Lead.objects.exists()
    assert [bytes(row.body) for row in InboxEvent.objects.all()] == [b""] * 3
    assert not InboxEvent.objects.exclude(address_hash="").exists()


def test_who_comes_to_zoom_again_by_themselves_is_welcome(zoom) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    erase(ada.lead, now=NOON)
    registrants.drain(now=NOON)
    hear(zoom_calls.registration("created", SOON, id="R1"), now=SOON)
    assert Lead.objects.get().email == "ada@acme.com"


def test_who_is_erased_and_registers_again_is_there_in_the_end(zoom) -> None:
    """The cancellation goes first, however long it takes, and what came after it wins."""
    ada = registered()
    registrants.drain(now=NOON)
    erase(ada.lead, now=NOON)
    zoom.answers = [(503, {}, {})]
    registrants.drain(now=NOON)
    again = registered(email="Ada@acme.com")
    assert registrants.drain(now=NOON) == 0  # held up by the cancellation, which waits
    due()
    assert registrants.drain(now=NOON) == 2
    assert [verb for verb, _, _ in zoom.calls] == ["POST", "PUT", "PUT", "POST"]
    assert (sync(again)[1], zoom.registrants["ada@acme.com"]["status"]) == ("done", "approved")


def test_a_cancellation_that_zoom_never_takes_is_given_up_without_the_address_and_told_to_a_person(zoom) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    erase(ada.lead, now=NOON)
    zoom.answers = [(500, {}, {})] * registrants.MOST_ATTEMPTS
    for _ in range(registrants.MOST_ATTEMPTS):
        assert leaver().email == "ada@acme.com"
        due()
        registrants.drain(now=NOON)
    assert (leaver().state, leaver().email, leaver().registrant_id) == ("failed", "", "R1")
    (finding,) = wellbeing.registrants(NOON)
    assert finding.says == "Erased here, and still registered in Zoom: R1 of WB001."


@pytest.mark.parametrize("when", [NOON + timedelta(days=2, minutes=1), ENDS])
def test_an_address_is_not_kept_for_a_zoom_that_cannot_be_told(zoom, settings, when) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    settings.ZOOM_ACCOUNT_ID = ""
    erase(ada.lead, now=NOON)
    with time_machine.travel(NOON + timedelta(days=2), tick=False):
        tasks.catch_up_with_zoom()
    assert leaver().email
    with time_machine.travel(when, tick=False):
        tasks.catch_up_with_zoom()
    assert (leaver().state, leaver().email) == ("failed", "")


def test_nothing_is_kept_of_a_webinar_that_is_over(zoom) -> None:
    ada, ben = registered(), registered(email="ben@ode.example")
    registrants.drain(now=NOON)
    erase(ben.lead, now=NOON)
    registrants.drain(now=NOON)
    erase(ada.lead, now=ENDS)
    assert leaver().address_hash
    syncing.forget(now=STARTS)
    assert leaver().address_hash
    syncing.forget(now=ENDS + timedelta(days=2, minutes=1))
    assert not RegistrantSync.objects.exists()
