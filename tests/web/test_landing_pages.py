"""/p/{slug}: what visitors, colleagues and robots see, what is counted of it, and who sees which variant."""

import json
import re
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from leads.models import Form, LandingPage, Lead, Magnet, PageVariant, PageVisit, Submission, Touch
from leads.pages import publishing, results
from leads.pages.playbook import load_pages
from leads.playbook_rows import PlaybookError
from lifecycle.api.limited import COUNTER
from tests import staff
from tests.cast import FIREFOX
from tests.factories import NOON, FormFactory

pytestmark = pytest.mark.django_db
BLOCKS = [
    {"type": "hero", "headline": "Sell <more>", "text": "In less time.", "button": "Get it"},
    {"type": "quote", "text": "Good.", "author": "Ana", "image": "https://cdn.example/ana.jpg"},
    {"type": "form", "heading": "Where to?"},
    {"type": "faq", "items": [{"question": "Free?", "answer": "**Yes** </script><script>alert(1)</script>"}]},
]
HTML = {"Accept": "text/html"}


@pytest.fixture(autouse=True)
def noon(settings: Settings) -> Any:
    settings.SITE_URL = "https://crm.example.com"
    COUNTER.clear()
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock
    COUNTER.clear()


@pytest.fixture
def guide() -> LandingPage:
    page = LandingPage.objects.create(
        slug="guide",
        name="Guide",
        title="The guide",
        description="What is “in” it.",
        form=FormFactory(slug="guide-form", min_seconds=0),
        is_published=True,
        published_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )
    PageVariant.objects.create(page=page, key="a", blocks=BLOCKS)
    return page


def browser(**headers: str) -> Client:
    return Client(headers={"user-agent": FIREFOX, **headers})


def hidden(html: str) -> dict[str, str]:
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html)
    }


def send(visitor: Client, html: str, email: str = "ada@acme.com") -> Any:
    action = re.findall(r'<form action="([^"]+)"', html)[0]
    return visitor.post(unescape(action), {**hidden(html), "email": email}, headers=HTML)


def counts(key: str = "a") -> tuple[int, int, int]:
    variant = PageVariant.objects.get(key=key)
    visits = PageVisit.objects.filter(variant=variant)
    return variant.views, visits.count(), visits.exclude(converted_at=None).count()


def test_the_page_says_who_it_is_to_people_search_engines_and_networks(guide: LandingPage) -> None:
    answer = browser().get("/p/guide")
    html = answer.content.decode()
    assert answer.status_code == 200
    for part in (
        "<title>The guide</title>",
        '<meta name="description" content="What is “in” it.">',
        '<link rel="canonical" href="https://crm.example.com/p/guide">',
        '<meta property="og:title" content="The guide">',
        '<meta name="twitter:card" content="summary">',
        "<h1>Sell &lt;more&gt;</h1>",
        'href="#form"',
    ):
        assert part in html, part
    assert "noindex" not in html
    LandingPage.objects.update(is_indexed=False, social_image="https://cdn.example/card.png")
    again = browser().get("/p/guide").content.decode()
    assert '<meta name="robots" content="noindex">' in again
    assert '<meta property="og:image" content="https://cdn.example/card.png">' in again


def test_questions_are_told_to_search_engines_and_cannot_break_out(guide: LandingPage) -> None:
    html = browser().get("/p/guide").content.decode()
    told = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    data = json.loads(told[0])
    assert data["@type"] == "FAQPage"
    assert data["mainEntity"][0]["acceptedAnswer"]["text"] == "Yes </script><script>alert(1)</script>"
    assert "<script>alert" not in html


def test_the_policy_lets_in_this_pages_pictures_and_nothing_else(guide: LandingPage) -> None:
    Form.objects.update(thank_you_url="https://www.example.com/thanks?x=1")
    policy = browser().get("/p/guide")["Content-Security-Policy"]
    rules = {part.split()[0]: part.split()[1:] for part in policy.split(";") if part.strip()}
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == ["'self'"]
    assert rules["img-src"] == ["'self'", "data:", "https://cdn.example"]
    assert rules["form-action"] == ["'self'", "https://www.example.com"]
    assert rules["frame-ancestors"] == ["'none'"]


