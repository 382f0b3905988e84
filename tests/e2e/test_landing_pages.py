"""The editor of landing pages, the page itself, and a webinar's, as people use them in a browser."""

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leads.models import Event, LandingPage, Lead, PageVariant, PageVisit, Submission
from lifecycle.api.limited import COUNTER
from lifecycle.core import clock
from tests.cast import FIREFOX
from tests.e2e.conftest import NARROW
from tests.e2e.test_pages import sign_in
from tests.factories import NOON, FormFactory
from tests.webinars.cast import make_webinar
from webinars.models import Webinar

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BLOCKS = [
    {"type": "hero", "headline": "Sell more", "button": "Get it"},
    {"type": "form", "heading": "Where to?"},
    {"type": "faq", "items": [{"question": "Is it free?", "answer": "Yes, it **is**."}]},
]


@pytest.fixture
def variant(settings: Any, live_server: Any) -> PageVariant:
    settings.SITE_URL = live_server.url
    COUNTER.clear()
    form = FormFactory(slug="guide", min_seconds=0, button="Send it")
    times = {"published_at": NOON, "created_at": NOON, "updated_at": NOON}
    page = LandingPage.objects.create(slug="guide", name="Guide", title="Guide", form=form, is_published=True, **times)
    return PageVariant.objects.create(page=page, key="a", blocks=BLOCKS)


def stored() -> list[Any]:
    return list(PageVariant.objects.get().blocks)


def test_a_marketer_writes_a_page_and_sees_it_at_once(live_server: Any, page: Any, variant: PageVariant) -> None:
    sign_in(page, live_server.url, to=f"/admin/leads/pagevariant/{variant.pk}/change/", role="marketer")
    shown = page.frame_locator("iframe.shown")
    shown.get_by_role("heading", name="Sell more").wait_for()
    page.locator(".block-card > summary").first.click()
    page.get_by_label("Headline").fill("Sell twice as much")
    shown.get_by_role("heading", name="Sell twice as much").wait_for()
    assert not page.locator("textarea[data-blocks]").is_visible()

    page.get_by_text("Add a block").click()
    page.get_by_role("button", name="Points What people get").click()
    page.locator(".block-card.has-problem").wait_for()  # a list of points needs one
    page.get_by_role("button", name="Add to Points").click()
    page.get_by_label("Point", exact=True).fill("Fewer calls")
    shown.get_by_text("Fewer calls").wait_for()
    page.locator(".block-card.has-problem").wait_for(state="detached")

    page.locator(".block-list > li").nth(3).get_by_role("button", name="Move up").click()
    page.locator(".block-list > li").nth(0).get_by_role("button", name="Duplicate").click()
    page.locator(".block-list > li").nth(1).get_by_role("button", name="Remove").click()
    page.locator(".block-list > li").nth(1).get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Put it back").click()
    page.get_by_role("button", name="Show what is stored").click()
    raw = page.locator("textarea[data-blocks]")
    assert [block["type"] for block in json.loads(raw.input_value())] == ["hero", "form", "bullets", "faq"]
    raw.fill("[{")
    page.get_by_role("button", name="Show what is stored").click()
    page.get_by_text("This does not read").wait_for()
    raw.fill(json.dumps([*BLOCKS, {"type": "call", "heading": "Now", "button": "Get it"}]))
    page.get_by_role("button", name="Show what is stored").click()
    shown.get_by_role("heading", name="Now").wait_for()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/leads/pagevariant/")
    assert [block["type"] for block in stored()] == ["hero", "form", "faq", "call"]


def test_what_does_not_read_is_not_saved(live_server: Any, page: Any, variant: PageVariant) -> None:
    sign_in(page, live_server.url, to=f"/admin/leads/pagevariant/{variant.pk}/change/", role="marketer")
    page.locator(".block-card > summary").first.click()
    page.get_by_label("Headline").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Block 1, headline: “Headline” is needed.").first.wait_for()
    assert stored() == BLOCKS


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_visitor_reads_and_sends(live_server: Any, chromium: Any, variant: PageVariant, scripts: bool) -> None:
    context = chromium.new_context(user_agent=FIREFOX, java_script_enabled=scripts)
    page = context.new_page()
    page.goto(f"{live_server.url}/p/guide?utm_source=google&utm_campaign=spring")
    page.get_by_text("Is it free?").click()
    assert page.get_by_text("Yes, it is.").is_visible()
    page.get_by_role("link", name="Get it").click()
    page.get_by_label("E-mail").fill("ada@acme.com")
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url("**/thanks/guide/**")
    sent = Submission.objects.get()
    assert (sent.page_variant, sent.data["utm_campaign"]) == (variant, "spring")
    assert PageVisit.objects.get().submission == sent
    context.close()


