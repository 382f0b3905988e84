"""Forms in a real browser: conditions, a frame on somebody else's page, and a post without scripts."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as product

from leads.models import Form, Lead, Touch
from lifecycle.api.limited import COUNTER
from tests.factories import FormFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TABLE = Path(__file__).parent.parent / "leads" / "show_if.json"
FIELDS = [
    {"name": "email", "label": "Work email", "type": "email", "required": True},
    {"name": "kind", "label": "You are", "type": "radio", "options": ["Student", {"value": "pro", "label": "At work"}]},
    {"name": "company", "label": "Company", "required": True, "show_if": {"field": "kind", "value": "pro"}},
    {"name": "tools", "label": "Tools", "type": "multiselect", "options": ["Sheets", "CRM"], "required": True},
    {"name": "crm", "label": "Which CRM?", "show_if": {"field": "tools", "op": "eq", "value": "CRM"}},
]


@pytest.fixture(autouse=True)
def fresh_counts() -> Iterator[None]:
    COUNTER.clear()
    yield
    COUNTER.clear()


@pytest.fixture
def form() -> Form:
    """Without the two seconds that tell people from robots: this browser is quick."""
    return FormFactory(slug="fit", name="Fit", title="Does it fit?", fields=FIELDS, min_seconds=0)


class Site(BaseHTTPRequestHandler):
    """Somebody's website: one page, of another origin."""

    html = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.html.encode())

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_browser_asks_what_the_server_asks(page: Any) -> None:
    """The twin in JavaScript, held to the table of tests/leads/test_form_fields.py."""
    page.add_script_tag(path=str(Path(product.BASE_DIR) / "static/js/questions.js"))
    rows = json.loads(TABLE.read_text())
    for row in rows:
        row["questions"] = [dict(zip(("name", "type", "show_if"), each, strict=False)) for each in row["questions"]]
    told = page.evaluate(
        "rows => rows.map((row) => LifecycleQuestions.hidden(row.questions, row.answers).sort())", rows
    )
    wrong = [row["it"] for row, hidden in zip(rows, told, strict=True) if sorted(hidden) != row["hidden"]]
    assert wrong == []


def test_questions_come_and_go_with_the_answers(live_server: Any, page: Any, form: Form) -> None:
    page.goto(f"{live_server.url}/forms/fit")
    company, crm = page.get_by_label("Company"), page.get_by_label("Which CRM?")
    assert not company.is_visible()
    page.get_by_label("At work").check()
    assert company.is_visible()
    company.fill("Acme")
    page.get_by_label("CRM", exact=True).check()
    crm.fill("Ours")
    page.get_by_label("Student").check()
    assert not company.is_visible()
    page.get_by_label("Work email").fill("ada@acme.com")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/thanks/fit/")
    lead = Lead.objects.get()
    assert (lead.company_name, lead.attributes) == ("", {"kind": "Student", "tools": ["CRM"], "crm": "Ours"})


def test_what_is_asked_is_needed_before_it_is_sent(live_server: Any, page: Any, form: Form) -> None:
    page.goto(f"{live_server.url}/forms/fit")
    page.get_by_label("At work").check()
    page.get_by_label("Work email").fill("ada@acme.com")
    page.get_by_role("button", name="Send").click()
    assert page.evaluate("[...document.querySelectorAll(':invalid')].map((each) => each.name).filter(Boolean)") == [
        "company",
        "tools",
    ]
    assert not Lead.objects.exists()


def test_a_frame_on_another_website_grows_and_learns_where_the_visitor_came_from(
    live_server: Any, chromium: Any, site: str, form: Form
) -> None:
    Form.objects.update(allowed_origins=[site], thank_you_url=f"{site}/welcome")
    Site.html = (
        f'<!doctype html><title>Site</title><iframe data-lifecycle-frame src="{live_server.url}/forms/fit?embed=1" '
        f'style="width:100%;height:50px;border:0"></iframe><script src="{live_server.url}/static/js/embed.js"></script>'
    )
    context = chromium.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.goto(f"{site}/prices?utm_source=google&utm_campaign=spring&gclid=G1")
    page.evaluate("localStorage.lc_id = 'browser-1'")
    page.reload()
    frame = page.frame_locator("iframe")
    frame.get_by_label("Work email").fill("ada@acme.com")
    page.wait_for_function("document.querySelector('iframe').offsetHeight > 300")
    before = page.evaluate("document.querySelector('iframe').offsetHeight")
    frame.get_by_label("At work").check()
    page.wait_for_function(f"document.querySelector('iframe').offsetHeight > {before}")
    frame.get_by_label("Company").fill("Acme")
    frame.get_by_label("Sheets").check()
    frame.get_by_role("button", name="Send").click()
    page.wait_for_url(f"{site}/welcome")
    touch = Touch.objects.get()
    assert (touch.source, touch.campaign, touch.click_ids) == ("google", "spring", {"gclid": "G1"})
    assert touch.landing_page == f"{site}/prices?utm_source=google&utm_campaign=spring&gclid=G1"
    assert Lead.objects.get().visitors.get().anonymous_id == "browser-1"
    context.close()
    assert complaints == []


def test_a_website_that_may_not_show_it_gets_an_empty_frame(
    live_server: Any, chromium: Any, site: str, form: Form
) -> None:
    Form.objects.update(allowed_origins=["https://www.acme.com"])
    Site.html = f'<!doctype html><iframe src="{live_server.url}/forms/fit?embed=1"></iframe>'
    context = chromium.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.goto(site)
    page.wait_for_load_state("networkidle")
    assert page.frame_locator("iframe").get_by_label("Work email").count() == 0
    assert any("frame-ancestors" in complaint for complaint in complaints)
    context.close()


def test_without_scripts_it_is_a_form_like_any_other(live_server: Any, chromium: Any, form: Form) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/forms/fit?utm_source=google")
    page.get_by_label("Work email").fill("ada@acme.com")
    page.get_by_label("Student").check()
    page.get_by_label("Company").fill("Never mind")
    page.get_by_role("button", name="Send").click()
    assert "Please fill this in." in page.content()
    assert page.get_by_label("Company").input_value() == "Never mind"
    page.get_by_label("Sheets").check()
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/thanks/fit/")
    lead = Lead.objects.get()
    assert (lead.company_name, lead.attributes) == ("", {"kind": "Student", "tools": ["Sheets"]})
    assert Touch.objects.get().source == "google"
    context.close()
