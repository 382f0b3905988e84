"""What Zoom tells us, in every order: who registers there, who comes and goes, and what becomes of the session."""

import hashlib
import hmac
import random
from datetime import datetime, timedelta
from itertools import permutations

import pytest
import time_machine
from django.test import Client

from leads.models import Event, Lead
from lifecycle.integrations import inbound
from lifecycle.integrations.models import InboxEvent
from tests.factories import LeadFactory, UserFactory
from tests.integrations import zoom
from tests.webinars.attendees import STARTS, seat, told, webinar
from webinars import attending
from webinars.models import Presence, RegistrantSync, Registration, Webinar

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def secret(settings):
    settings.ZOOM_WEBHOOK_SECRETS = [zoom.SECRET]


@pytest.fixture
def clock():
    with time_machine.travel(STARTS, tick=False) as travel:
        yield travel


def at(minutes: float) -> datetime:
    return STARTS + timedelta(minutes=minutes)


def hear(*bodies, now: datetime) -> list[str]:
    """Zoom posts these at `now`; what the inbox says of each."""
    with time_machine.travel(now, tick=False):
        client = Client()
        for body in bodies:
            answer = zoom.post(client, body, at=now)
            assert answer.status_code == 200, answer.content
    return [row.outcome for row in InboxEvent.objects.order_by("pk")]


# --- the door


def test_the_address_is_proven_with_the_secret_that_asked(client, clock, settings) -> None:
    settings.ZOOM_WEBHOOK_SECRETS = ["the-new-one", zoom.SECRET]
    question = {"event": "endpoint.url_validation", "payload": {"plainToken": "qgg8vlvZRS6UYooatFL8Aw"}}
    answer = zoom.post(client, question, at=STARTS)
    proof = hmac.new(zoom.SECRET.encode(), b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
    assert (answer.status_code, answer.json()) == (
        200,
        {"plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": proof},
    )
    assert not InboxEvent.objects.exists()


def test_nobody_who_cannot_sign_gets_a_proof(client, clock, settings) -> None:
    question = {"event": "endpoint.url_validation", "payload": {"plainToken": "x"}}
    assert zoom.post(client, question, at=STARTS, secret="wrong").status_code == 401
    settings.ZOOM_WEBHOOK_SECRETS = []
    assert zoom.post(client, question, at=STARTS).status_code == 403


@pytest.mark.parametrize("payload", [None, {}, {"plainToken": 5}, {"plainToken": ""}, []])
def test_a_question_without_a_token_is_refused(client, clock, payload) -> None:
    question = {"event": "endpoint.url_validation", "payload": payload}
    assert zoom.post(client, question, at=STARTS).status_code == 400


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-zm-signature": ""}, "no_signature"),
        ({"x-zm-signature": "v0=00"}, "bad_signature"),
        ({"x-zm-request-timestamp": "0"}, "bad_signature"),
        ({"x-zm-request-timestamp": "soon"}, "bad_signature"),
    ],
)
def test_what_is_not_signed_is_refused(client, clock, headers, code) -> None:
    answer = zoom.post(client, zoom.joined(STARTS), at=STARTS, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_signature_is_refused(client, clock, minutes) -> None:
    answer = zoom.post(client, zoom.joined(STARTS), at=at(minutes))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "too_old")


def test_what_zoom_tells_twice_is_one_event(client, clock) -> None:
    """It tries again with the same bytes and a new timestamp."""
    webinar()
    assert zoom.post(client, zoom.joined(STARTS), at=STARTS).json() == {"status": "stored"}
    assert zoom.post(client, zoom.joined(STARTS), at=at(2)).json() == {"status": "duplicate"}
    assert InboxEvent.objects.get().copies == 2


