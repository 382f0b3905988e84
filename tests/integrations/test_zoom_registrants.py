"""Registrations told to Zoom, over real HTTP: added and canceled as here, each once, whatever goes wrong meanwhile."""

import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest
from django.test import override_settings
from django.urls import reverse

from leads import pipeline
from leads.models import Event
from lifecycle.core import gate, http
from lifecycle.integrations import tasks
from lifecycle.integrations.zoom import client, registrants, wellbeing
from tests import staff
from tests.factories import NOON
from tests.integrations.zoom_story import canceled, due, registered, sync
from tests.webinars.attendees import ENDS, STARTS, seat, webinar
from webinars import registering, syncing
from webinars import wellbeing as webinar_wellbeing
from webinars.models import RegistrantSync, Webinar

pytestmark = pytest.mark.django_db


def test_who_registers_here_is_registered_there_and_gets_a_link_of_their_own(zoom) -> None:
    ada = registered()
    assert sync(ada) == ("add", "ready", "")
    assert registrants.drain(now=NOON) == 1
    ada.refresh_from_db()
    assert sync(ada) == ("add", "done", "added")
    assert (ada.zoom_registrant_id, ada.join_url) == ("R1", "https://zoom.us/w/93300000008?tk=R1")
    who = {"email": "ada@acme.com", "first_name": "Ada", "last_name": "Ash", "org": "Acme"}
    assert zoom.calls == [("POST", "/v2/webinars/93300000008/registrants", who | {"job_title": "Head of Marketing"})]
    told = Event.objects.get(kind="webinar.link_changed").properties
    assert (told["webinar"], told["join_url"]) == ("WB001", ada.join_url)
    assert registrants.drain(now=NOON) == 0


def test_who_cancels_here_is_canceled_there_and_may_come_back(zoom) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    canceled(ada)
    registrants.drain(now=NOON)
    assert sync(ada) == ("cancel", "done", "canceled")
    assert zoom.registrants["ada@acme.com"]["status"] == "canceled"
    registering.register(ada.webinar_id, ada.lead_id, source="page", now=NOON + timedelta(minutes=1))
    pipeline.process_pending(now=NOON)
    registrants.drain(now=NOON + timedelta(minutes=1))
    assert sync(ada) == ("add", "done", "added")
    assert zoom.registrants["ada@acme.com"]["status"] == "approved"
    assert len(zoom.registrants) == 1


def test_who_canceled_before_zoom_heard_of_them_is_not_left_there(zoom) -> None:
    ada = registered()
    canceled(ada)
    registrants.drain(now=NOON)
    assert sync(ada) == ("cancel", "done", "canceled")
    assert zoom.registrants == {}


def test_a_cancellation_during_the_call_is_told_after_it(zoom) -> None:
    ada = registered()
    token, orders = registrants.claim(now=NOON)
    canceled(ada)
    assert sync(ada)[:2] == ("cancel", "sending")
    turn = registrants.Round(registrants.client_of(client.Account.of_settings()), now=NOON)
    registrants.settle(token, [turn.carry(order) for order in orders], now=NOON)
    assert sync(ada)[:2] == ("cancel", "ready")
    registrants.drain(now=NOON)
    assert sync(ada) == ("cancel", "done", "canceled")
    assert zoom.registrants["ada@acme.com"]["status"] == "canceled"


def test_a_token_serves_until_it_ends(zoom) -> None:
    for number in range(3):
        registered(email=f"p{number}@acme.com")
        registrants.drain(now=NOON)
    assert zoom.tokens_given == 1
    zoom.lasts = 0  # those from now on end at once
    zoom.tokens.clear()
    for number in range(3, 5):
        registered(email=f"p{number}@acme.com")
        registrants.drain(now=NOON)
    assert zoom.tokens_given == 3
    assert len(zoom.registrants) == 5


def test_a_token_that_zoom_takes_back_is_replaced_once_and_the_call_made(zoom) -> None:
    registered()
    registrants.drain(now=NOON)
    zoom.tokens.clear()
    ben = registered(email="ben@ode.example")
    registrants.drain(now=NOON)
    assert sync(ben) == ("add", "done", "added")
    assert (zoom.tokens_given, len(zoom.calls)) == (2, 3)


