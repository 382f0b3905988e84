"""A marketer plans a webinar, changes it and looks who comes; each change says before whom it touches."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from tests import staff
from tests.factories import NOON, LeadFactory
from tests.webinars.cast import STARTS, come, events, make_webinar, states
from webinars.models import Registration, Webinar

pytestmark = pytest.mark.django_db
SPEAKERS = {
    "speakers-TOTAL_FORMS": "1",
    "speakers-INITIAL_FORMS": "0",
    "speakers-0-name": "Ada Park",
    "speakers-0-position": "0",
}
GIVEN = {
    "title": "Onboarding",
    "starts_at_0": "2026-03-10",
    "starts_at_1": "16:00",
    "minutes": "45",
    "time_zone": "Europe/Berlin",
    "attended_after": "10",
    **SPEAKERS,
}
LIST = "/admin/webinars/webinar/"
PEOPLE = "/admin/webinars/registration/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def marketer():
    return staff.colleague("marketer")


def said(answer):
    return [str(message) for message in answer.wsgi_request._messages]


def press(client, webinar, name, **data):
    url = f"/admin/webinars/webinar/{webinar.pk}/{name}/"
    shown = client.get(url, headers={"hx-request": "true"})
    assert shown.status_code == 200, shown.status_code
    answer = client.post(url, {**data, "_form_submitted": "on"}, headers={"hx-request": "true"})
    return shown.content.decode(), answer


def test_a_new_webinar_is_a_draft_with_a_code_and_its_time_is_of_its_own_zone(marketer):
    answer = marketer.post(LIST + "add/", {**GIVEN, "zoom_id": "812 3456-7890"})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    webinar = Webinar.objects.get()
    assert (webinar.code, webinar.state, webinar.starts_at) == ("WB001", "draft", STARTS)
    assert webinar.zoom_id == "81234567890"
    assert webinar.speakers.get().name == "Ada Park"
    page = marketer.get(f"{LIST}{webinar.pk}/change/").content.decode()
    assert 'value="16:00:00"' in page


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"starts_at_0": "2026-03-29", "starts_at_1": "02:30"}, "the clocks are put forward"),
        ({"survey_url": "https://s.example/?x={age}"}, "Nothing fills {age}"),
        ({"survey_url": "javascript:alert(1)"}, "Begin with https://"),
        ({"time_zone": "Mars/Base"}, ""),
        ({"zoom_id": "https://zoom.us/j/81234567890"}, "Write the 9 to 11 digits"),
        ({"minutes": "45", "attended_after": "50"}, "It lasts 45 minutes: nobody could have attended."),
        ({"starts_at_0": "0001-01-01"}, "Write a year from 2000 to 2199."),
        ({"starts_at_0": "9999-12-31", "starts_at_1": "23:30"}, "Write a year from 2000 to 2199."),
    ],
)
def test_what_is_wrong_is_said_at_its_place(marketer, wrong, says):
    answer = marketer.post(LIST + "add/", {**GIVEN, **wrong})
    assert answer.status_code == 200
    assert says in str(answer.context["adminform"].form.errors.as_data())
    assert not Webinar.objects.exists()


def test_the_same_hour_of_another_zone_is_another_moment(marketer):
    webinar = make_webinar(state="draft")
    people = {"registrations-TOTAL_FORMS": "0", "registrations-INITIAL_FORMS": "0", "speakers-TOTAL_FORMS": "0"}
    marketer.post(f"{LIST}{webinar.pk}/change/", {**GIVEN, **people, "time_zone": "America/New_York"})
    webinar.refresh_from_db()
    assert (webinar.time_zone, webinar.starts_at) == ("America/New_York", STARTS + timedelta(hours=5))


@pytest.mark.parametrize("pk", ["abc", "9" * 30])
@pytest.mark.parametrize("button", ["move", "attendance"])
def test_an_address_of_no_webinar_is_not_found(marketer, pk, button):
    assert marketer.post(f"{LIST}{pk}/{button}/", headers={"hx-request": "true"}).status_code == 404


def test_opening_moving_and_cancelling_say_whom_they_touch(marketer):
    webinar = make_webinar(state="draft")
    press(marketer, webinar, "open")
    come(webinar), come(webinar)
    asked, _ = press(
        marketer,
        webinar,
        "move",
        starts_at="2026-03-31T17:00",
        minutes="60",
        time_zone="Europe/Berlin",
    )
    assert "2 registered people get a mail" in asked
    _, refused = press(marketer, webinar, "move", starts_at="9999-12-31T23:30", minutes="60", time_zone="Pacific/Apia")
    assert "Write a year from 2000 to 2199." in refused.content.decode()
    webinar.refresh_from_db()
    assert (webinar.starts_at, webinar.sequence) == (STARTS + timedelta(days=21), 1)
    asked, _ = press(marketer, webinar, "cancel")
    assert "takes it out of their calendar" in asked
    webinar.refresh_from_db()
    assert (webinar.state, webinar.sequence) == ("canceled", 2)
    assert (len(events("webinar.moved")), len(events("webinar.canceled"))) == (2, 2)
    history = marketer.get(f"{LIST}{webinar.pk}/history/").content.decode()
    for line in ("Opened for registration.", "Moved to Tuesday, 31 March 2026", "Canceled; 2 people are told."):
        assert line in history


def test_an_open_webinars_time_is_not_a_field_and_more_seats_are_given_at_once(marketer):
    webinar = make_webinar(capacity=1)
    come(webinar), come(webinar)
    people = {"registrations-TOTAL_FORMS": "0", "registrations-INITIAL_FORMS": "0"}
    given = {**GIVEN, **people, "speakers-TOTAL_FORMS": "0", "capacity": "2", "starts_at_0": "2026-04-01"}
    answer = marketer.post(f"{LIST}{webinar.pk}/change/", given)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    webinar.refresh_from_db()
    assert (webinar.capacity, webinar.starts_at, webinar.title) == (2, STARTS, "Onboarding")
    assert states(webinar) == ["registered", "registered"]


def test_publishing_the_recording(marketer, clock):
    webinar = make_webinar()
    come(webinar)
    clock.move_to(STARTS + timedelta(hours=2))
    asked, _ = press(marketer, webinar, "publish", recording_url="https://video.example/1")
    assert "1 people who were registered are told" in asked or "1 person" in asked
    assert len(events("webinar.recording_published")) == 1


def test_a_webinar_is_never_deleted(marketer):
    webinar = make_webinar()
    assert staff.colleague("boss").post(f"{LIST}{webinar.pk}/delete/", {"post": "yes"}).status_code == 403


def test_adding_somebody_by_hand_gives_them_what_everybody_gets(marketer):
    webinar, lead = make_webinar(capacity=1), LeadFactory()
    for person in (lead, lead, LeadFactory()):
        answer = marketer.post(PEOPLE + "add/", {"webinar": webinar.pk, "lead": person.pk})
        assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert states(webinar) == ["registered", "waiting"]
    assert Registration.objects.first().source == "admin"
    over = make_webinar(state="canceled")
    answer = marketer.post(PEOPLE + "add/", {"webinar": over.pk, "lead": lead.pk})
    assert "was canceled" in str(answer.context["adminform"].form.errors)


def test_seats_are_given_back_from_the_list(marketer):
    webinar = make_webinar(capacity=1)
    first, _second = come(webinar), come(webinar)
    chosen = {"action": "cancel_chosen", "_selected_action": [first.pk]}
    assert "Give these seats back" in marketer.post(PEOPLE, chosen).content.decode()
    marketer.post(PEOPLE, {**chosen, "_answered": "1"})
    assert states(webinar) == ["canceled", "registered"]
    assert "Gave the seat back." in marketer.get(f"{PEOPLE}{first.pk}/history/").content.decode()
    assert "What calendars know it by" in marketer.get(f"{PEOPLE}{first.pk}/change/").content.decode()


def test_the_file_of_registrations_calculates_nothing():
    registration = come(make_webinar(), LeadFactory(first_name="=1+1", email="ada@acme.com"))
    chosen = {"action": "export_chosen", "_selected_action": [registration.pk]}
    answer = staff.colleague("boss").post(PEOPLE, chosen)
    text = b"".join(answer.streaming_content).decode()
    assert "WB001,ada@acme.com,'=1+1" in text


@pytest.mark.parametrize("path", [LIST, PEOPLE])
def test_lists_take_the_same_queries_however_long(path, django_assert_max_num_queries):
    boss = staff.colleague("boss")
    for _ in range(3):
        webinar = make_webinar(speakers=["Ada"])
        for _ in range(4):
            come(webinar)
    boss.get(path)
    with django_assert_max_num_queries(12):
        assert boss.get(path).status_code == 200


def test_a_leads_page_shows_their_webinars(marketer):
    lead = LeadFactory(webinars="WB001")
    come(make_webinar(), lead)
    page = marketer.get(reverse("admin:leads_lead_change", args=[lead.pk])).content.decode()
    assert "WB001 Onboarding that sticks" in page
