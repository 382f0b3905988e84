import email
import email.policy

import pytest
from django.core.mail import EmailMultiAlternatives, send_mail

from campaigns.models import MailboxMail
from campaigns.sending.delivery import Outcome, open_transport
from campaigns.sending.delivery.preview import MailboxTransport
from tests.campaigns.outgoing import outgoing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mailbox(settings):
    settings.MAIL = {"transport": "mailbox"}
    settings.EMAIL_BACKEND = "campaigns.sending.delivery.preview.MailboxBackend"


def test_a_mail_stays_here_as_it_would_have_left():
    transport = open_transport()
    assert isinstance(transport, MailboxTransport)
    batch = [outgoing(None), outgoing(None, "nobody"), outgoing(None, "bob@example.com", subject="Grüße\r\nx")]
    receipts = transport.deliver(batch)
    transport.close()
    assert [receipt.outcome for receipt in receipts] == [Outcome.SENT, Outcome.REJECTED, Outcome.SENT]
    first, second = MailboxMail.objects.order_by("id")
    assert (first.to_email, first.subject, first.sent_at) == ("ann@example.com", "Your first week", batch[0].date)
    assert second.subject == "Grüße x"
    message = email.message_from_bytes(bytes(first.raw), policy=email.policy.default)
    assert message["Message-ID"] == "<None.welcome@lifecycle.test>"
    assert message.get_body(("html",)).get_content().strip() == "<p>Hello Ann</p>"


def test_djangos_own_mail_lands_here_too():
    assert send_mail("Password reset", "Click", "app@acme.test", ["Ann <ann@example.com>", "bob@example.com"]) == 1
    message = EmailMultiAlternatives("With HTML", "text", "app@acme.test", ["cleo@example.com"])
    message.attach_alternative("<b>html</b>", "text/html")
    message.send()
    assert sorted(MailboxMail.objects.values_list("to_email", "subject")) == [
        ("ann@example.com", "Password reset"),
        ("bob@example.com", "Password reset"),
        ("cleo@example.com", "With HTML"),
    ]