def test_two_people_who_are_one_to_zoom_hold_up_nobody(zoom) -> None:
    """The first keeps the id; the other is told of with everybody's link."""
    ada, ben = registered(), registered(email="ben@ode.example")
    same = (201, {}, {"registrant_id": "R7", "join_url": "https://zoom.us/w/93300000008?tk=R7"})
    zoom.answers = [same, same]
    registrants.drain(now=NOON)
    ada.refresh_from_db()
    ben.refresh_from_db()
    assert [(one.zoom_registrant_id, sync(one)[1]) for one in (ada, ben)] == [("R7", "done"), ("", "done")]


def test_an_app_that_may_not_is_told_of_and_fails_nobody(zoom) -> None:
    ada = registered()
    zoom.answers = [(401, {}, {"code": 124})] * 2
    registrants.drain(now=NOON)
    assert sync(ada)[:2] == ("add", "ready")
    zoom.answers = [(400, {}, {"code": 4711, "message": "Invalid access token, does not contain scopes."})]
    due()
    registrants.drain(now=NOON)
    assert sync(ada)[1] == "ready"
    assert "look at the app's scopes" in sync(ada)[2]
    assert RegistrantSync.objects.get().attempts == 0
    due()
    registrants.drain(now=NOON)
    assert sync(ada)[1] == "done"


def test_wrong_credentials_stop_the_turn_and_are_tried_again_later(zoom, settings) -> None:
    people = [registered(email=f"p{number}@acme.com") for number in range(6)]
    settings.ZOOM_CLIENT_SECRET = "wrong"
    registrants.drain(now=NOON)
    assert zoom.calls == []
    assert {sync(person)[1] for person in people} == {"ready"}
    assert "refuses the credentials" in sync(people[0])[2]
    assert RegistrantSync.objects.filter(due_at__lt=NOON + timedelta(minutes=10)).count() == 0
    settings.ZOOM_CLIENT_SECRET = "secret"
    due()
    assert registrants.drain(now=NOON) == 6
    assert len(zoom.registrants) == 6


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [("20", 20, 25), ("2026-03-02T12:05:00Z", 300, 361), ("Mon, 02 Mar 2026 12:05:00 GMT", 300, 361), ("", 15, 19)],
)
def test_zoom_is_left_alone_for_as_long_as_it_asks(zoom, retry_after, least, most) -> None:
    ada = registered()
    zoom.answers = [(429, {"retry-after": retry_after} if retry_after else {}, {"code": 429, "message": "Slow down."})]
    registrants.drain(now=NOON)
    row = RegistrantSync.objects.get()
    assert (row.state, row.detail) == ("ready", "Zoom answered 429")
    assert timedelta(seconds=least) <= row.due_at - NOON <= timedelta(seconds=most)
    assert registrants.drain(now=NOON + timedelta(seconds=least - 5)) == 0
    registrants.drain(now=row.due_at)
    assert sync(ada)[1] == "done"


def test_after_a_429_the_rest_of_the_turn_waits_too(zoom) -> None:
    for number in range(30):
        registered(email=f"p{number}@acme.com")
    zoom.answers = [(429, {"retry-after": "10"}, {})]
    registrants.drain(now=NOON)
    assert len(zoom.calls) <= registrants.AT_ONCE
    assert RegistrantSync.objects.filter(state="ready").count() >= 30 - registrants.AT_ONCE
    due()
    registrants.drain(now=NOON + timedelta(minutes=1))
    assert not RegistrantSync.objects.exclude(state="done").exists()
    assert len(zoom.registrants) == 30


def test_a_broken_zoom_is_asked_again_with_growing_pauses_and_given_up_in_the_end(zoom) -> None:
    ada = registered()
    zoom.answers = [(500, {}, {})] * registrants.MOST_ATTEMPTS
    now, pauses = NOON, []
    for _ in range(registrants.MOST_ATTEMPTS):
        registrants.drain(now=now)
        row = RegistrantSync.objects.get()
        pauses.append(row.due_at - now)
        now = max(row.due_at, now)
        Webinar.objects.update(starts_at=now + timedelta(days=1))
    assert all(first < second for first, second in pairwise(pauses[:-1]))
    assert sync(ada) == ("add", "failed", "Zoom answered 500; gave up after 9 attempts")
    assert syncing.again([ada.pk], now=now) == 1
    registrants.drain(now=now)
    assert sync(ada)[1] == "done"