@pytest.mark.parametrize(
    "body",
    [
        {"event": "webinar.participant_joined"},
        {"event": "webinar.participant_joined", "payload": []},
        {"event": "webinar.participant_joined", "payload": {"object": {"id": None}}},
        {"event": "webinar.participant_joined", "payload": {"object": {"id": zoom.ZOOM_ID, "participant": "Ada"}}},
        {"event": "webinar.participant_joined", "payload": {"object": {"id": zoom.ZOOM_ID}}, "event_ts": "soon"},
        {"event": "webinar.updated", "payload": {"object": {"id": zoom.ZOOM_ID, "start_time": 5, "duration": "x"}}},
        {"event": "webinar.updated", "payload": {"object": {"id": zoom.ZOOM_ID, "duration": 10**9}}},
        {"event": "webinar.registration_created", "payload": {"object": {"id": zoom.ZOOM_ID, "registrant": {}}}},
        {"event": "webinar.ended", "payload": {"object": {"id": True}}},
        {"event": "recording.completed", "payload": {"object": {"id": zoom.ZOOM_ID}}},
    ],
)
def test_whatever_is_signed_is_taken_and_harms_nothing(client, clock, body) -> None:
    """Zoom never sends again what was answered with a 4xx."""
    webinar()
    assert zoom.post(client, body, at=STARTS).status_code == 200
    assert InboxEvent.objects.get().state in ("ignored", "done")
    assert not Registration.objects.exists()


def test_a_webinar_of_others_is_ignored_with_the_reason() -> None:
    assert hear(zoom.joined(STARTS), now=STARTS) == ["ignored: no webinar here has this Zoom id"]


@pytest.mark.parametrize("written", [zoom.ZOOM_ID, str(zoom.ZOOM_ID), "933 0000 0008"])
def test_an_id_is_the_same_as_a_number_and_as_text(written) -> None:
    session = webinar()
    body = zoom.event("webinar.started", STARTS, id=written, start_time=zoom.iso(STARTS))
    assert hear(body, now=STARTS) == ["WB001 began"]
    session.refresh_from_db()
    assert session.began_at == STARTS


# --- who was there


def story(ada: Registration, ben: Registration) -> list:
    """Ada comes twice, on one device each time; Ben looks in for five minutes. (Her first 30, a gap, her last 15.)"""
    first, again = {"user_id": "1", "registrant_id": "R-ada", "email": ""}, {"user_id": "2"}
    ben_is = {"user_id": "3", "email": ben.lead.email, "user_name": "Ben"}
    return [
        zoom.registration("created", at(-60)),
        zoom.joined(at(0), **first),
        zoom.left(at(30), **first),
        zoom.joined(at(45), **again),
        zoom.left(at(60), **again),
        zoom.left(at(15), **ben_is),
        zoom.joined(at(10), **ben_is),
        zoom.ended(at(60)),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_in_any_order_with_any_doubling_the_same_people_attended(seed) -> None:
    session, chance = webinar(), random.Random(seed)
    ada, ben = seat(session, LeadFactory(email="ada@acme.com")), seat(session)
    events = story(ada, ben)
    events += chance.sample(events, 4)
    chance.shuffle(events)
    hear(*events, now=at(61))
    with time_machine.travel(at(62), tick=False):
        inbound.sweep(now=at(62))
    assert not InboxEvent.objects.exclude(state__in=["done", "ignored"]).exists()
    assert attending.settle_due(now=at(76)) == attending.Settled(attended=1, missed=1)
    assert told(ada) == [("webinar.attended", 45)]
    assert told(ben) == [("webinar.missed", 5)]
    assert Registration.objects.count() == 2


def test_whose_stay_is_told_late_has_attended_after_all() -> None:
    session = webinar()
    ada = seat(session, LeadFactory(email="ada@acme.com"))
    hear(zoom.joined(at(0)), zoom.ended(at(60)), now=at(61))
    Presence.objects.all().delete()
    attending.settle_due(now=at(76))
    assert told(ada) == [("webinar.missed", 0)]
    hear(zoom.left(at(40)), now=at(90))
    assert told(ada) == [("webinar.missed", 0), ("webinar.attended", 40)]


def test_meetings_are_webinars_too() -> None:
    ada = seat(webinar(), LeadFactory(email="ada@acme.com"))
    hear(zoom.joined(at(0), thing="meeting"), zoom.left(at(20), thing="meeting"), now=at(21))
    assert attending.settle(ada.webinar_id, now=at(70)) == attending.Settled(attended=1)


def test_who_comes_unregistered_with_an_address_is_a_lead_with_a_seat() -> None:
    webinar()
    assert hear(zoom.joined(at(1), email="new@ode.example", user_name="Nia Ode"), now=at(1))[0].endswith(
        "came to WB001"
    )
    registration = Registration.objects.get()
    lead = registration.lead
    assert (lead.email, lead.first_name, lead.last_name) == ("new@ode.example", "Nia", "Ode")
    assert (registration.source, registration.state) == ("zoom", "registered")
    assert lead.original_touch_id is None


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ({"email": ""}, "ignored: somebody without an address"),
        ({"email": "no address"}, "ignored: somebody without an address"),
        ({"email": "host@example.com", "id": zoom.HOST}, "ignored: it is the host"),
        ({"email": "Mia@Example.com"}, "ignored: one of us"),
    ],
)
def test_who_is_no_lead(who, why) -> None:
    webinar()
    UserFactory(username="mia", email="mia@example.com")
    assert hear(zoom.joined(at(1), **who), now=at(1)) == [why]
    assert not Lead.objects.exists()


