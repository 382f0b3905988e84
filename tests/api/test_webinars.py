"""The public doors of webinars: what is coming, and registering as a form posts it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client

from leads.models import Audience, Consent, Event, Form, Lead, Touch
from tests.factories import NOON
from tests.webinars.cast import STARTS, come, events, make_webinar
from webinars.models import Registration
from webinars.registering import cancel

URL = "/api/v1/webinars/WB001/registrations"
ADA = {"email": "Ada@Acme.com", "first_name": "Ada", "organization_type": "YMCA", "utm_source": "LinkedIn"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def form() -> Form:
    fields = [{"name": "email", "label": "E-mail", "type": "email", "required": True}]
    return Form.objects.create(slug="webinar", name="Webinar", fields=fields, consent_text="Invitations, too.")


def post(browser: Client, body: Any, url: str = URL, **headers: str) -> Any:
    return browser.post(url, json.dumps(body), content_type="application/json", **headers)


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_registration_is_a_form_like_any_other_and_a_seat(browser: Client) -> None:
    Audience.objects.create(organization_type="YMCA", audience_type="b2b", primary_audience="Community organizations")
    make_webinar()
    answer = post(browser, ADA)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["webinar"]) == ("registered", "WB001")
    assert body["calendar_url"] == body["page_url"] + "/calendar.ics"
    lead = Lead.objects.get()
    assert (lead.form_source, lead.primary_audience, lead.webinars) == ("webinar", "Community organizations", "WB001")
    assert (Touch.objects.get().source, Consent.objects.count()) == ("linkedin", 1)
    kinds = list(Event.objects.filter(kind__in=["form.submitted", "webinar.registered"]).order_by("id"))
    assert [event.kind for event in kinds] == ["form.submitted", "webinar.registered"]
    assert kinds[0].properties["form"] == "webinar"
    registration = Registration.objects.get()
    assert (registration.source, registration.organization_type) == ("api", "YMCA")


def test_the_calendar_that_the_answer_names_opens_and_tells_nothing_of_the_person(browser: Client) -> None:
    Lead.objects.all()
    webinar = make_webinar()
    post(browser, {**ADA, "phone": "+49 30 5550"})
    body = post(browser, {"email": "ada@acme.com"}).json()
    for url in (body["calendar_url"], body["page_url"]):
        shown = browser.get(url.partition("testserver")[2] or url)
        assert shown.status_code == 200
        assert "5550" not in shown.content.decode()
        assert "Ada" not in shown.content.decode()
    assert webinar.code in browser.get(body["calendar_url"]).headers["Content-Disposition"]


def test_twice_is_once_with_the_same_answer(browser: Client) -> None:
    make_webinar(capacity=1)
    first = post(browser, ADA).json()
    again = post(browser, {**ADA, "first_name": "Adah"}).json()
    assert first["status"] == again["status"] == "registered"
    assert Registration.objects.count() == len(events("webinar.registered")) == 1


def test_an_idempotency_key_is_honoured(browser: Client) -> None:
    make_webinar()
    assert post(browser, ADA, HTTP_IDEMPOTENCY_KEY="k1").json() == post(browser, ADA, HTTP_IDEMPOTENCY_KEY="k1").json()
    assert error(post(browser, {**ADA, "first_name": "Bo"}, HTTP_IDEMPOTENCY_KEY="k1")) == (409, "idempotency_conflict")
    cancel(Registration.objects.get().pk, now=NOON)
    assert post(browser, ADA, HTTP_IDEMPOTENCY_KEY="k1").json()["status"] == "canceled"


def test_who_canceled_a_moment_ago_may_register_again(browser: Client) -> None:
    make_webinar()
    post(browser, ADA)
    cancel(Registration.objects.get().pk, now=NOON)
    assert post(browser, ADA).json()["status"] == "registered"
    assert Registration.objects.get().state == "registered"


def test_a_full_webinar_says_that_one_waits(browser: Client) -> None:
    come(make_webinar(capacity=1))
    body = post(browser, ADA).json()
    assert (body["status"], body["calendar_url"], body["google_url"]) == ("waitlisted", "", "")
    assert Lead.objects.get(email="Ada@Acme.com").webinars == ""


@pytest.mark.parametrize(
    ("columns", "later", "expected"),
    [
        ({"state": "draft"}, 0, (404, "not_found")),
        ({"state": "canceled"}, 0, (409, "registration_closed")),
        ({}, 9, (409, "registration_closed")),
    ],
)
def test_what_cannot_be_registered_for_says_why(
    browser: Client, clock: time_machine.Traveller, columns: Any, later: int, expected: tuple[int, str]
) -> None:
    make_webinar(**columns)
    clock.move_to(NOON + timedelta(days=later))
    assert error(post(browser, ADA)) == expected
    assert error(post(browser, ADA, "/api/v1/webinars/WB404/registrations")) == (404, "not_found")
    assert not Lead.objects.exists()


def test_what_is_missing_is_named(browser: Client) -> None:
    make_webinar()
    answer = post(browser, {"first_name": "Ada"})
    assert error(answer) == (400, "invalid")
    assert "email" in answer.json()["error"]["fields"]


def test_a_robot_gets_an_answer_of_the_same_shape_and_nothing_happens(browser: Client) -> None:
    make_webinar()
    robot = post(browser, {**ADA, "website_url": "https://spam.example"}).json()
    person = post(browser, ADA).json()
    assert {name: type(value) for name, value in robot.items()} == {name: type(value) for name, value in person.items()}
    assert len(robot["calendar_url"]) == len(person["calendar_url"])
    assert Registration.objects.count() == 1
    assert browser.get(robot["page_url"].partition("testserver")[2] or robot["page_url"]).status_code == 404


def test_double_opt_in_asks_first_and_then_gives_the_seat(browser: Client, form: Form) -> None:
    Form.objects.filter(pk=form.pk).update(double_opt_in=True)
    make_webinar()
    assert post(browser, ADA).json()["status"] == "confirmation_requested"
    assert not Registration.objects.exists()
    [asked] = events("form.confirmation_requested")
    browser.post("/confirm/" + asked.properties["confirm_url"].rpartition("/")[2])
    assert Registration.objects.get().state == "registered"


def test_websites_that_may_not_post_the_form_may_not_register(browser: Client, settings: LazySettings) -> None:
    settings.FORM_ORIGINS = ["https://www.example.com"]
    make_webinar()
    assert error(post(browser, ADA, HTTP_ORIGIN="https://evil.example"))[0] == 403
    good = post(browser, ADA, HTTP_ORIGIN="https://www.example.com")
    assert good.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
    assert browser.options(URL).headers["Access-Control-Allow-Methods"] == "POST, OPTIONS"


def test_the_list_shows_what_is_open_and_to_come(browser: Client, django_assert_num_queries: Any) -> None:
    make_webinar(title="Later", starts_at=STARTS + timedelta(days=7))
    soon = make_webinar(title="Soon", capacity=2, speakers=["Ada Park"])
    make_webinar(state="draft"), make_webinar(state="canceled")
    make_webinar(starts_at=NOON - timedelta(minutes=46))
    running = make_webinar(title="Running", starts_at=NOON - timedelta(minutes=44))
    come(soon)
    with django_assert_num_queries(2):
        body = browser.get("/api/v1/webinars").json()
    assert [one["title"] for one in body["results"]] == ["Running", "Soon", "Later"]
    shown = body["results"][1]
    assert (shown["code"], shown["seats_left"], shown["starts_at"]) == (soon.code, 1, "2026-03-10T15:00:00Z")
    assert shown["speakers"][0]["name"] == "Ada Park"
    assert body["results"][2]["seats_left"] is None
    first = browser.get("/api/v1/webinars?limit=1").json()
    assert first["results"][0]["code"] == running.code
    second = browser.get(first["next"]).json()
    assert second["results"][0]["code"] == soon.code


def test_one_webinar_by_its_code(browser: Client) -> None:
    make_webinar(state="canceled"), make_webinar(state="draft")
    assert browser.get("/api/v1/webinars/wb001").json()["state"] == "canceled"
    assert error(browser.get("/api/v1/webinars/WB002")) == (404, "not_found")


def test_the_form_itself_registers_for_the_webinar_it_names_or_the_next(browser: Client) -> None:
    make_webinar(starts_at=STARTS + timedelta(days=7))
    soon = make_webinar()
    url = "/api/v1/forms/webinar/submissions"
    post(browser, {"email": "next@acme.com"}, url)
    post(browser, {"email": "named@acme.com", "webinar": "wb001"}, url)
    post(browser, {"email": "wrong@acme.com", "webinar": "WB404"}, url)
    found = {one.lead.email: one.webinar.code for one in Registration.objects.select_related("lead", "webinar")}
    assert found == {"next@acme.com": soon.code, "named@acme.com": "WB001"}
    lead = Lead.objects.get(email="named@acme.com")
    assert (lead.webinars, lead.attributes) == ("WB001", {})
    assert Lead.objects.filter(email="wrong@acme.com").exists()


def test_the_form_without_any_webinar_is_an_interest(browser: Client) -> None:
    assert post(browser, ADA, "/api/v1/forms/webinar/submissions").status_code == 201
    assert not Registration.objects.exists()
