"""Holding what is sent, from the admin: a whole sequence, a single mail, a sender account."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import actions
from campaigns.models import Message, SenderAccount, Sequence, SequenceChange
from campaigns.running import pausing
from leads.models import Workspace
from lifecycle.core import clock
from tests import staff
from tests.campaigns.sequences import enrolled, live
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return Workspace.load()


@pytest.fixture
def sequence() -> Sequence:
    made = live("drip", steps=[{"id": "one", "send": "one"}])
    for lead in LeadFactory.create_batch(2):
        enrolled(made, lead)
    return made


def url(sequence: Sequence, verb: str) -> str:
    return reverse(f"admin:campaigns_sequence_{verb}", args=[sequence.pk])


def said(client: Client, sequence: Sequence, verb: str, **answers: str) -> str:
    """Confirm the dialog; what the next page says."""
    answer = client.post(url(sequence, verb), {"_form_submitted": "on", **answers})
    return client.get(answer.headers["HX-Redirect"]).content.decode()


def test_a_question_says_whom_it_touches_and_the_answer_is_noted(sequence: Sequence) -> None:
    client = staff.colleague("marketer")
    assert "2 people are inside" in client.get(url(sequence, "freeze")).content.decode()
    page = said(client, sequence, "freeze", reason="Wrong prices in it")
    assert "Everything stands still" in page
    assert "Frozen" in page
    line = SequenceChange.objects.filter(sequence=sequence).first()
    assert line is not None
    assert (line.action, line.actor, line.reason) == ("frozen", staff.of(client), "Wrong prices in it")


def test_resuming_asks_how_only_where_something_stood_still(sequence: Sequence) -> None:
    client = staff.colleague("marketer")
    actions.pause(sequence, now=NOON)
    assert "How people go on" not in client.get(url(sequence, "resume")).content.decode()
    said(client, sequence, "resume")
    actions.freeze(sequence, now=clock.now() - timedelta(days=2))
    shown = client.get(url(sequence, "resume")).content.decode()
    assert "How people go on" in shown
    assert "2 steps and" in shown
    assert "It goes on. (2 people)" in said(client, sequence, "resume", how="skip_late")
    line = SequenceChange.objects.filter(sequence=sequence).first()
    assert line is not None
    assert line.detail["how"] == "skip_late"


def test_a_way_that_nobody_offered_is_refused(sequence: Sequence) -> None:
    client = staff.colleague("marketer")
    actions.freeze(sequence, now=NOON)
    answer = client.post(url(sequence, "resume"), {"_form_submitted": "on", "how": "somehow"})
    assert answer.status_code == 200
    assert "not one of the available choices" in answer.content.decode()


def test_a_verb_that_came_too_late_says_so(sequence: Sequence) -> None:
    client = staff.colleague("marketer")
    actions.stop(sequence, now=NOON)
    assert "Nothing changed: the sequence is stopped." in said(client, sequence, "drain")


@pytest.mark.parametrize("verb", ["pause", "freeze", "resume", "drain", "stop"])
def test_sales_may_not_hold_sequences(sequence: Sequence, verb: str) -> None:
    assert staff.colleague("sales").post(url(sequence, verb), {"_form_submitted": "on"}).status_code == 403


def test_a_single_mail_is_held_and_let_go() -> None:
    lead = LeadFactory.create()
    mail = staff.message(lead, "one:1", sequence=staff.sequence(), state="ready", sent_at=None, settled_at=None)
    client = staff.colleague("marketer")
    page = reverse("admin:campaigns_message_changelist")
    for action, held, reason in (("hold", True, pausing.HELD_BY_HAND), ("let_go", False, "")):
        client.post(page, {"action": action, "_selected_action": [mail.pk]})
        found = Message.objects.get(pk=mail.pk)
        assert (found.is_held, found.reason) == (held, reason)


def test_a_block_of_a_sender_account_is_shown_and_lifted() -> None:
    account = SenderAccount.objects.create(
        name="smtp.example.com",
        per_second=10,
        blocked_until=clock.now() + timedelta(hours=1),
        blocked_reason="421 4.7.0 too many mails",
    )
    client = staff.colleague("marketer")
    listed = client.get(reverse("admin:campaigns_senderaccount_changelist")).content.decode()
    assert "10 a second" in listed
    assert "Waits until" in listed
    change = reverse("admin:campaigns_senderaccount_change", args=[account.pk])
    assert "421 4.7.0 too many mails" in client.get(change).content.decode()
    answer = client.post(reverse("admin:campaigns_senderaccount_lift", args=[account.pk]), {"_form_submitted": "on"})
    assert "Mails leave again." in client.get(answer.headers["HX-Redirect"]).content.decode()
    account.refresh_from_db()
    assert account.blocked_until is None


def test_a_limit_is_set_in_the_admin() -> None:
    account = SenderAccount.objects.create(name="smtp.example.com")
    client = staff.colleague("marketer")
    change = reverse("admin:campaigns_senderaccount_change", args=[account.pk])
    assert client.post(change, {"per_second": "0", "burst": "5"}).status_code == 200, "a limit of nothing is a mistake"
    assert client.post(change, {"per_second": "2.5", "burst": "5"}).status_code == 302
    account.refresh_from_db()
    assert (account.per_second, account.burst) == (2.5, 5)