def test_who_comes_without_an_address_waits_for_their_registration_and_not_for_ever() -> None:
    session = webinar()
    body = zoom.joined(at(1), email="", registrant_id="R-ada")
    hear(body, now=at(1))
    assert InboxEvent.objects.get().state == "parked"
    with time_machine.travel(at(2), tick=False):
        inbound.sweep(now=at(2))
    assert InboxEvent.objects.get().state == "parked"
    with time_machine.travel(at(65), tick=False):
        inbound.sweep(now=at(65))
    assert InboxEvent.objects.get().outcome == "ignored: somebody without an address"
    assert not Registration.objects.filter(webinar=session).exists()


# --- who registers at Zoom


def test_a_registration_at_zoom_is_one_here() -> None:
    webinar()
    hear(zoom.registration("created", at(-60)), now=at(-60))
    registration = Registration.objects.get()
    assert (registration.state, registration.source) == ("registered", "zoom")
    assert (registration.zoom_registrant_id, registration.join_url) == ("R-ada", "https://zoom.us/w/R-ada")
    assert registration.lead.company_name == "Acme"
    assert Event.objects.filter(kind="webinar.registered").count() == 1


def test_one_who_must_be_approved_has_no_seat_before() -> None:
    webinar()
    assert hear(zoom.registration("created", at(-60), status="pending"), now=at(-60)) == ["waits for approval in Zoom"]
    assert not Lead.objects.exists()
    hear(zoom.registration("approved", at(-50)), now=at(-50))
    assert Registration.objects.get().state == "registered"


def test_the_echo_of_what_we_told_zoom_changes_nothing_but_the_link() -> None:
    ada = seat(webinar(), LeadFactory(email="ada@acme.com"))
    hear(zoom.registration("created", at(-60)), zoom.registration("approved", at(-60)), now=at(-60))
    ada.refresh_from_db()
    assert (ada.source, ada.zoom_registrant_id, ada.join_url) == ("page", "R-ada", "https://zoom.us/w/R-ada")
    assert not Event.objects.filter(kind="webinar.registered").exists()


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_registered_and_canceled_at_zoom_in_any_order(order) -> None:
    webinar()
    created, approved = zoom.registration("created", at(-60)), zoom.registration("approved", at(-59))
    cancelled = zoom.registration("cancelled", at(-50), status="cancelled")
    bodies = [created, approved, cancelled, cancelled]
    hear(*(bodies[position] for position in order), now=at(-40))
    with time_machine.travel(at(-39), tick=False):
        inbound.sweep(now=at(-39))
    assert Registration.objects.get().state == "canceled"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_who_registers_again_at_zoom_is_registered_in_any_order(order) -> None:
    webinar()
    hear(zoom.registration("created", at(-70)), now=at(-70))
    bodies = [
        zoom.registration("cancelled", at(-60)),
        zoom.registration("created", at(-50)),
        zoom.registration("approved", at(-49)),
    ]
    hear(*(bodies[position] for position in order), now=at(-40))
    assert Registration.objects.get().state == "registered"


