"""What people see and press, in a real browser, wide and narrow."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from campaigns.models import MailboxMail, Suppression, Topic
from leads.models import Lead
from lifecycle.core import tokens
from tests.factories import NOON, LeadFactory
from tests.staff import hot_lead

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a-long-password-for-tests"


def sign_in(page: Any, address: str, *, to: str, role: str = "sales") -> User:
    """Through the login form, as a person does."""
    user = User.objects.create_user("rita@example.com", "rita@example.com", PASSWORD, is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    page.goto(f"{address}/admin/login/?next={to}")
    page.fill("[name=username]", "rita@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    return user


def test_a_rep_takes_a_hot_lead_and_opens_it(live_server: Any, page: Any) -> None:
    lead = hot_lead(1)
    rita = sign_in(page, live_server.url, to="/console/")
    card = page.locator(".hot-card", has_text="Ana Silva1")
    assert "Looked at the prices ×3" in card.inner_text()
    card.get_by_role("button", name="Take it").click()
    page.wait_for_selector(".hot-card:has-text('rita@example.com')")
    assert Lead.objects.get(pk=lead.pk).owner == rita
    page.locator(".hot-card", has_text="Ana Silva1").get_by_role("link", name="Open").click()
    page.wait_for_url(f"**/console/leads/{lead.pk}")
    assert "50 to 500 employees" in page.inner_text("body")


def test_an_empty_queue_says_what_makes_a_lead_hot(live_server: Any, page: Any) -> None:
    sign_in(page, live_server.url, to="/console/")
    page.wait_for_selector("text=Nobody is hot right now")


def test_one_click_out_and_a_choice_of_topics(live_server: Any, page: Any) -> None:
    tips = Topic.objects.create(slug="tips", name="Tips", description="Short and useful.")
    Topic.objects.create(slug="news", name="News")
    lead = LeadFactory(email="ana@acme.com")
    page.goto(f"{live_server.url}/u/{tokens.unsubscribe_token(1, lead.address_hash)}")
    assert not Suppression.objects.exists()
    page.get_by_role("button", name="Unsubscribe").click()
    page.wait_for_selector("text=You are unsubscribed")
    assert Suppression.objects.get().scope == "marketing"
    page.get_by_role("link", name="Choose what you want").click()
    page.get_by_label("Tips").check()
    page.get_by_role("button", name="Save my choice").click()
    page.wait_for_selector("text=Saved")
    assert [each.topic_id == tips.pk for each in Suppression.objects.all()] == [False]


def test_the_local_mailbox_shows_a_mail_whose_scripts_do_not_run(live_server: Any, page: Any) -> None:
    raw = (
        b"From: a@example.com\r\nTo: ana@acme.com\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Good <b>news</b></p>"
        b"<script>alert(1)</script><img src=data:, onerror=alert(2)>"
    )
    kept = MailboxMail.objects.create(to_email="ana@acme.com", subject="Hello", raw=raw, sent_at=NOON)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    sign_in(page, live_server.url, to="/mailbox/", role="marketer")
    page.get_by_role("link", name="Hello").first.click()
    page.wait_for_url(f"**/mailbox/{kept.pk}/")
    assert "Good news" in page.frame_locator("iframe").locator("body").inner_text()
    assert not dialogs