def test_the_form_says_where_the_visitor_came_from_without_a_script(guide: LandingPage) -> None:
    visitor = browser(referer="https://www.google.com/")
    html = visitor.get("/p/guide?utm_source=LinkedIn&utm_campaign=spring&gclid=abc&x=%22%3E").content.decode()
    fields = hidden(html)
    assert fields["landing_variant"] == "guide:a"
    assert (fields["utm_source"], fields["gclid"]) == ("LinkedIn", "abc")
    assert fields["referrer"] == "https://www.google.com/"
    assert send(visitor, html).status_code == 303
    touch = Touch.objects.get()
    assert (touch.source, touch.campaign, touch.click_ids) == ("linkedin", "spring", {"gclid": "abc"})
    assert "/p/guide" in touch.landing_page
    assert Submission.objects.get().page_variant == PageVariant.objects.get()


def test_views_visitors_and_conversions_are_counted_once_a_browser(guide: LandingPage) -> None:
    ada, ben = browser(), browser()
    for _ in range(3):
        html = ada.get("/p/guide").content.decode()
    ben.get("/p/guide")
    assert counts() == (4, 2, 0)
    send(ada, html)
    send(ada, html, email="ada@home.example")
    assert counts() == (4, 2, 1)
    visit = PageVisit.objects.exclude(converted_at=None).get()
    assert visit.submission == Submission.objects.earliest("pk")
    assert ada.cookies["landing"].value not in visit.browser
    cookie = ada.cookies["landing"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/p/")


@pytest.mark.parametrize(
    "headers",
    [
        {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"},
        {"user-agent": "curl/8.0"},
        {"user-agent": ""},
        {"user-agent": FIREFOX, "sec-purpose": "prefetch"},
    ],
)
def test_robots_see_the_page_and_are_not_counted(guide: LandingPage, headers: dict[str, str]) -> None:
    answer = Client(headers=headers).get("/p/guide")
    assert (answer.status_code, counts()) == (200, (0, 0, 0))
    assert not answer.cookies
    assert browser().head("/p/guide").status_code == 200
    assert counts() == (0, 0, 0)


@pytest.mark.parametrize("headers", [{"dnt": "1"}, {"sec-gpc": "1"}])
def test_who_asks_not_to_be_tracked_gets_no_cookie_and_the_heaviest_variant(
    guide: LandingPage, headers: dict[str, str]
) -> None:
    PageVariant.objects.create(page=guide, key="b", weight=200, blocks=BLOCKS)
    visitor = browser(**headers)
    answers = [visitor.get("/p/guide") for _ in range(4)]
    assert {hidden(answer.content.decode())["landing_variant"] for answer in answers} == {"guide:b"}
    assert not visitor.cookies
    assert "landing_browser" not in answers[0].content.decode()
    assert send(visitor, answers[0].content.decode()).status_code == 303
    assert counts("b") == (4, 0, 0)


def test_a_browser_keeps_its_variant_whatever_the_weights(guide: LandingPage) -> None:
    PageVariant.objects.create(page=guide, key="b", weight=100, blocks=BLOCKS)
    visitors = [browser() for _ in range(24)]

    def met() -> list[str]:
        return [hidden(each.get("/p/guide").content.decode())["landing_variant"] for each in visitors]

    first = met()
    assert set(first) == {"guide:a", "guide:b"}
    PageVariant.objects.filter(key="a").update(weight=0)
    assert met() == first
    new = {hidden(browser().get("/p/guide").content.decode())["landing_variant"] for _ in range(8)}
    assert new == {"guide:b"}
    assert counts("a")[1] + counts("b")[1] == 32


def test_a_forged_variant_or_browser_counts_nothing(guide: LandingPage) -> None:
    visitor = browser()
    html = visitor.get("/p/guide").content.decode()
    for forged in (
        {"landing_variant": "guide:zz"},
        {"landing_variant": "x" * 5_000},
        {"landing_browser": "f" * 64},
        {"landing_browser": "'; drop table"},
    ):
        data = {**hidden(html), **forged, "email": "ada@acme.com"}
        assert visitor.post("/api/v1/forms/guide-form/submissions", data, headers=HTML).status_code == 303
    assert counts() == (1, 1, 0)


def test_a_stolen_cookie_value_is_no_name_of_a_browser(guide: LandingPage) -> None:
    for value in ("short", "x" * 400, "../../..", "é" * 22):
        visitor = browser()
        visitor.cookies["landing"] = value
        answer = visitor.get("/p/guide")
        assert re.fullmatch(r"[\w-]{22}", answer.cookies["landing"].value)


@pytest.mark.parametrize("published", [False, True])
def test_drafts_are_for_colleagues(guide: LandingPage, published: bool) -> None:
    LandingPage.objects.update(is_published=published)
    assert browser().get("/p/guide").status_code == (200 if published else 404)
    for role, sees in (("marketer", True), ("outsider", published)):
        colleague = staff.colleague(role)
        colleague.defaults["HTTP_USER_AGENT"] = FIREFOX
        answer = colleague.get("/p/guide")
        assert answer.status_code == (200 if sees else 404)
        assert ("Only colleagues see this page" in answer.content.decode()) is (sees and not published)
    assert counts()[0] == (2 if published else 0)  # the stranger's, and the outsider's


def test_a_colleague_chooses_the_variant_and_a_visitor_does_not(guide: LandingPage) -> None:
    PageVariant.objects.create(page=guide, key="b", weight=0, blocks=[{"type": "text", "body": "The other one"}])
    assert "The other one" in staff.colleague("marketer").get("/p/guide?variant=b").content.decode()
    assert "The other one" not in browser().get("/p/guide?variant=b").content.decode()


@pytest.mark.parametrize("slug", ["nothing", "a" * 80])
def test_an_unknown_page_is_not_found_in_plain_words(slug: str) -> None:
    answer = browser().get(f"/p/{slug}")
    assert (answer.status_code, "There is no page here" in answer.content.decode()) == (404, True)


def test_damaged_blocks_and_a_closed_form_leave_a_page(guide: LandingPage) -> None:
    PageVariant.objects.update(blocks=[{"type": "gone"}, *BLOCKS, 7])
    Form.objects.update(is_active=False)
    html = browser().get("/p/guide").content.decode()
    assert "Sell &lt;more&gt;" in html
    assert "This form is closed" in html
    assert "does not read" not in html
    PageVariant.objects.all().delete()
    assert browser().get("/p/guide").status_code == 404


def test_preview_shows_what_is_not_saved_in_a_frame_without_scripts(guide: LandingPage) -> None:
    url, variant = "/pages/preview/{}", PageVariant.objects.get()
    asked = {"blocks": json.dumps([{"type": "text", "body": "Not saved"}, {"type": "hero"}])}
    answer = staff.colleague("marketer").post(url.format(variant.pk), asked)
    html = answer.content.decode()
    assert "Not saved" in html
    assert '<li data-block="1">Block 2, headline: “Headline” is needed.</li>' in html
    assert "script-src 'none'" in answer["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    broken = staff.colleague("marketer").post(url.format(variant.pk), {"blocks": "[{"})
    assert "Not JSON at line 1" in broken.content.decode()
    assert counts() == (0, 0, 0)
    assert browser().post(url.format(variant.pk), asked).status_code == 302
    assert staff.colleague("marketer").get(url.format(variant.pk)).status_code == 405
    assert staff.colleague("marketer").post(url.format(999), asked).status_code == 404


def test_what_keeps_a_page_from_being_published(guide: LandingPage) -> None:
    LandingPage.objects.update(is_published=False, title=" ", form=None)
    guide.refresh_from_db()
    with pytest.raises(publishing.PageRefused) as refused:
        publishing.publish(guide, now=NOON)
    assert refused.value.problems == [
        "Give it a title: it stands in the browser's tab and in search results.",
        "Variant a: It shows a form, so choose an active form for the page.",
    ]
    LandingPage.objects.update(title="The guide")
    for weight, blocks, said in (
        (0, BLOCKS, "No variant has a weight"),
        (1, [], "It has no blocks."),
        (1, [{"type": "hero", "headline": "x", "button": "Go"}], "A button leads to the form"),
        (1, [{"type": "magnet", "heading": "x"}], "choose an active one for the page"),
        (1, [{"type": "hero"}], "“Headline” is needed"),
    ):
        PageVariant.objects.update(weight=weight, blocks=blocks)
        guide.refresh_from_db()
        assert any(said in problem for problem in publishing.problems_of(guide)), said
    magnet = Magnet.objects.create(slug="m", name="M", file="magnets/m.pdf", created_at=NOON)
    LandingPage.objects.update(magnet=magnet, form=Form.objects.get())
    guide.refresh_from_db()
    PageVariant.objects.update(blocks=[{"type": "magnet", "heading": "x"}])
    assert publishing.problems_of(guide) == ["Variant a: It promises “M”, and the form “Guide-Form” does not give it to people."]  # fmt: skip  # noqa: E501


def test_the_verdict_waits_for_enough_and_then_names_the_winner(guide: LandingPage) -> None:
    assert "nothing to compare" in results.verdict(results.of_page(guide))
    made = publishing.duplicate(PageVariant.objects.get(), name="Short headline", now=NOON)
    assert (made.key, made.weight, made.blocks) == ("b", 0, BLOCKS)
    PageVariant.objects.update(weight=50)

    def visits(key: str, people: int, did: int) -> None:
        variant = PageVariant.objects.get(key=key)
        PageVisit.objects.bulk_create(
            PageVisit(variant=variant, browser=f"{key}{n}", first_at=NOON, converted_at=NOON if n < did else None)
            for n in range(people)
        )

    visits("a", 400, 20)
    assert results.verdict(results.of_page(guide)) == "Too early to say: b had fewer than 100 visitors."
    visits("b", 400, 60)
    found = results.of_page(guide)
    assert [(each.arm.people, each.arm.conversions) for each in found] == [(400, 20), (400, 60)]
    assert results.verdict(found).startswith("b wins: 15.0 % of 400 people against 5.0 % of 400 with a")
    html = staff.colleague("marketer").get(f"/admin/leads/landingpage/{guide.pk}/change/").content.decode()
    assert "b wins: 15.0 %" in html
    assert "Short headline" in html


def page_file(**changes: Any) -> dict[str, Any]:
    page = {"slug": "new", "name": "New", "title": "New", "variants": [{"key": "a", "blocks": BLOCKS[:2]}]}
    return {"kind": "pages", "version": 1, "pages": [{**page, **changes}]}


def test_pages_load_once_and_what_a_marketer_changed_stays(db: None) -> None:
    plain = [{"key": "a", "blocks": [{"type": "text", "body": "Hello"}]}]
    first = load_pages(page_file(published=True, variants=plain), now=NOON)
    assert first.created == ("new",)
    assert LandingPage.objects.get().is_published
    LandingPage.objects.update(title="Mine")
    assert load_pages(page_file(variants=plain), now=NOON).kept == ("new",)
    assert LandingPage.objects.get().title == "Mine"
    load_pages(page_file(variants=plain), now=NOON, update=True)
    assert LandingPage.objects.get().title == "New"
    assert PageVariant.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"variants": []}, "pages[0].variants: a page has at least one variant"),
        ({"variants": [{"key": "A!", "blocks": []}]}, "pages[0].variants[0].key: Lower-case letters"),
        ({"variants": [{"key": "a", "blocks": [{"type": "x"}]}]}, "pages[0].variants[0].blocks: Block 1, type"),
        ({"form": "nowhere"}, "pages[0].form: there is no form 'nowhere'"),
        ({"published": True}, "pages[0].published: Variant a: A button leads to the form"),
        ({"colour": "red"}, "pages[0].colour: not known here"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PlaybookError, match=re.escape(said)):
        load_pages(page_file(**changes), now=NOON)
    assert not LandingPage.objects.exists()
    assert not Lead.objects.exists()