def test_a_cancellation_here_is_not_undone_by_an_old_echo() -> None:
    ada = seat(webinar(), LeadFactory(email="ada@acme.com"), state="canceled", canceled_at=at(-30))
    hear(zoom.registration("created", at(-60)), now=at(-20))
    ada.refresh_from_db()
    assert (ada.state, ada.zoom_registrant_id) == ("canceled", "R-ada")


def test_a_registration_here_is_not_undone_by_an_old_cancellation() -> None:
    ada = seat(webinar(), LeadFactory(email="ada@acme.com"), registered_at=at(-30))
    hear(zoom.registration("cancelled", at(-60)), now=at(-20))
    ada.refresh_from_db()
    assert ada.state == "registered"
    RegistrantSync.objects.create(registration=ada, due_at=at(-20))
    hear(zoom.registration("cancelled", at(-19)), now=at(-19))
    ada.refresh_from_db()
    assert ada.state == "registered"
    RegistrantSync.objects.update(state="done")
    hear(zoom.registration("denied", at(-10)), now=at(-10))
    ada.refresh_from_db()
    assert ada.state == "canceled"


def test_who_registers_for_a_webinar_that_is_over_is_ignored_with_the_reason() -> None:
    webinar()
    assert hear(zoom.registration("created", at(90)), now=at(90)) == ["ignored: WB001 is over."]


# --- the session itself


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_a_time_that_changes_in_zoom_changes_here_and_the_last_word_counts(order) -> None:
    session = webinar()
    seat(session)
    moves = [
        zoom.event("webinar.updated", at(-90), start_time=zoom.iso(at(60))),
        zoom.event("webinar.updated", at(-80), start_time=zoom.iso(at(120)), duration=45),
    ]
    hear(*(moves[position] for position in order), now=at(-70))
    session.refresh_from_db()
    assert (session.starts_at, session.minutes) == (at(120), 45)
    last = Event.objects.filter(kind="webinar.moved").latest("pk")
    assert last.properties["starts_at"] == zoom.iso(at(120))


def test_what_changes_in_zoom_besides_its_time_is_zooms_business() -> None:
    session = webinar()
    assert hear(zoom.event("webinar.updated", at(-90), topic="New"), now=at(-90)) == ["ignored: its time stays"]
    hear(zoom.event("webinar.updated", at(-80), start_time=zoom.iso(STARTS)), now=at(-80))
    assert not Event.objects.filter(kind="webinar.moved").exists()
    assert hear(zoom.event("webinar.updated", at(90), start_time=zoom.iso(at(300))), now=at(90))[-1] == (
        "ignored: WB001 is over; it cannot be moved."
    )
    session.refresh_from_db()
    assert session.title == "Scoring"


def test_one_that_is_deleted_in_zoom_is_told_to_a_person_and_not_to_the_registered() -> None:
    session = webinar()
    seat(session)
    hear(zoom.event("webinar.deleted", at(-90)), now=at(-90))
    session.refresh_from_db()
    assert (session.zoom_gone_at, session.state) == (at(-90), "open")
    assert not Event.objects.filter(kind="webinar.canceled").exists()
    Webinar.objects.update(state="canceled")
    assert hear(zoom.event("webinar.deleted", at(-80)), now=at(-80))[-1] == "ignored: it is over or canceled here"
