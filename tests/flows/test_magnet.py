"""A landing page, its form, the button on the thanks, the mail, the download, and what the download starts."""

import re
from html import unescape
from typing import Any

import pytest

from leads.models import Event, Lead, Magnet, PageVisit
from tests.cast import FIREFOX, World, kinds, links, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def ask(world: World, email: str = "ada@acme.com", **query: str) -> str:
    """Open the landing page, send its form, and read the thanks; the path of their button."""
    page = world.browser.get("/p/checklist", query).content.decode()
    action = unescape(re.findall(r'<form action="([^"]+)"', page)[0])
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    sent = {name: unescape(value) for name, value in found} | {"email": email, "first_name": "Ada"}
    world.later(seconds=20)  # nobody types an address in no time
    answer = world.browser.post(action, sent, headers={"Accept": "text/html"})
    assert answer.status_code == 303, answer.content.decode()
    thanks = world.browser.get(answer["Location"]).content.decode()
    assert "Here is your checklist" in thanks
    return unescape(re.findall(r'href="(/f/[^"]+)"', thanks)[0])


def file_link(world: World, at: int) -> str:
    found = [mail for mail in world.mails_to(Lead.objects.get()) if mail.subject.startswith("Your file")]
    return next(link for link in links(found[at]) if "/f/" in link)


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def test_from_the_ad_to_the_file_by_the_button_and_by_mail(world: World) -> None:
    button = ask(world, utm_source="google", utm_campaign="spring", gclid="abc")
    ada = Lead.objects.get()
    assert (ada.stage, ada.form_source) == ("mql", "checklist")
    assert ada.original_touch is not None
    assert (ada.original_touch.campaign, ada.original_touch.click_ids) == ("spring", {"gclid": "abc"})
    assert PageVisit.objects.exclude(converted_at=None).count() == 1
    assert body(world.browser.get(button)).startswith(b"%PDF-")
    world.run()
    mail = world.mails_to(ada)[0]
    assert mail.subject == "Your file: The demo-to-customer checklist"
    assert "List-Unsubscribe" not in mail.message  # what somebody asked for is no marketing
    world.later(hours=2)
    answer = world.follow(file_link(world, 0))
    assert 'filename="Demo-to-customer checklist.pdf"' in answer["Content-Disposition"]
    assert body(answer).startswith(b"%PDF-")
    assert kinds(ada).count("magnet.downloaded") == 2
    assert Magnet.objects.get().downloads == 2


def test_each_request_brings_a_fresh_link_by_mail(world: World) -> None:
    ask(world)
    world.run()
    world.at(days=20)
    ask(world)
    world.run()
    old, new = file_link(world, 0), file_link(world, 1)
    assert world.follow(old).status_code == 410
    assert "Get a fresh link" in world.follow(old).content.decode()
    assert world.follow(new).status_code == 200


def test_a_download_may_mean_more(world: World) -> None:
    """A magnet of the documentation: the download itself starts the deep dive, and a scanner's does not."""
    Magnet.objects.update(event_kind="docs.downloaded")
    button = ask(world)
    ada = Lead.objects.get()
    world.browser.get(button, headers={"user-agent": "Barracuda Sentinel"})
    assert "docs.downloaded" not in kinds(ada)
    assert not ada.enrollments.filter(sequence__slug="api-deep-dive").exists()
    world.browser.get(button, headers={"user-agent": FIREFOX})
    assert Event.objects.get(kind="docs.downloaded").properties["magnet"] == "demo-to-customer-checklist"
    assert run_of(ada, "api-deep-dive").state == "active"
