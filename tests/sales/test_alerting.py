"""Alerts on their way to the rep, over a real SMTP server: at least once, and no bad one holds up the others."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage

from leads.models import Workspace
from lifecycle.sales.alerting import BACKOFF, LEASE, MOST_ATTEMPTS, message, send_alerts
from lifecycle.sales.models import Alert
from tests.factories import NOON, LeadFactory
from tests.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def by_smtp(settings: Any, smtp_server: SmtpServer) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = smtp_server.host, smtp_server.port
    settings.EMAIL_TIMEOUT = 5
    settings.SITE_URL = "https://crm.example.com"
    Workspace.load()


def alert(to: str = "ann@example.com", **columns: Any) -> Alert:
    values: dict[str, Any] = {
        "key": f"event:{Alert.objects.count() + 1}",
        "lead": columns.pop("lead", None) or LeadFactory.create(),
        "kind": "hot",
        "headline": "Hot lead: Ada Ash, Acme, score 83",
        "reasons": ["Watched the demo (+25)"],
        "to_email": to,
        "created_at": NOON,
        "due_at": NOON,
        **columns,
    }
    return Alert.objects.create(**values)


def of(one: Alert) -> tuple[str, int, str]:
    one.refresh_from_db()
    return one.state, one.attempts, one.detail


def test_a_rep_reads_who_why_and_where(smtp_server: SmtpServer) -> None:
    lead = LeadFactory.create(ada=True, phone="+49 30 1", fit_score=55, intent_score=28, score=83, stage="sql")
    sent = alert(lead=lead)
    assert send_alerts(now=NOON) == 1
    (mail,) = smtp_server.wait_for(1)
    assert (mail.recipient, mail.subject) == ("ann@example.com", "Hot lead: Ada Ash, Acme, score 83")
    for part in (mail.text, mail.html):
        for said in ("ada@acme.com", "Head of Marketing", "+49 30 1", "83", "Watched the demo (+25)"):
            assert said in part
        assert f"https://crm.example.com/console/leads/{lead.pk}" in part
    sent.refresh_from_db()
    assert (sent.state, sent.sent_at, sent.attempts, sent.lease_token) == ("sent", NOON, 1, None)
    assert send_alerts(now=NOON) == 0
    assert len(smtp_server.mails) == 1


def test_what_a_lead_wrote_is_only_ever_data(smtp_server: SmtpServer) -> None:
    lead = LeadFactory.create(first_name="<script>x</script>", company_name="{{7*7}}", job_title="a\r\nBcc: eve@x.y")
    alert(lead=lead, headline="Hot lead: a\r\nBcc: eve@x.y, <b>", reasons=["<img src=x>"])
    assert send_alerts(now=NOON) == 1
    (mail,) = smtp_server.wait_for(1)
    assert mail.message["Bcc"] is None
    assert mail.subject == "Hot lead: a Bcc: eve@x.y, <b>"
    assert "<img src=x>" not in mail.html
    assert "{{7*7}}" in mail.html


def test_only_what_is_due_is_sent_and_the_oldest_first(smtp_server: SmtpServer) -> None:
    alert("late@example.com", due_at=NOON + timedelta(minutes=1))
    alert("second@example.com")
    alert("first@example.com", due_at=NOON - timedelta(minutes=1))
    assert send_alerts(now=NOON) == 2
    assert smtp_server.recipients == ["first@example.com", "second@example.com"]
    assert send_alerts(now=NOON + timedelta(minutes=1)) == 1


def test_one_refused_address_does_not_hold_up_the_others(smtp_server: SmtpServer) -> None:
    smtp_server.script("gone@example.com", rcpt="550 5.1.1 no such user")
    refused, other = alert("gone@example.com"), alert()
    assert send_alerts(now=NOON) == 1
    assert of(refused) == ("failed", 1, "SMTPRecipientsRefused")
    assert of(other)[0] == "sent"


def test_a_busy_server_is_asked_again_later_and_later(smtp_server: SmtpServer) -> None:
    smtp_server.script("ann@example.com", rcpt="451 4.7.1 try later", times=2)
    busy, now = alert(), NOON
    for attempt in (1, 2):
        assert send_alerts(now=now) == 0
        assert of(busy) == ("ready", attempt, "SMTPRecipientsRefused")
        assert busy.due_at == now + attempt * BACKOFF
        assert send_alerts(now=busy.due_at - timedelta(seconds=1)) == 0
        now = busy.due_at
    assert send_alerts(now=now) == 1
    assert of(busy) == ("sent", 3, "")


def test_after_the_last_attempt_it_is_said_to_have_failed(smtp_server: SmtpServer) -> None:
    smtp_server.script("ann@example.com", rcpt="451 4.7.1 try later")
    hopeless = alert(attempts=MOST_ATTEMPTS - 1)
    assert send_alerts(now=NOON) == 0
    assert of(hopeless) == ("failed", MOST_ATTEMPTS, "SMTPRecipientsRefused")


def test_a_server_that_is_down_costs_nobody_their_alert(settings: Any, smtp_server: SmtpServer) -> None:
    waiting = [alert(), alert()]
    settings.EMAIL_PORT = 1
    assert send_alerts(now=NOON) == 0
    assert [of(one)[::2] for one in waiting] == [("ready", "ConnectionRefusedError")] * 2
    settings.EMAIL_PORT = smtp_server.port
    assert send_alerts(now=NOON + BACKOFF) == 2


def test_a_connection_that_breaks_in_the_middle_is_opened_again(smtp_server: SmtpServer) -> None:
    smtp_server.script("one@example.com", reset="rcpt", times=1)
    for name in ("one", "two"):
        alert(f"{name}@example.com")
    now = NOON
    for _ in range(3):
        send_alerts(now=now)
        now += 2 * BACKOFF
    assert sorted(smtp_server.recipients) == ["one@example.com", "two@example.com"]
    assert set(Alert.objects.values_list("state", flat=True)) == {"sent"}


def test_an_alert_whose_sender_died_is_sent_again(smtp_server: SmtpServer) -> None:
    """Twice is better than not at all."""
    long_ago = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    died = alert(state="sending", lease_until=long_ago, lease_token="7" * 32, attempts=1)
    alive = alert("bob@example.com", state="sending", lease_until=datetime.max.replace(tzinfo=NOON.tzinfo))
    assert send_alerts(now=NOON) == 1
    assert of(died)[:2] == ("sent", 2)
    assert of(alive)[0] == "sending"
    assert timedelta(minutes=1) < LEASE


@pytest.mark.parametrize("address", ["", "ann@exam\nple.com", "a@b@c"])
def test_an_address_that_is_none_is_said_and_holds_up_nobody(smtp_server: SmtpServer, address: str) -> None:
    wrong, other = alert(address, due_at=NOON - timedelta(hours=1)), alert()
    assert send_alerts(now=NOON) == 1
    assert smtp_server.recipients == ["ann@example.com"]
    state, _, detail = of(wrong)
    assert state == "failed"
    assert detail
    assert of(other)[0] == "sent"


def test_the_mail_is_made_without_a_connection() -> None:
    made = message(alert(), "Acme")
    assert isinstance(made, EmailMessage)
    assert made.to == ["ann@example.com"]