def test_a_zoom_that_hangs_is_let_go_and_the_repeat_makes_no_second_registrant(zoom, monkeypatch) -> None:
    monkeypatch.setattr(http, "DONE_WITHIN", 0.3)
    let_go = threading.Event()

    def late():
        answer = zoom.add({"email": "ada@acme.com", "first_name": "Ada"})
        let_go.wait(10)
        return answer

    ada = registered()
    zoom.answers = [late]
    began = time.monotonic()
    registrants.drain(now=NOON)
    let_go.set()
    assert time.monotonic() - began < 5
    assert sync(ada)[1] == "ready"
    due()
    registrants.drain(now=NOON)
    ada.refresh_from_db()
    assert (ada.zoom_registrant_id, len(zoom.registrants)) == ("R1", 1)


def test_what_zoom_declines_is_failed_with_its_words_and_without_the_address(zoom) -> None:
    ada = registered()
    zoom.answers = [(400, {}, {"code": 3027, "message": "Host ada@acme.com can not register."})]
    registrants.drain(now=NOON)
    assert sync(ada) == ("add", "failed", "Zoom answered 400: Host … can not register. (3027)")
    assert registrants.drain(now=NOON + timedelta(days=1)) == 0


def test_a_meeting_with_registration_is_found_too_and_an_unknown_id_is_not(zoom) -> None:
    zoom.webinars, zoom.meetings = set(), {"93300000008"}
    ada = registered()
    registrants.drain(now=NOON)
    assert sync(ada)[1] == "done"
    zoom.meetings = set()
    ben = registered(email="ben@ode.example")
    registrants.drain(now=NOON)
    assert sync(ben) == ("add", "failed", "Zoom knows no webinar or meeting of this id")
    canceled(ada)
    registrants.drain(now=NOON)
    assert sync(ada)[1] == "done"


def test_a_worker_that_died_leaves_a_call_that_is_made_again(zoom) -> None:
    ada = registered()
    registrants.claim(now=NOON)
    assert registrants.drain(now=NOON) == 0
    RegistrantSync.objects.update(lease_until=NOON)
    assert registrants.drain(now=NOON) == 1
    assert sync(ada)[1] == "done"
    assert RegistrantSync.objects.get().attempts == 2


def test_a_worker_whose_lease_ran_out_settles_nothing(zoom) -> None:
    ada = registered()
    token, orders = registrants.claim(now=NOON)
    RegistrantSync.objects.update(lease_until=NOON)
    registrants.claim(now=NOON)
    registrants.settle(token, [registrants.Outcome(orders[0], "failed", "too slow")], now=NOON)
    assert sync(ada)[:2] == ("add", "sending")


def test_a_name_is_made_up_for_who_gave_none(zoom) -> None:
    registered(email="sam@gmail.com", first_name="")
    registrants.drain(now=NOON)
    assert zoom.registrants["sam@gmail.com"]["first_name"] == "sam"


def test_a_webinar_that_gets_its_zoom_id_later_is_caught_up_with(zoom) -> None:
    webinar(zoom_id="")
    ada = registered()
    assert not RegistrantSync.objects.exists()
    Webinar.objects.update(zoom_id="93300000008")
    assert syncing.catch_up(now=NOON) == 1
    assert syncing.catch_up(now=NOON) == 0
    registrants.drain(now=NOON)
    assert sync(ada)[1] == "done"
    assert syncing.catch_up(now=NOON) == 0


def test_who_registered_at_zoom_is_not_told_to_zoom(zoom) -> None:
    seat(webinar(), zoom_registrant_id="R9", source="zoom")
    assert syncing.catch_up(now=NOON) == 0


@pytest.mark.parametrize("changes", [{"state": "canceled"}, {"state": "draft"}, {"zoom_gone_at": NOON}])
def test_nothing_is_wanted_at_zoom_for_what_does_not_take_place_there(changes) -> None:
    seat(webinar(**changes))
    assert syncing.catch_up(now=NOON) == 0


def test_nothing_is_told_of_a_webinar_that_is_over(zoom) -> None:
    ada = seat(webinar())
    assert syncing.catch_up(now=ENDS) == 0
    assert syncing.catch_up(now=STARTS) == 1
    registrants.drain(now=ENDS)
    assert sync(ada)[1] == "failed"
    assert zoom.calls == []