def test_a_visit_that_ended_without_a_form_is_where_the_person_came_from(
    live_server: Any, chromium: Any, variant: PageVariant
) -> None:
    tab = chromium.new_context().new_page()
    tab.goto(f"{live_server.url}/p/guide?utm_source=google&utm_medium=cpc&utm_campaign=spring")
    with tab.expect_response(lambda answer: "/v1/batch" in answer.url and answer.ok):
        tab.reload()
    with tab.expect_response(lambda answer: "/v1/batch" in answer.url and answer.ok):
        tab.goto(f"{live_server.url}/forms/guide")
    tab.locator("[name=email]").fill("ada@acme.com")
    tab.get_by_role("button", name="Send it").click()
    tab.wait_for_url("**/thanks/guide/**")
    tab.context.close()
    ada = Lead.objects.get()
    assert ada.original_touch is not None
    assert (ada.original_touch.kind, ada.original_touch.campaign) == ("visit", "spring")
    assert Event.objects.filter(kind="page.viewed", lead=ada).exists()


# --- a webinar's page


@pytest.fixture
def webinar(settings: Any, live_server: Any) -> Webinar:
    """In two days and some hours, at 15:00 UTC."""
    settings.SITE_URL = live_server.url
    starts = (clock.now() + timedelta(days=3)).replace(hour=15, minute=0, second=0, microsecond=0)
    return make_webinar(starts_at=starts, time_zone="Europe/Berlin")


def test_the_page_counts_down_and_speaks_of_the_visitors_own_time(
    live_server: Any, chromium: Any, webinar: Webinar
) -> None:
    context = chromium.new_context(timezone_id="America/New_York", viewport=NARROW)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    before = webinar.starts_at - timedelta(days=1, hours=2, minutes=3, seconds=5)
    tab.clock.install(time=before - timedelta(hours=1))
    tab.goto(f"{live_server.url}/webinars/{webinar.code}")
    tab.clock.pause_at(before)
    tab.clock.run_for(1000)

    def left() -> list[str]:
        return [tab.locator(f"[data-part={part}]").inner_text() for part in ("days", "hours", "minutes", "seconds")]

    assert left() == ["1", "2", "3", "4"]
    tab.clock.run_for(5000)
    assert left() == ["1", "2", "2", "59"]
    there = webinar.starts_at.astimezone(ZoneInfo("America/New_York"))
    assert f"{there:%A} {there.day} {there:%B}, {there:%H:%M}" in tab.locator(".yours").first.inner_text()
    assert not tab.locator(".until").is_visible()
    tab.clock.fast_forward(timedelta(days=1, hours=3) // timedelta(milliseconds=1))
    assert not tab.locator(".countdown").is_visible()
    context.close()
    assert complaints == []


def test_without_scripts_the_page_says_when_it_is(live_server: Any, chromium: Any, webinar: Webinar) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{live_server.url}/webinars/{webinar.code}")
    assert tab.locator(".until").is_visible()
    assert "15:00–15:45 (UTC)" in tab.locator("noscript .yours").inner_text()
    assert not tab.locator(".countdown").is_visible()
    context.close()


def test_the_recording_plays_in_a_frame_that_the_policy_lets_in(live_server: Any, page: Any, webinar: Webinar) -> None:
    now = clock.now()
    Webinar.objects.update(starts_at=now - timedelta(days=1), recording_url="https://youtu.be/dQw4w9WgXcQ?t=5")
    asked: list[dict[str, str]] = []

    def play(route: Any) -> None:
        asked.append({"url": route.request.url, **route.request.headers})
        route.fulfill(body="<p>The film</p>", content_type="text/html")

    page.context.route("https://www.youtube-nocookie.com/**", play)
    page.goto(f"{live_server.url}/webinars/{webinar.code}?utm_source=secret")
    page.locator(".watch").scroll_into_view_if_needed()
    page.frame_locator(".watch iframe").get_by_text("The film").wait_for()
    assert asked[0]["url"] == "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?rel=0&start=5"
    assert "secret" not in asked[0].get("referer", "")
    assert page.get_by_role("link", name="Watch the recording at YouTube").is_visible()
