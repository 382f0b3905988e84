"""/t.js in a real browser, on the pages of a website that is not ours."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from leads import pipeline
from leads.identity import identify_pending
from leads.models import Event, Form, Lead, Visitor
from lifecycle.api import keys
from lifecycle.api.limited import COUNTER
from lifecycle.core import clock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
AD = "/?utm_source=Google&utm_medium=cpc&utm_campaign=Brand&gclid=G1#top"
EMPTY = {"cookie": "", "stored": 0}


class Website:
    """Pages of a shop: /path → HTML. Every page carries the snippet as `tag` says."""

    def __init__(self) -> None:
        self.tag, self.bodies = "", dict[str, str]()
        website = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                html = f"<!doctype html><title>Shop {path}</title>{website.tag}{website.bodies.get(path, '')}"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(html.encode())

            do_POST = do_GET

            def log_message(self, *said: Any) -> None:
                """Nothing to tell."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def website() -> Iterator[Website]:
    opened = Website()
    yield opened
    opened.close()


@pytest.fixture
def embed(website: Website, live_server: Any) -> Callable[..., None]:
    """Put the snippet on every page; `origins` are the key's."""

    def put(further: str = "", *, origins: list[str] | None = None) -> None:
        allowed = [website.url] if origins is None else origins
        _, key = keys.issue(name="Website", scopes=["track:write"], allowed_origins=allowed, now=clock.now())
        website.tag = f'<script async src="{live_server.url}/t.js" data-key="{key}" {further}></script>'

    COUNTER.clear()
    return put


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A fresh browser; ends with a check that the snippet never threw."""
    context = chromium.new_context()
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.set_default_timeout(20_000)
    yield page
    context.close()
    assert thrown == []


def answered(page: Any) -> Any:
    """Wait for an answer of the tracking door."""
    return page.expect_response(lambda answer: "/v1/batch" in answer.url and answer.request.method == "POST")


def views() -> list[str]:
    kept = Event.objects.filter(kind="page.viewed").order_by("occurred_at", "id")
    return [view.properties["context"]["page"]["url"] for view in kept]


def kept(page: Any) -> dict[str, Any]:
    return page.evaluate("({cookie: document.cookie, stored: localStorage.length + sessionStorage.length})")  # type: ignore[no-any-return]


def emptied(page: Any) -> None:
    """Until everything that was to be sent is answered."""
    page.wait_for_function("(localStorage.lc_queue || '[]') == '[]'")


def settle() -> None:
    """What the engine does within seconds."""
    identify_pending(now=clock.now())
    pipeline.drain(now=clock.now())


def test_a_view_arrives_with_its_campaign_and_later_ones_with_where_they_came_from(
    tab: Any, website: Website, embed: Any
) -> None:
    embed()
    with answered(tab) as answer:
        tab.goto(website.url + AD)
    assert answer.value.status == 200
    first = Event.objects.get(kind="page.viewed")
    context = first.properties["context"]
    assert context["campaign"] == {"source": "Google", "medium": "cpc", "name": "Brand"}
    assert context["page"]["url"] == website.url + AD.removesuffix("#top")
    assert "HeadlessChrome" in context["userAgent"] or "Chrome" in context["userAgent"]
    assert (first.properties["title"], first.properties["path"]) == ("Shop /", "/")
    with answered(tab):
        tab.evaluate("history.pushState({}, '', '/pricing')")
    with answered(tab):
        tab.go_back()
    with answered(tab):
        tab.goto(website.url + "/docs")
    assert [url.removeprefix(website.url) for url in views()] == [AD.removesuffix("#top"), "/pricing", AD[:-4], "/docs"]
    referrers = [event.properties["referrer"] for event in Event.objects.filter(kind="page.viewed").order_by("id")]
    assert referrers[1] == website.url + AD.removesuffix("#top")
    assert Visitor.objects.count() == 1


def test_a_page_of_an_origin_that_the_key_does_not_name_is_refused(tab: Any, website: Website, embed: Any) -> None:
    embed(origins=["https://www.example.com"])
    # The answer (403) names no origin, so that the browser keeps it from the page.
    with tab.expect_event("requestfailed", lambda request: "/v1/batch" in request.url):
        tab.goto(website.url + "/")
    assert not Event.objects.exists()


def test_an_address_in_a_form_joins_the_history_and_the_ad_is_the_first_touch(
    tab: Any, website: Website, embed: Any
) -> None:
    embed()
    website.bodies["/join"] = (
        '<form method="post" action="/done"><input type="email" name="mail"><button>Go</button></form>'
    )
    with answered(tab):
        tab.goto(website.url + AD)
    with answered(tab):
        tab.goto(website.url + "/join")
    tab.fill("[name=mail]", "ada@acme.com")
    tab.click("button")
    tab.wait_for_url("**/done")
    emptied(tab)
    settle()
    lead = Lead.objects.get(email_normal="ada@acme.com")
    assert lead.original_touch is not None
    assert (lead.original_touch.source, lead.original_touch.campaign) == ("google", "brand")
    assert lead.original_touch.click_ids == {"gclid": "G1"}
    assert lead.events.filter(kind="page.viewed").count() == 3


def test_a_form_of_ours_on_their_page_carries_the_browser_and_the_campaign(
    tab: Any, website: Website, embed: Any, live_server: Any
) -> None:
    embed()
    Form.objects.create(slug="contact", name="Contact", fields=[])
    website.bodies["/"] = (
        f'<form method="post" action="{live_server.url}/api/v1/forms/contact/submissions">'
        '<input type="email" name="email"><button>Go</button></form>'
    )
    with answered(tab):
        tab.goto(website.url + AD)
    tab.fill("[name=email]", "ada@acme.com")
    tab.click("button")
    tab.wait_for_url("**/thanks/**")
    settle()
    lead = Lead.objects.get(email_normal="ada@acme.com")
    assert lead.original_touch is not None
    assert (lead.original_touch.kind, lead.original_touch.campaign) == ("visit", "brand")
    touch = lead.touches.get(kind="form")
    assert (touch.source, touch.campaign, touch.click_ids) == ("google", "brand", {"gclid": "G1"})
    assert touch.landing_page.startswith(website.url)
    assert not Event.objects.filter(kind="user.identified").exists()


def test_forms_that_sign_in_or_are_marked_off_tell_nobody(tab: Any, website: Website, embed: Any) -> None:
    embed()
    asks = '<input type="email" name="email" value="ada@acme.com"><button>Go</button></form>'
    website.bodies["/sign-in"] = f'<form method="post" action="/a"><input type="password">{asks}'
    website.bodies["/off"] = f'<form data-lifecycle="off" method="post" action="/b">{asks}'
    for path in ("/sign-in", "/off"):
        with answered(tab):
            tab.goto(website.url + path)
        with answered(tab):
            tab.click("button")
    assert not Event.objects.exclude(kind="page.viewed").exists()


@pytest.mark.parametrize(
    "wish", ["Navigator.prototype, 'doNotTrack', {value: '1'}", "navigator, 'globalPrivacyControl', {value: true}"]
)
def test_who_does_not_want_to_be_tracked_is_not(tab: Any, website: Website, embed: Any, wish: str) -> None:
    embed()
    tab.add_init_script(f"Object.defineProperty({wish})")
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(website.url + AD)
    tab.wait_for_function("!!(window.lifecycle && lifecycle.track)")
    tab.evaluate(
        "lifecycle.track('trial.started'); lifecycle.identify('u1'); lifecycle.consent(true); lifecycle.page()"
    )
    tab.goto(website.url + "/docs", wait_until="networkidle")
    assert not [url for url in asked if "/v1/" in url]
    assert kept(tab) == EMPTY


def test_nothing_is_stored_nor_sent_before_consent_and_forgotten_when_it_is_withdrawn(
    tab: Any, website: Website, embed: Any
) -> None:
    embed('data-consent="wait"')
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(website.url + AD, wait_until="networkidle")
    tab.evaluate("lifecycle.track('trial.started')")
    assert kept(tab) == EMPTY
    assert not [url for url in asked if "/v1/" in url]
    with answered(tab):
        tab.evaluate("lifecycle.consent(true)")
    emptied(tab)
    assert views() == [website.url + AD.removesuffix("#top")]
    assert Event.objects.filter(kind="trial.started").count() == 1
    assert "lc_id=" in kept(tab)["cookie"]
    tab.evaluate("lifecycle.consent(false); lifecycle.track('trial.started')")
    tab.goto(website.url + "/docs", wait_until="networkidle")
    assert kept(tab) == EMPTY
    assert Event.objects.count() == 2


def test_what_could_not_be_sent_is_sent_again_and_counts_once(tab: Any, website: Website, embed: Any) -> None:
    embed()
    troubles = [lambda route: route.abort(), lambda route: route.fulfill(status=500), lambda route: lost(route)]

    def lost(route: Any) -> None:
        route.fetch()  # it arrives, and the answer gets lost
        route.abort()

    tab.route("**/v1/batch", lambda route: troubles.pop(0)(route) if troubles else route.continue_())
    tab.goto(website.url + AD)
    emptied(tab)
    assert not troubles
    assert views() == [website.url + AD.removesuffix("#top")]


def test_a_call_that_is_refused_is_not_sent_again_and_does_not_hold_up_others(
    tab: Any, website: Website, embed: Any
) -> None:
    embed()
    with answered(tab):
        tab.goto(website.url + "/")
    with answered(tab) as answer:
        tab.evaluate("lifecycle.track(''); lifecycle.track('trial.started', {plan: 'pro'})")
    assert len(answer.value.json()["rejected"]) == 1
    emptied(tab)
    assert Event.objects.get(kind="trial.started").properties["plan"] == "pro"


def test_what_is_left_when_a_page_is_closed_goes_out_with_it_or_with_the_next(
    tab: Any, website: Website, embed: Any
) -> None:
    embed()
    tab.goto(website.url + "/")
    emptied(tab)
    tab.evaluate("lifecycle.track('trial.started'); location.href = '/next'")
    tab.wait_for_url("**/next")
    emptied(tab)
    assert Event.objects.filter(kind="trial.started").count() == 1
    assert len(views()) == 2


def test_calls_before_the_snippet_is_there_wait_for_it_and_a_user_is_remembered(
    tab: Any, website: Website, embed: Any
) -> None:
    embed()
    website.tag = (
        "<script>lifecycle = {q: []}; for (const name of ['track', 'identify', 'page', 'reset', 'consent'])"
        " lifecycle[name] = (...given) => lifecycle.q.push([name, given]);"
        "lifecycle.identify('u-1', {plan: 'pro'}); lifecycle.track('trial.started')</script>" + website.tag
    )
    tab.goto(website.url + "/")
    emptied(tab)
    told = list(Event.objects.order_by("id").values_list("kind", flat=True))
    assert sorted(told) == ["page.viewed", "trial.started", "user.identified"]
    assert Visitor.objects.filter(user_id="u-1").exists()
    before = kept(tab)["cookie"]
    tab.evaluate("lifecycle.reset(); lifecycle.page('Bye')")
    emptied(tab)
    assert kept(tab)["cookie"] != before
    last = Event.objects.order_by("id").last()
    assert last is not None
    assert (last.properties["name"], last.visitor.user_id) == ("Bye", None)
