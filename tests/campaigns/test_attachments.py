"""What goes with a mail: named by its template, made for a batch at once, carried by every way out."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from django.core import mail as django_mail
from django.db import connection
from pytest_django import Settings

from campaigns import rendering
from campaigns.actions import publish_template
from campaigns.exchange import ImportRefused, export_sequence, import_sequence
from campaigns.models import EmailTemplate, MailboxMail, Message
from campaigns.sending import attachments, claiming, outbox
from campaigns.sending.attachments import Attachment, Wanted
from campaigns.sending.delivery import open_transport
from campaigns.sending.delivery.esp import AnymailTransport, anymail_message
from leads.models import Lead
from tests import staff
from tests.campaigns.outgoing import outgoing
from tests.campaigns.sequences import count_queries, live, people, template
from tests.factories import NOON
from tests.smtp_server import SmtpServer

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n" + bytes(range(256))
INVITE = Attachment("invite.ics", "text/calendar", "BEGIN:VCALENDAR\r\nSUMMARY:Größe\r\n".encode(), "REQUEST")
Make = Callable[[Sequence[Wanted], datetime], Sequence[Attachment | None]]


class Maker:
    """Makes a file for everybody, remembers what it was asked, and fails on request."""

    def __init__(self) -> None:
        self.asked: list[list[Wanted]] = []
        self.without: set[int] = set()
        self.fails_for: set[int] = set()

    def __call__(self, wanted: Sequence[Wanted], now: datetime) -> list[Attachment | None]:
        self.asked.append(list(wanted))
        with connection.cursor() as cursor:
            broken = any(one.lead_id in self.fails_for for one in wanted)
            cursor.execute("SELECT 1 / 0" if broken else "SELECT 1")
        return [None if one.lead_id in self.without else self._file(one) for one in wanted]

    def _file(self, one: Wanted) -> Attachment:
        return Attachment(f"{one.event.get('form', 'none')}.pdf", "application/pdf", PDF)


@pytest.fixture
def maker() -> Iterator[Maker]:
    made = Maker()
    attachments.register("the-guide", "The guide", made)
    yield made
    del attachments._kinds["the-guide"]


def with_guide(**changes: object) -> dict[str, object]:
    return {"templates": [template("hello", attachment="the-guide", **{"class": "transactional"})], **changes}


def queued(count: int, *, slug: str = "hello") -> list[Lead]:
    leads, mail = people(count), EmailTemplate.objects.get(slug=slug)
    context = {"event": {"form": "checklist"}}
    drafts = [outbox.Draft(f"{slug}:{lead.pk}", lead.pk, mail.pk, context=context) for lead in leads]
    assert outbox.queue(drafts, now=NOON) == count
    return leads


def states() -> list[tuple[str, str]]:
    return list(Message.objects.order_by("pk").values_list("state", "reason"))


def files_of(message: EmailMessage) -> list[tuple[str, str, bytes]]:
    return [
        (str(part.get_filename()), part.get_content_type(), part.get_payload(decode=True))
        for part in message.iter_attachments()
    ]


# --- made for a batch


def test_the_maker_is_asked_once_for_all_that_want_it(maker: Maker) -> None:
    live(**with_guide())
    live("plain", steps=[{"id": "plain", "send": "plain"}])
    leads, others = queued(5), queued(3, slug="plain")
    maker.without = {leads[1].pk}
    claim = claiming.claim(limit=50, now=NOON)
    (asked,) = maker.asked
    assert {one.lead_id for one in asked} == {lead.pk for lead in leads}
    assert asked[0].event == {"form": "checklist"}
    files = {mail.key: mail.attachments for mail in claim.mails}
    assert len(files) == 8
    assert files[f"hello:{leads[0].pk}"] == (Attachment("checklist.pdf", "application/pdf", PDF),)
    assert files[f"hello:{leads[1].pk}"] == ()
    assert files[f"plain:{others[0].pk}"] == ()


def test_it_costs_what_the_maker_asks_and_nothing_where_nothing_goes_along(maker: Maker) -> None:
    live(**with_guide())
    live("plain", steps=[{"id": "plain", "send": "plain"}])
    counts: dict[str, list[int]] = {}
    for slug in ("plain", "hello"):
        queued(1, slug=slug)
        claiming.claim(limit=50, now=NOON)  # reads the template, once for ever
        for size in (2, 9):
            queued(size, slug=slug)
            with count_queries() as queries:
                claiming.claim(limit=50, now=NOON)
            counts.setdefault(slug, []).append(len(queries))
    few, many = counts["plain"]
    assert few == many
    asks = 3 - 1  # the maker's one query in a savepoint; transactional mail has no cap to look at
    assert counts["hello"] == [many + asks] * 2


def test_one_mail_that_cannot_be_made_costs_no_other(maker: Maker) -> None:
    live(**with_guide())
    leads = queued(4)
    maker.fails_for = {leads[2].pk}
    claim = claiming.claim(limit=50, now=NOON)
    assert len(claim.mails) == 3
    assert all(mail.attachments for mail in claim.mails)
    (lost,) = Message.objects.filter(state="failed")
    assert (lost.lead_id, lost.reason) == (leads[2].pk, "render: attachment: the-guide failed with DataError")


def test_what_nobody_makes_any_more_fails_with_its_name(maker: Maker) -> None:
    live(**with_guide())
    queued(1)
    kind = attachments._kinds.pop("the-guide")
    claiming.claim(limit=50, now=NOON)
    attachments._kinds["the-guide"] = kind
    ((state, reason),) = states()
    assert state == "failed"
    assert "there is nothing called 'the-guide' to go with a mail" in reason


# --- named by the template


def test_a_file_says_what_goes_along_and_exports_it(maker: Maker) -> None:
    live(**with_guide())
    version = EmailTemplate.objects.get(slug="hello").current_version
    assert version is not None
    assert version.source["attachment"] == "the-guide"
    exported = export_sequence("welcome")
    assert "attachment: the-guide" in exported
    import_sequence(exported, now=NOON, publish=True)
    assert EmailTemplate.objects.get(slug="hello").current_version == version


def test_an_unknown_name_is_refused_with_its_place(maker: Maker) -> None:
    with pytest.raises(ImportRefused) as refused:
        live(templates=[template("hello", attachment="the-guid")])
    says = "templates[0] (hello).attachment: there is nothing called 'the-guid' to go with a mail; known: "
    assert str(refused.value).startswith(says)
    assert "the-guide" in str(refused.value)
    assert not EmailTemplate.objects.exists()


def test_publishing_refuses_it_too_and_another_choice_is_another_version(maker: Maker) -> None:
    live()
    mail = EmailTemplate.objects.get(slug="hello")
    mail.attachment = "gone"
    with pytest.raises(rendering.TemplateProblems, match="attachment: there is nothing called 'gone'"):
        publish_template(mail, now=NOON)
    mail.attachment = "the-guide"
    mail.save()
    assert publish_template(mail, now=NOON).number == 2
    assert publish_template(mail, now=NOON).number == 2


def test_a_version_from_before_there_were_attachments_is_no_older_than_its_draft() -> None:
    live()
    mail = EmailTemplate.objects.select_related("current_version").get(slug="hello")
    version = mail.current_version
    assert version is not None
    del version.source["attachment"]
    assert version.says(mail)
    mail.attachment = "the-guide"
    assert not version.says(mail)


def test_the_admin_offers_what_there_is(maker: Maker) -> None:
    live()
    mail = EmailTemplate.objects.get(slug="hello")
    page = staff.colleague("marketer").get(f"/admin/campaigns/emailtemplate/{mail.pk}/change/").content.decode()
    assert '<option value="the-guide">The guide</option>' in " ".join(page.split())
    assert '<option value="calendar-invite">' in page
    assert "Goes with the mail" in page


# --- carried


def test_over_smtp_the_file_arrives_byte_for_byte(maker: Maker, smtp_server: SmtpServer, settings: Settings) -> None:
    settings.MAIL = smtp_server.settings
    live(**with_guide())
    queued(3)
    transport = open_transport()
    counts = outbox.send(transport, now=NOON)
    transport.close()
    assert counts.sent == 3
    for mail in smtp_server.mails:
        assert files_of(mail.message) == [("checklist.pdf", "application/pdf", PDF)]
        assert "Hello" in mail.html


def test_a_provider_gets_an_invitation_as_a_file_that_names_its_method() -> None:
    transport = AnymailTransport("anymail.backends.test.EmailBackend", threads=1)
    pdf = Attachment("guide.pdf", "application/pdf", PDF)
    transport.deliver([outgoing(7, attachments=(INVITE, pdf)), outgoing(8)])
    transport.close()
    with_files, without = django_mail.outbox
    invite, guide = with_files.anymail_test_params["attachments"]
    assert (invite.name, invite.mimetype) == ("invite.ics", "text/calendar")
    assert invite.content_type == "text/calendar; method=REQUEST; charset=utf-8"
    assert invite.content_bytes == INVITE.content
    assert (guide.name, guide.content_type, guide.content_bytes) == ("guide.pdf", "application/pdf", PDF)
    assert not without.anymail_test_params.get("attachments")


@pytest.mark.parametrize("provider", ["postmark", "sendgrid", "brevo", "resend", "mailgun", "mailjet", "sparkpost"])
def test_every_provider_takes_an_invitation(provider: str, settings: Settings) -> None:
    """What would be posted, up to the door: no provider's own rules about files refuse it."""
    settings.ANYMAIL = {
        f"{provider.upper()}_{name}": "x" for name in ("API_KEY", "SERVER_TOKEN", "SECRET_KEY", "SENDER_DOMAIN")
    }
    backend = django_mail.get_connection(f"anymail.backends.{provider}.EmailBackend")
    message = esp_message(INVITE)
    payload = backend.build_message_payload(message, backend.send_defaults)
    said = repr((payload.data, getattr(payload, "files", "")))
    assert "invite.ics" in said


def esp_message(*files: Attachment) -> EmailMessage:
    return anymail_message(outgoing(7, attachments=files))


def test_the_local_mailbox_keeps_it_to_download(maker: Maker, settings: Settings) -> None:
    settings.MAIL = {"transport": "mailbox"}
    live(**with_guide())
    queued(1)
    transport = open_transport()
    outbox.send(transport, now=NOON + timedelta(minutes=1))
    kept = MailboxMail.objects.get()
    colleague = staff.colleague("sales")
    page = colleague.get(f"/mailbox/{kept.pk}/").content.decode()
    assert "checklist.pdf" in page
    answer = colleague.get(f"/mailbox/{kept.pk}/files/1/")
    assert answer.content == PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="checklist.pdf"'
    assert colleague.get(f"/mailbox/{kept.pk}/files/2/").status_code == 404
    assert colleague.get(f"/mailbox/{kept.pk}/files/0/").status_code == 404
