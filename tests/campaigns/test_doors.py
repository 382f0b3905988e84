"""The doors behind the links in a mail: clicks and opens, judged human or machine. Opting out has its own story."""

import pytest

from campaigns.models import Hit
from leads.models import Event, Lead
from lifecycle.core import tokens
from tests.cast import ADA, FIREFOX, World, links, path_of
from tests.factories import NOON

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

APPLE_PROXY = "Mozilla/5.0"
GOOGLE_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"


def mailed(world: World) -> Lead:
    """Ada, after her first mail."""
    ada = world.submit("contact", **ADA)
    world.run()
    return ada


def clicks(lead: Lead) -> list[bool]:
    events = Event.objects.filter(lead=lead, kind="email.clicked").order_by("pk")
    return [properties["human"] for properties in events.values_list("properties", flat=True)]


def test_a_click_leads_where_the_mail_said_and_scores_five(world: World) -> None:
    ada = mailed(world)
    before = ada.intent_score
    world.later(minutes=5)
    answer = world.follow(links(world.mails_to(ada)[0])[0])
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://calendly.com/your-company/demo?utm_source=lifecycle&")
    ada.refresh_from_db()
    assert ada.intent_score == before + 5
    assert clicks(ada) == [True]


def test_clicking_twice_scores_once(world: World) -> None:
    ada = mailed(world)
    url = links(world.mails_to(ada)[0])[0]
    for minutes in (5, 6):
        world.set_clock(NOON)
        world.later(minutes=minutes)
        assert world.follow(url).status_code == 302
    ada.refresh_from_db()
    assert ada.intent_score == 15
    assert Hit.objects.filter(verdict="human").count() == 2


def test_at_most_three_clicks_a_week_score(world: World) -> None:
    """Five mails within a week, each clicked; then one in the week after."""
    ada = mailed(world)
    world.tell(ada, "api.key_created")
    for hours, kind in ((0, "docs.downloaded"), (0, "checkout.abandoned"), (1, ""), (24, ""), (72, "")):
        world.at(hours=hours)
        if kind:
            world.tell(ada, kind)
    world.at(hours=72, minutes=5)
    assert len(world.mails_to(ada)) == 5
    ada.refresh_from_db()
    before = ada.intent_score
    for mail in world.mails_to(ada):
        world.later(minutes=1)
        world.follow(links(mail)[0])
    assert clicks(ada) == [True] * 5
    ada.refresh_from_db()
    rows = ada.score_entries.filter(rule__slug="email-clicked")
    assert rows.count() <= 3
    assert ada.intent_score <= before + 15


@pytest.mark.parametrize(
    ("seconds", "agent", "why"),
    [
        (0.5, FIREFOX, "at the moment of delivery"),
        (300, SCANNER, "a known scanner or proxy"),
        (300, GOOGLE_PROXY, "a known scanner or proxy"),
        (300, APPLE_PROXY, "Apple's privacy proxy"),
    ],
)
def test_a_machine_is_redirected_and_does_not_count(world: World, seconds: float, agent: str, why: str) -> None:
    ada = mailed(world)
    before = ada.score
    world.later(seconds=seconds)
    answer = world.follow(links(world.mails_to(ada)[0])[0], **{"user-agent": agent})
    assert answer.status_code == 302
    assert clicks(ada) == [False]
    assert Hit.objects.get().reason == why
    ada.refresh_from_db()
    assert ada.score == before


def test_asking_for_the_headers_only_does_not_count(world: World) -> None:
    ada = mailed(world)
    world.later(minutes=5)
    assert world.browser.head(path_of(links(world.mails_to(ada)[0])[0])).status_code == 302
    assert clicks(ada) == [False]


def test_a_person_after_a_scanner_still_counts(world: World) -> None:
    ada = mailed(world)
    url = links(world.mails_to(ada)[0])[0]
    world.later(seconds=0.2)
    world.follow(url)
    world.later(minutes=5)
    world.follow(url)
    assert clicks(ada) == [False, True]
    ada.refresh_from_db()
    assert ada.intent_score == 15


def test_an_open_is_noted_and_weighs_nothing(world: World) -> None:
    ada = mailed(world)
    before = ada.score
    world.later(minutes=5)
    for agent in (FIREFOX, APPLE_PROXY):
        answer = world.browser.get(pixel(world, ada), headers={"user-agent": agent})
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
        assert "no-store" in answer["Cache-Control"]
    assert list(Hit.objects.order_by("pk").values_list("kind", "verdict")) == [("open", "human"), ("open", "machine")]
    ada.refresh_from_db()
    assert ada.score == before


def pixel(world: World, lead: Lead) -> str:
    message = lead.messages.get()
    path = f"/o/{tokens.open_token(message.pk)}.gif"
    assert path in world.mails_to(lead)[0].html
    return path


def test_a_forged_link_leads_nowhere_and_a_forged_pixel_is_still_a_pixel(world: World) -> None:
    ada = mailed(world)
    message = ada.messages.get()
    good = tokens.click_token(message.pk, 0)
    for bad in (good[:-1] + ("A" if good[-1] != "A" else "B"), "x", tokens.click_token(message.pk, 99), "é"):
        assert world.browser.get(f"/c/{bad}").status_code == 404
    assert world.browser.get(f"/c/{tokens.open_token(message.pk)}").status_code == 404
    assert world.browser.get("/o/nonsense.gif")["Content-Type"] == "image/gif"
    assert world.browser.post(f"/c/{good}").status_code == 405
    assert not Hit.objects.exists()
