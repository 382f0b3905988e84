"""What mail providers report through Anymail's signal: stored once, acted on at once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from anymail.signals import AnymailTrackingEvent, tracking

from campaigns.models import Message, ProviderEvent, Suppression
from campaigns.sending import outbox, settling
from campaigns.sending.delivery.contract import Outcome, Receipt
from tests.cast import ADA, World, kinds, letters, messages, run_of
from tests.factories import NOON, LeadFactory
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def report(kind: str, message: Message, **facts: Any) -> None:
    """As Anymail's webhook view sends it after checking the signature."""
    told = {
        "event_type": kind,
        "recipient": message.lead.email,
        "timestamp": NOON + timedelta(seconds=9),
        "message_id": "provider-7",
        "metadata": {"message_key": message.key},
        **facts,
    }
    tracking.send(sender=None, event=AnymailTrackingEvent(**told), esp_name="Postmark")


def test_a_hard_bounce_blocks_the_address_for_everything_and_ends_the_nurture(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    world.later(minutes=1)
    report("bounced", ada.messages.get(), reject_reason="bounced", event_id="e1")
    assert Suppression.objects.get().scope == "everything"
    assert run_of(ada, "demo-nurture").exit_reason == "hard bounce"
    world.tell(ada, "purchase.completed")
    for day in (1, 7, 16):
        world.at(days=day)
    assert len(world.mails_to(ada)) == 1
    assert "email.bounced" in kinds(ada)
    assert {state for _, state, _ in messages(ada)} <= {"sent", "suppressed", "canceled"}


def test_a_complaint_blocks_everything_and_counts_once_however_often_it_is_told(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    world.later(minutes=1)
    for _ in range(3):
        report("complained", ada.messages.get(), event_id=None)
    assert ProviderEvent.objects.count() == 1
    assert Suppression.objects.get().reason == "complaint"
    assert kinds(ada).count("email.complained") == 1
    assert run_of(ada, "demo-nurture").exit_reason == "complaint"


def test_a_full_mailbox_says_nothing_about_the_address(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    report("bounced", ada.messages.get(), reject_reason="timed_out")
    report("deferred", ada.messages.get())
    assert not Suppression.objects.exists()
    assert run_of(ada, "demo-nurture").state == "active"


def test_an_opt_out_at_the_provider_is_an_opt_out_here(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    report("unsubscribed", ada.messages.get())
    assert Suppression.objects.get().scope == "marketing"
    assert run_of(ada, "demo-nurture").exit_reason == "unsubscribed"


def test_a_delivery_report_resolves_a_mail_whose_fate_was_unknown(world: World, smtp_server: SmtpServer) -> None:
    ann = LeadFactory(email="ann@example.com")
    (mail,) = letters([ann])
    smtp_server.script("ann@example.com", reset="accepted", times=1)
    world.run()
    mail.refresh_from_db()
    assert mail.state == "unknown"
    report("delivered", mail)
    mail.refresh_from_db()
    assert (mail.state, mail.reason, mail.sent_at) == ("sent", "", NOON + timedelta(seconds=9))
    assert outbox.requeue([mail.pk], now=NOON) == 0
    assert "email.delivered" in kinds(ann)


def test_a_report_about_nobody_we_know_is_stored_and_harmless(world: World) -> None:
    event = AnymailTrackingEvent(event_type="complained", recipient="who@example.net", message_id="?", timestamp=None)
    tracking.send(sender=None, event=event, esp_name="Brevo")
    assert ProviderEvent.objects.get().message is None
    stranger = world.submit("contact", email="who@example.net")
    world.run()
    assert world.mails_to(stranger) == []


def test_one_report_of_two_people_blocks_both(world: World) -> None:
    """Amazon SES gives one id to what it tells of several."""
    for address in ("ann@example.net", "bob@example.net"):
        event = AnymailTrackingEvent(event_type="complained", recipient=address, event_id="sns-1", timestamp=NOON)
        tracking.send(sender=None, event=event, esp_name="Amazon SES")
    assert Suppression.objects.count() == 2


def test_a_delivery_told_before_the_fate_was_lost_resolves_it_too(world: World) -> None:
    """The server took the mail and hung: the provider tells of it while we still wait for its answer."""
    hung, died = letters([LeadFactory(), LeadFactory()])
    token, long_ago = UUID(int=1), NOON - timedelta(days=9)
    handed = Message.objects.filter(pk__in=[hung.pk, died.pk])
    handed.update(state="sending", lease_token=token, lease_until=long_ago, handed_at=NOON)
    for mail in (hung, died):
        report("delivered", mail)
    settling.settle_and_hand(token, [Receipt(hung.pk, Outcome.UNKNOWN, detail="read timeout")], [], now=NOON)
    settling.expire(now=NOON)
    assert set(handed.values_list("state", "reason", "sent_at")) == {("sent", "", NOON + timedelta(seconds=9))}
