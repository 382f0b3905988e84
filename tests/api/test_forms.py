"""The public form door: what is accepted, what is refused and how, and that one post has one effect."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from leads import pipeline
from leads.models import Event, Form, Lead, Submission, Touch
from lifecycle.api.parsers import LARGEST
from tests.campaigns.sequences import count_queries

URL = "/api/v1/forms/contact/submissions"
ADA = {"email": "Ada@Acme.com", "first_name": "Ada", "utm_source": "LinkedIn", "utm_medium": "cpc"}
BROWSER = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

pytestmark = pytest.mark.usefixtures("contact")


def post(browser: Client, body: Any, **headers: str) -> Any:
    return browser.post(URL, json.dumps(body), content_type="application/json", **headers)


def error(answer: Any) -> dict[str, Any]:
    body = answer.json()
    assert set(body) == {"error"}, body
    assert set(body["error"]) == {"code", "message", "fields"}
    return body["error"]  # type: ignore[no-any-return]


def test_json_is_accepted_and_becomes_a_lead_with_its_touch(browser: Client) -> None:
    answer = post(browser, ADA)
    assert (answer.status_code, answer.json()) == (
        201,
        {"status": "accepted", "next": "http://testserver/thanks/contact/"},
    )
    lead = Lead.objects.get()
    assert (lead.email, lead.first_name, lead.form_source) == ("Ada@Acme.com", "Ada", "contact")
    assert lead.original_touch is not None
    assert (lead.original_touch.source, lead.original_touch.medium) == ("linkedin", "cpc")
    assert Event.objects.filter(kind="form.submitted").count() == 1


def test_the_answer_waits_for_nine_statements(browser: Client) -> None:
    """The form, the person, their company, a touch, the profile, the post, the event: in one transaction after the
    first. What follows from it is not waited for (leads.reacting)."""
    with pipeline.processed_later():
        post(browser, ADA)
        with count_queries() as found:
            post(browser, {**ADA, "email": "ben@ode.example"})
    assert len(found) == 9


def test_a_form_encoded_post_of_a_script_gets_json(browser: Client) -> None:
    answer = browser.post(
        URL, "email=ada%40acme.com&first_name=Zo%C3%AB", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 201
    assert Lead.objects.get().first_name == "Zoë"


def test_form_data_of_a_script_is_taken(browser: Client) -> None:
    assert browser.post(URL, {"email": "ada@acme.com", "first_name": "Ada"}).status_code == 201


@pytest.mark.parametrize(
    "sent",
    [
        {
            "context": '{"campaign": {"source": "Newsletter", "name": "May"}, "page": {"referrer": "https://b.example/"}}'
        },
        {
            "context[campaign][source]": "Newsletter",
            "context[campaign][name]": "May",
            "context[page][referrer]": "https://b.example/",
        },
    ],
)
def test_the_context_of_a_tracking_client_is_read_from_a_form_too(browser: Client, sent: dict[str, str]) -> None:
    """As JSON text in one field, or flat as jQuery and PHP forms write objects."""
    body = urlencode({"email": "ada@acme.com", **sent})
    assert browser.post(URL, body, content_type="application/x-www-form-urlencoded").status_code == 201
    touch = Touch.objects.get()
    assert (touch.source, touch.campaign, touch.referrer) == ("newsletter", "may", "https://b.example/")


@pytest.mark.parametrize(
    "sent",
    [
        {"context": "nonsense"},
        {"context": "[1]"},
        {"context": '{"campaign": ' * 50},
        {"context": '{"campaign": {"source": "\\u0000"}}'},
        {"context[": "x", "context[]": "x", "context[campaign": "x", "context[a][b][c][d][e][f][g][h][i][j][k]": "x"},
        {"context[campaign]": "x", "context[campaign][source]": "y"},
    ],
)
def test_a_context_that_does_not_read_costs_nobody_their_form(browser: Client, sent: dict[str, str]) -> None:
    body = urlencode({"email": "ada@acme.com", "utm_source": "google", **sent})
    assert browser.post(URL, body, content_type="application/x-www-form-urlencoded").status_code == 201
    assert Touch.objects.get().source == "google"


def test_a_browser_is_sent_to_our_thank_you_page(browser: Client) -> None:
    answer = browser.post(URL, "email=ada%40acme.com", content_type="application/x-www-form-urlencoded", **BROWSER)
    assert (answer.status_code, answer["Location"]) == (303, "http://testserver/thanks/contact/")


def test_a_browser_is_sent_to_the_page_that_the_form_names(browser: Client, contact: Form) -> None:
    contact.thank_you_url = "https://www.example.com/thanks"
    contact.save()
    answer = browser.post(URL, "email=ada%40acme.com", content_type="application/x-www-form-urlencoded", **BROWSER)
    assert (answer.status_code, answer["Location"]) == (303, "https://www.example.com/thanks")
    assert post(browser, ADA).json()["next"] == "https://www.example.com/thanks"


def test_a_browser_is_told_on_a_page_what_to_mend(browser: Client) -> None:
    body = "email=%3Cscript%3Ealert(1)%3C/script%3E"
    answer = browser.post(URL, body, content_type="application/x-www-form-urlencoded", **BROWSER)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert 'value="&lt;script&gt;alert(1)&lt;/script&gt;"' in page
    assert "Write a whole e-mail address" in page
    assert "<script>" not in page
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": ""},
        {"email": "ada"},
        {"email": "a@b@c"},
        {"email": None},
        {"email": 7},
        {"email": ["ada@acme.com"]},
    ],
)
def test_a_missing_or_invalid_address_is_named(browser: Client, body: dict[str, Any]) -> None:
    answer = post(browser, body)
    assert answer.status_code == 400
    assert "email" in error(answer)["fields"]
    assert not Lead.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"[]", b"null", b'"text"', b"nonsense", b'{"email": "ada@acme.com",}', b'{"email": NaN}',
        b'{"email": "\xff@acme.com"}', b'{"email": "ada@acme.com", "first_name": "\\u0000"}',
        b'{"email": "ada@acme.com", "first_name": "\\ud800"}', b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"a":' * 12 + b"1" + b"}" * 12, b'{"email": "ada@acme.com", "n": ' + b"9" * 5000 + b"}",
        b'{"email": "ada@acme.com", "n": 1e999}',
    ],
)  # fmt: skip
def test_malformed_json_is_a_clear_400(browser: Client, raw: bytes) -> None:
    answer = browser.post(URL, raw, content_type="application/json")
    assert answer.status_code == 400, raw[:50]
    assert error(answer)["message"]
    assert not Lead.objects.exists()


@pytest.mark.parametrize("raw", [b"email=\xff", b"email=ada%40acme.com&first_name=a%00b", b"&a=1" * 3000])
def test_malformed_forms_are_a_clear_400(browser: Client, raw: bytes) -> None:
    answer = browser.post(URL, raw, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert error(answer)["message"]


def test_of_duplicate_names_the_last_counts(browser: Client) -> None:
    raw = '{"email": "old@acme.com", "email": "ada@acme.com"}'
    assert browser.post(URL, raw, content_type="application/json").status_code == 201
    body = "email=x%40acme.com&email=ada%40acme.com&first_name=Ada"
    assert browser.post(URL, body, content_type="application/x-www-form-urlencoded").status_code == 201
    assert Lead.objects.get().email == "ada@acme.com"


def test_several_answers_to_one_question_are_kept(browser: Client) -> None:
    body = "email=ada%40acme.com&topics=billing&topics=support"
    assert browser.post(URL, body, content_type="application/x-www-form-urlencoded").status_code == 201
    assert Lead.objects.get().attributes["topics"] == ["billing", "support"]


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_an_oversized_body_is_413(browser: Client, content_type: str) -> None:
    answer = browser.post(URL, b"x" * (LARGEST + 1), content_type=content_type)
    assert (answer.status_code, error(answer)["code"]) == (413, "too_large")
    assert browser.post(URL, b"x" * 3_000_000, content_type=content_type).status_code == 413


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "nonsense", "image/png"])
def test_another_content_type_is_415(browser: Client, content_type: str) -> None:
    answer = browser.post(URL, b"{}", content_type=content_type)
    assert (answer.status_code, error(answer)["code"]) == (415, "unsupported_media_type")


def test_an_unknown_or_retired_form_is_404(browser: Client, contact: Form) -> None:
    assert error(browser.post("/api/v1/forms/nope/submissions", ADA))["code"] == "not_found"
    Form.objects.update(is_active=False)
    assert post(browser, ADA).status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_only_post_is_a_method(browser: Client, method: str) -> None:
    answer = getattr(browser, method)(URL)
    assert (answer.status_code, error(answer)["code"]) == (405, "method_not_allowed")
    assert answer["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize(
    "name", ["{{7*7}}", "<script>alert(1)</script>", "'; DROP TABLE leads_lead; --", "%s %(x)s {0}"]
)
def test_hostile_names_are_only_text(browser: Client, name: str) -> None:
    assert post(browser, {"email": "ada@acme.com", "first_name": name}).status_code == 201
    assert Lead.objects.get().first_name == name


def test_line_breaks_do_not_survive_in_a_name(browser: Client) -> None:
    assert post(browser, {"email": "ada@acme.com", "first_name": "Ada\r\nBcc: x@y.z"}).status_code == 201
    assert Lead.objects.get().first_name == "Ada Bcc: x@y.z"
    assert post(browser, {"email": "ada@acme.com\r\nBcc: x@y.z"}).status_code == 400


def test_the_same_idempotency_key_has_one_effect(browser: Client) -> None:
    first = post(browser, ADA, HTTP_IDEMPOTENCY_KEY="k1")
    again = post(browser, ADA, HTTP_IDEMPOTENCY_KEY="k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (Submission.objects.count(), Touch.objects.count()) == (1, 1)
    other = post(browser, {**ADA, "first_name": "Eve"}, HTTP_IDEMPOTENCY_KEY="k1")
    assert (other.status_code, error(other)["code"]) == (409, "idempotency_conflict")


@pytest.mark.parametrize("key", ["x" * 201, "ключ"])
def test_an_impossible_idempotency_key_is_named(browser: Client, key: str) -> None:
    answer = post(browser, ADA, HTTP_IDEMPOTENCY_KEY=key)
    assert (answer.status_code, list(error(answer)["fields"])) == (400, ["Idempotency-Key"])


def test_a_double_click_has_one_effect(browser: Client) -> None:
    answers = [post(browser, ADA) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert (Submission.objects.count(), Event.objects.filter(kind="form.submitted").count()) == (1, 1)


def test_the_answer_does_not_tell_whether_a_person_is_known(browser: Client) -> None:
    new, known = post(browser, ADA), post(browser, {**ADA, "message": "Again"})
    assert (new.status_code, new.content) == (known.status_code, known.content)


def test_a_robot_is_thanked_and_forgotten(browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "lifecycle.api.views.forms"):
        answer = post(browser, {**ADA, "website_url": "https://spam.example"})
    assert answer.status_code == 201
    assert not Lead.objects.exists()
    assert "dropped a robot's post to the form contact" in caplog.text
    assert post(browser, {**ADA, "website_url": ""}).status_code == 201
    assert "website_url" not in Submission.objects.get().data


def test_a_website_of_any_origin_may_post(browser: Client) -> None:
    preflight = browser.options(URL, HTTP_ORIGIN="https://www.example.com", HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST")
    assert preflight.status_code == 204
    assert preflight["Access-Control-Allow-Origin"] == "*"
    assert "content-type" in preflight["Access-Control-Allow-Headers"]
    assert post(browser, ADA, HTTP_ORIGIN="https://www.example.com")["Access-Control-Allow-Origin"] == "*"
    assert post(browser, {}, HTTP_ORIGIN="https://www.example.com")["Access-Control-Allow-Origin"] == "*"


def test_origins_can_be_narrowed(browser: Client, settings: LazySettings) -> None:
    settings.FORM_ORIGINS = ["https://www.example.com"]
    ours, other = "https://www.example.com", "https://evil.example"
    assert post(browser, ADA, HTTP_ORIGIN=ours)["Access-Control-Allow-Origin"] == ours
    refused = post(browser, ADA, HTTP_ORIGIN=other)
    assert (refused.status_code, error(refused)["code"]) == (403, "origin_refused")
    assert "Access-Control-Allow-Origin" not in refused
    assert post(browser, ADA).status_code == 201


@pytest.mark.parametrize("limit", ["form", "form ip", "form address"])
def test_a_flood_is_429_with_the_time_to_wait(browser: Client, settings: LazySettings, limit: str) -> None:
    settings.LIMITS = {**settings.LIMITS, limit: (2, 3600)}
    posts = [post(browser, {**ADA, "message": str(n)}, REMOTE_ADDR="203.0.113.7") for n in range(3)]
    assert [answer.status_code for answer in posts] == [201, 201, 429]
    assert error(posts[-1])["code"] == "throttled"
    assert 0 < int(posts[-1]["Retry-After"]) <= 3600
    assert posts[-1]["Access-Control-Expose-Headers"] == "Retry-After"


def test_a_proxy_on_this_machine_is_not_taken_for_one_visitor(browser: Client, settings: LazySettings) -> None:
    settings.LIMITS = {**settings.LIMITS, "form ip": (1, 3600)}
    posts = [post(browser, {"email": f"p{n}@acme.com"}, REMOTE_ADDR="127.0.0.1") for n in range(3)]
    assert {answer.status_code for answer in posts} == {201}


def test_the_thank_you_page_shows_the_forms_words_and_only_web_links(browser: Client) -> None:
    page = browser.get("/thanks/contact/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "Thank you from Your Company" in text
    assert 'href="https://calendly.com/your-company/demo"' in text
    assert "javascript:" not in text
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert browser.get("/thanks/nope/").status_code == 404


def test_a_thank_you_text_that_does_not_render_is_shown_as_it_is(browser: Client, contact: Form) -> None:
    contact.thank_you = {"title": "{{ broken", "body": "{% for i in range(99999) %}x{% endfor %}"}
    contact.save()
    assert "{{ broken" in browser.get("/thanks/contact/").content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"HTTP_IDEMPOTENCY_KEY": "k1"}])
def test_eight_identical_posts_at_once_are_one(headers: dict[str, str]) -> None:
    together = threading.Barrier(8)

    def click(_: int) -> int:
        try:
            together.wait(timeout=10)
            return int(post(Client(), ADA, **headers).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(click, range(8))) == [201] * 8
    assert (Lead.objects.count(), Submission.objects.count(), Touch.objects.count()) == (1, 1, 1)
    assert Event.objects.filter(kind="form.submitted").count() == 1
