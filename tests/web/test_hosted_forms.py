"""Hosted forms, their frames, what a wrong post shows, and the thanks. As browsers without scripts meet them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client

from leads import pace
from leads.models import Form, Lead, Magnet, Submission, Touch
from lifecycle.api.limited import COUNTER
from tests.factories import NOON, FormFactory

pytestmark = pytest.mark.django_db
BROWSER = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FIELDS = [
    {"name": "email", "label": "Work email", "type": "email", "required": True, "help": "We answer here."},
    {"name": "first_name", "label": "First name", "prefill": True},
    {"name": "kind", "label": "You are", "type": "radio", "options": ["Student", {"value": "pro", "label": "At work"}]},
    {"name": "company", "label": "Company", "required": True, "show_if": {"field": "kind", "value": "pro"}},
    {"name": "topics", "label": "Topics", "type": "multiselect", "options": ["billing", "support"]},
    {"name": "plan", "label": "Plan", "type": "select", "options": ["Small", "Large"], "default": "Small"},
    {"name": "start", "label": "Start", "type": "date", "min": "2026-01-01"},
    {"name": "note", "label": "Note", "type": "textarea", "max_length": 20},
    {"name": "agree", "label": "I agree", "type": "checkbox"},
    {"name": "partner", "type": "hidden", "default": "none", "prefill": True},
]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    COUNTER.clear()
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller
    COUNTER.clear()


@pytest.fixture
def form() -> Form:
    return FormFactory(
        slug="fit",
        name="Fit",
        title="Does it <fit> {{ workspace.name }}?",
        intro="Two minutes.",
        button="Tell me",
        consent_text="Mails of {{ workspace.name }}.",
        fields=FIELDS,
    )


def page(answer: Any) -> str:
    return answer.content.decode()  # type: ignore[no-any-return]


def hidden(answer: Any) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page(answer))
    return {name: unescape(value) for name, value in found}


def send(client: Client, answer: Any, *, query: str = "", **answers: Any) -> Any:
    """As a browser posts the page that it was shown."""
    return client.post(f"/forms/fit{query}", hidden(answer) | answers, **BROWSER)


def policy(answer: Any) -> dict[str, str]:
    return dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))


def test_the_page_asks_in_the_forms_own_words(client: Client, form: Form) -> None:
    shown = client.get("/forms/fit")
    text = page(shown)
    assert shown.status_code == 200
    for words in (
        "Does it &lt;fit&gt; Your Company?",
        "Two minutes.",
        "Tell me",
        "Mails of Your Company.",
        "We answer here.",
    ):
        assert words in text
    assert '<option value="Small" selected>' in text
    assert 'name="note"' in text
    assert 'maxlength="20"' in text
    assert 'min="2026-01-01"' in text
    assert re.search(r'name="company"[^>]* data-required', text), "without a script it may not be needed"
    assert "<script>" not in text
    assert "no-store" in shown["Cache-Control"]
    assert policy(shown)["default-src"] == "'none'"
    assert policy(shown)["script-src"] == "'self'"
    assert policy(shown)["frame-ancestors"] == "'none'"


def test_the_address_is_asked_even_if_the_form_forgot_it(client: Client) -> None:
    FormFactory(slug="bare", fields=[])
    assert 'type="email"' in page(client.get("/forms/bare"))


def test_a_post_goes_from_the_page_to_the_thanks(client: Client, form: Form, clock: time_machine.Traveller) -> None:
    shown = client.get(
        "/forms/fit?utm_source=Google&utm_campaign=Spring&gclid=G1", HTTP_REFERER="https://news.example/a"
    )
    clock.shift(timedelta(seconds=20))
    sent = send(
        client, shown, email="ada@acme.com", kind="pro", company="Acme", topics=["billing", "support"], agree="true"
    )
    assert (sent.status_code, sent["Location"]) == (303, "http://testserver/thanks/fit/")
    lead = Lead.objects.get()
    assert (lead.company_name, lead.attributes) == (
        "Acme", {"kind": "pro", "topics": ["billing", "support"], "agree": True, "partner": "none"}
    )  # fmt: skip
    touch = Touch.objects.get()
    assert (touch.source, touch.campaign, touch.click_ids, touch.referrer) == (
        "google", "spring", {"gclid": "G1"}, "https://news.example/a"
    )  # fmt: skip
    assert touch.landing_page.startswith("http://testserver/forms/fit?utm_source=Google")
    assert "lc_t" not in Submission.objects.get().data


def test_only_questions_that_allow_it_are_filled_in_from_the_address(client: Client, form: Form) -> None:
    shown = client.get('/forms/fit?first_name="><b>Ada&note=no&partner=acme&plan=Large&email=x@y.z')
    text = page(shown)
    assert 'value="&quot;&gt;&lt;b&gt;Ada"' in text
    assert hidden(shown)["partner"] == "acme"
    assert "x@y.z" not in text.replace(hidden(shown)["page_url"].replace("&", "&amp;"), "")
    assert '<option value="Small" selected>' in text


def test_a_wrong_post_shows_the_page_again_with_everything_in_it(client: Client, form: Form, clock: Any) -> None:
    shown = client.get("/forms/fit?utm_source=google&partner=acme")
    clock.shift(timedelta(seconds=20))
    sent = send(
        client, shown, email="no <address>", first_name="Ada", kind="pro", topics=["support"], plan="Large",
        start="2025-01-01", note="</textarea><script>alert(1)</script>", agree="true", landing_variant="page:a",
        phone="1" * 70,
    )  # fmt: skip
    text = page(sent)
    assert sent.status_code == 400
    assert not Lead.objects.exists()
    assert 'value="no &lt;address&gt;"' in text
    assert "Write a whole e-mail address" in text or "not a valid e-mail" in text
    assert 'value="Ada"' in text
    assert re.search(r'value="pro" checked', text)
    assert re.search(r'value="support" checked', text)
    assert '<option value="Large" selected>' in text
    assert "Not before 2026-01-01" in text
    assert "&lt;/textarea&gt;&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert "Please fill this in." in text, "the company is asked of those at work"
    assert "At most 60 characters" in text, "what the form does not ask can still be mended"
    assert hidden(sent)["utm_source"] == "google"
    assert hidden(sent)["partner"] == "acme"
    assert hidden(sent)["landing_variant"] == "page:a"
    assert text.count('aria-invalid="true"') >= 3
    mended = send(
        client, sent, email="ada@acme.com", first_name="Ada", kind="Student", note="Fine", plan="Large", phone="030"
    )
    assert mended.status_code == 303, "at once: mending a word takes no time"
    assert Lead.objects.get().attributes["plan"] == "Large"
    assert Touch.objects.get().source == "google"


def test_a_form_of_a_website_that_is_wrong_is_shown_as_a_page_too(client: Client, form: Form) -> None:
    answer = client.post("/api/v1/forms/fit/submissions", {"email": "x", "first_name": "Ada"}, **BROWSER)
    assert answer.status_code == 400
    assert 'action="/forms/fit"' in page(answer)
    assert 'value="Ada"' in page(answer)


def test_a_program_gets_the_envelope_on_the_same_door(client: Client, form: Form) -> None:
    answer = client.post("/forms/fit", {"email": "x"}, HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


# -- robots and time


@pytest.mark.parametrize("seconds", [0, 1.9])
def test_whoever_is_quicker_than_a_person_is_thanked_and_forgotten(
    client: Client, form: Form, clock: Any, caplog: pytest.LogCaptureFixture, seconds: float
) -> None:
    shown = client.get("/forms/fit")
    clock.shift(timedelta(seconds=seconds))
    with caplog.at_level("INFO", "lifecycle.api.views.forms"):
        sent = send(client, shown, email="ada@acme.com")
    assert (sent.status_code, sent["Location"]) == (303, "http://testserver/thanks/fit/")
    assert not Lead.objects.exists()
    assert "sooner than 2 s" in caplog.text
    assert "ada@acme.com" not in caplog.text


def test_two_seconds_are_enough_for_a_person(client: Client, form: Form, clock: Any) -> None:
    shown = client.get("/forms/fit")
    clock.shift(timedelta(seconds=2))
    assert send(client, shown, email="ada@acme.com").status_code == 303
    assert Lead.objects.exists()


def test_a_page_that_lay_open_for_days_asks_to_be_sent_again_and_loses_nothing(
    client: Client, form: Form, clock: Any
) -> None:
    shown = client.get("/forms/fit")
    clock.shift(timedelta(days=1, seconds=1))
    sent = send(client, shown, email="ada@acme.com", first_name="Ada")
    assert sent.status_code == 400
    assert "open for a long time" in page(sent)
    assert 'value="Ada"' in page(sent)
    assert send(client, sent, email="ada@acme.com", first_name="Ada").status_code == 303
    assert Lead.objects.get().first_name == "Ada"


@pytest.mark.parametrize("token", ["", "x", "A" * 36, "é", "\x00"])
def test_a_time_that_is_not_ours_is_no_time(client: Client, form: Form, token: str) -> None:
    body = {"email": "ada@acme.com", "lc_t": token}
    answer = client.post("/api/v1/forms/fit/submissions", body, HTTP_ACCEPT="application/json")
    assert answer.status_code == (400 if "\x00" in token else 201)
    Form.objects.update(require_render_time=True)
    assert client.post("/forms/fit", body, HTTP_ACCEPT="application/json").status_code == 400
    assert "load the form again" in client.post("/forms/fit", {"email": "a@b.co"}).json()["error"]["message"]


def test_the_time_of_another_form_is_none(client: Client, form: Form) -> None:
    other = FormFactory(slug="other")
    Form.objects.update(require_render_time=True)
    token = pace.sign(other, now=NOON - timedelta(minutes=1))
    assert client.post("/forms/fit", {"email": "ada@acme.com", "lc_t": token}).status_code == 400
    token = pace.sign(form, now=NOON - timedelta(minutes=1))
    assert client.post("/forms/fit", {"email": "ada@acme.com", "lc_t": token}).status_code == 201


def test_a_flood_is_told_on_the_page_and_keeps_what_was_written(
    client: Client, form: Form, settings: LazySettings
) -> None:
    settings.LIMITS = {**settings.LIMITS, "form": (1, 3600)}
    client.post("/forms/fit", {"email": "ada@acme.com"}, **BROWSER)
    answer = client.post("/forms/fit", {"email": "eve@acme.com", "first_name": "Eve"}, **BROWSER)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "Too many requests" in page(answer)
    assert 'value="Eve"' in page(answer)


def test_a_closed_form_is_a_friendly_404(client: Client, form: Form) -> None:
    Form.objects.update(is_active=False)
    for answer in (client.get("/forms/fit"), client.get("/forms/nothing"), client.get("/forms/fit?embed=1")):
        assert answer.status_code == 404
        assert "This form is not open" in page(answer)
    answer = client.post("/forms/fit", {"email": "ada@acme.com"}, **BROWSER)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_a_page_is_looked_at_or_posted(client: Client, form: Form, method: str) -> None:
    assert getattr(client, method)("/forms/fit").status_code == 405
    assert client.head("/forms/fit").status_code == 200


# -- frames


def test_a_frame_is_for_the_websites_that_may_post(client: Client, form: Form, settings: LazySettings) -> None:
    shown = client.get("/forms/fit?embed=1")
    assert policy(shown)["frame-ancestors"] == "*"
    assert "X-Frame-Options" not in shown
    assert 'action="/forms/fit?embed=1"' in page(shown)
    Form.objects.update(allowed_origins=["https://www.acme.com"])
    assert policy(client.get("/forms/fit?embed=1"))["frame-ancestors"] == "'self' https://www.acme.com"
    settings.FORM_ORIGINS = ["https://main.example"]
    assert (
        policy(client.get("/forms/fit?embed=1"))["frame-ancestors"]
        == "'self' https://www.acme.com https://main.example"
    )
    assert policy(client.get("/forms/fit"))["frame-ancestors"] == "'none'"


def test_a_frame_stays_one_through_mistakes_and_thanks(client: Client, form: Form, clock: Any) -> None:
    Form.objects.update(thank_you_url="https://www.acme.com/thanks")
    shown = client.get("/forms/fit?embed=1", HTTP_REFERER="https://www.acme.com/prices?utm_source=x")
    assert hidden(shown)["page_url"] == "https://www.acme.com/prices?utm_source=x"
    clock.shift(timedelta(seconds=9))
    wrong = send(client, shown, query="?embed=1", email="x")
    assert 'action="/forms/fit?embed=1"' in page(wrong)
    assert policy(wrong)["frame-ancestors"] == "*"
    sent = send(client, wrong, query="?embed=1", email="ada@acme.com")
    assert sent["Location"] == "http://testserver/thanks/fit/?embed=1"
    thanks = client.get("/thanks/fit/?embed=1")
    assert 'data-next="https://www.acme.com/thanks"' in page(thanks)
    assert policy(thanks)["frame-ancestors"] == "*"
    assert Touch.objects.get().source == "x"


def test_the_redirect_to_the_forms_own_thanks_is_let_through(client: Client, form: Form) -> None:
    Form.objects.update(thank_you_url="https://www.acme.com/thanks?a=b")
    assert policy(client.get("/forms/fit"))["form-action"] == "'self' https://www.acme.com"


# -- origins


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"HTTP_ORIGIN": "https://www.acme.com"}, 201),
        ({"HTTP_ORIGIN": "https://main.example"}, 201),
        ({"HTTP_ORIGIN": "http://testserver"}, 201),
        ({"HTTP_REFERER": "https://www.acme.com/page"}, 201),
        ({"HTTP_ORIGIN": "null", "HTTP_REFERER": "https://www.acme.com/page"}, 201),
        ({"HTTP_ORIGIN": "https://evil.example"}, 403),
        ({"HTTP_ORIGIN": "https://evil.example", "HTTP_REFERER": "https://www.acme.com/"}, 403),
        ({"HTTP_REFERER": "https://evil.example/https://www.acme.com"}, 403),
        ({"HTTP_ORIGIN": "https://www.acme.com.evil.example"}, 403),
        ({"HTTP_ORIGIN": "http://www.acme.com"}, 403),
        ({"HTTP_ORIGIN": "null"}, 403),
    ],
)
def test_a_form_is_posted_from_its_own_websites(
    client: Client, form: Form, settings: LazySettings, headers: dict[str, str], status: int
) -> None:
    settings.FORM_ORIGINS = ["https://main.example"]
    Form.objects.update(allowed_origins=["https://www.acme.com"])
    answer = client.post("/api/v1/forms/fit/submissions", {"email": "ada@acme.com"}, **headers)
    assert answer.status_code == status
    allowed = answer.get("Access-Control-Allow-Origin")
    origin = headers.get("HTTP_ORIGIN", "")
    assert allowed == (origin if origin in ("https://www.acme.com", "https://main.example") else None)
    assert Lead.objects.exists() == (status == 201)


def test_a_preflight_knows_the_forms_own_websites(client: Client, form: Form) -> None:
    Form.objects.update(allowed_origins=["https://www.acme.com"])
    url = "/api/v1/forms/fit/submissions"
    ours, theirs = (
        client.options(url, HTTP_ORIGIN=origin) for origin in ("https://www.acme.com", "https://evil.example")
    )
    assert ours["Access-Control-Allow-Origin"] == "https://www.acme.com"
    assert "Access-Control-Allow-Origin" not in theirs


# -- the thanks and the file


@pytest.fixture
def magnet(form: Form) -> Magnet:
    made = Magnet.objects.create(slug="list", name="The list (PDF)", file="magnets/list.pdf", created_at=NOON)
    Form.objects.update(magnet=made)
    return made


def test_the_thanks_give_the_file_to_whom_the_address_is_signed_for(client: Client, magnet: Magnet, clock: Any) -> None:
    sent = client.post("/forms/fit", {"email": "ada@acme.com"}, **BROWSER)
    thanks = client.get(sent["Location"])
    link = re.findall(r'href="(/f/[^"]+)"', page(thanks))
    assert len(link) == 1
    assert "The list (PDF)" in page(thanks)
    assert thanks["Referrer-Policy"] == "no-referrer"
    assert "/f/" not in page(client.get("/thanks/fit/"))
    assert "/f/" not in page(client.get("/thanks/fit/?file=forged"))
    clock.shift(timedelta(days=15))
    assert "/f/" not in page(client.get(sent["Location"]))


def test_robots_known_people_and_new_ones_are_answered_alike(client: Client, magnet: Magnet, clock: Any) -> None:
    def look(**answers: str) -> tuple[int, int, list[str]]:
        sent = client.post("/forms/fit", answers, **BROWSER)
        shown = page(client.get(sent["Location"]))
        return sent.status_code, len(sent["Location"]), re.findall(r"/f/", shown)

    new = look(email="ada@acme.com")
    assert look(email="ada@acme.com", note="again") == new
    assert look(email="bot@acme.com", website_url="x") == new
    assert Lead.objects.count() == 1


def test_the_event_carries_the_file(client: Client, magnet: Magnet) -> None:
    client.post("/forms/fit", {"email": "ada@acme.com"})
    properties = Lead.objects.get().events.get(kind="form.submitted").properties
    assert (properties["magnet"], properties["magnet_name"]) == ("list", "The list (PDF)")
    assert "/f/" in properties["magnet_url"]