def test_nothing_leaves_while_it_is_locked_or_a_demo_or_not_set_up(zoom, settings, monkeypatch) -> None:
    ada = registered()
    with override_settings(ZOOM_ACCOUNT_ID=""):
        assert registrants.drain(now=NOON) == 0
    with override_settings(DEMO=True):
        assert registrants.drain(now=NOON) == 0
    monkeypatch.setattr(gate, "_objections", [lambda now: "a copy"])
    assert tasks.tell_zoom() == 0
    assert sync(ada)[1] == "ready"
    assert (zoom.calls, zoom.tokens_given) == ([], 0)


def test_an_api_in_a_private_network_is_refused(zoom, settings) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = False
    ada = registered()
    registrants.drain(now=NOON)
    assert sync(ada) == ("add", "ready", "ZOOM_API_URL must begin with https://")


@pytest.mark.parametrize(
    ("api", "token"),
    [
        ("https://api.zoom.us/v2", "https://zoom.us/oauth/token"),
        ("https://api.zoomgov.com/v2", "https://zoomgov.com/oauth/token"),
    ],
)
def test_where_tokens_are_given(api, token) -> None:
    assert client.Account("a", "b", "c", api).token_url == token


def test_a_webinar_that_gets_another_zoom_id_begins_anew_there(zoom) -> None:
    ada = registered()
    registrants.drain(now=NOON)
    zoom.webinars.add("42")
    zoom.registrants.clear()
    Webinar.objects.update(zoom_id="42", zoom_gone_at=NOON)
    assert syncing.begin_anew(ada.webinar_id, now=NOON) == 1
    assert syncing.catch_up(now=NOON) == 0
    registrants.drain(now=NOON)
    assert (zoom.calls[-1][1], sync(ada)[1]) == ("/v2/webinars/42/registrants", "done")


def test_what_is_told_to_a_person_about_all_this() -> None:
    def says(**figures) -> list[str]:
        return [finding.says for finding in wellbeing.judge(wellbeing.Figures(**figures), is_set_up=True)]

    assert says(webinars=2) == []
    assert says(webinars=1, late=3, why="Zoom answered 500") == [
        "3 registrations are not yet in Zoom as they are here: Zoom answered 500."
    ]
    assert says(webinars=1, gone="WB001") == ["WB001: deleted in Zoom, and open for registration here."]
    assert says(webinars=1, failed=2) == ["2 registrations for webinars to come could not be told to Zoom."]
    (missing,) = wellbeing.judge(wellbeing.Figures(webinars=1), is_set_up=False)
    assert "ZOOM_ACCOUNT_ID" in missing.remedy


def test_the_health_page_knows_who_is_not_in_zoom_and_who_attended_nobody_knows(zoom, settings) -> None:
    ada = registered()
    assert list(wellbeing.registrants(NOON)) == []
    RegistrantSync.objects.update(state="failed", detail="no")
    Webinar.objects.update(zoom_gone_at=NOON)
    assert [finding.level.name for finding in wellbeing.registrants(NOON)] == ["PROBLEM", "WARNING"]
    settings.ZOOM_ACCOUNT_ID = ""
    assert "Zoom is not told who registers" in next(iter(wellbeing.registrants(NOON))).says
    assert list(webinar_wellbeing.attendance(ENDS + timedelta(hours=1))) == []
    (finding,) = webinar_wellbeing.attendance(ENDS + timedelta(days=1))
    assert "WB001" in finding.says
    Webinar.objects.filter(pk=ada.webinar_id).update(attendance_known_at=ENDS)
    assert list(webinar_wellbeing.attendance(ENDS + timedelta(days=1))) == []


def test_a_marketer_sees_how_far_it_is_and_tells_zoom_again(zoom) -> None:
    ada, client_ = registered(), staff.colleague("marketer")
    RegistrantSync.objects.update(state="failed", detail="Zoom answered 400: no")
    page = client_.get(reverse("admin:webinars_registration_change", args=[ada.pk])).content.decode()
    assert "Not registered in Zoom: Zoom answered 400: no" in page
    url = reverse("admin:webinars_registration_changelist")
    failed = client_.get(url, {"sync__state__exact": "failed"}).content.decode()
    assert ada.lead.email in failed
    again = {"action": "tell_zoom_again", "_selected_action": [ada.pk]}
    assert client_.post(url, again, follow=True).status_code == 200
    assert sync(ada)[1] == "ready"
