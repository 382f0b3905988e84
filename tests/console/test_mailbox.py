"""The mail that stays here: listed, opened, and never able to run anything."""

from email.message import EmailMessage

import pytest

from campaigns.models import MailboxMail
from tests import staff
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def kept(to: str = "ana@example.com", subject: str = "Hello", *, html: str = "<p>Hi <b>Ana</b></p>") -> MailboxMail:
    mail = EmailMessage()
    mail["To"], mail["Subject"], mail["X-Note"] = to, subject, "kept"
    mail.set_content("Hi Ana in text")
    mail.add_alternative(html, subtype="html")
    return MailboxMail.objects.create(to_email=to, subject=subject, raw=mail.as_bytes(), sent_at=NOON)


def test_listed_newest_first_and_searched():
    kept("ana@example.com", "First"), kept("bo@example.com", "Second")
    client = staff.colleague("sales")
    page = client.get("/mailbox/").content.decode()
    assert page.index("Second") < page.index("First")
    assert "First" not in client.get("/mailbox/", {"q": "bo@"}).content.decode()
    assert "Second" not in client.get("/mailbox/", {"q": "fir"}).content.decode()
    assert "No mail matches" in client.get("/mailbox/", {"q": "zzz", "before": "x"}).content.decode()


def test_one_mail_with_its_parts():
    mail = kept()
    page = staff.colleague("sales").get(f"/mailbox/{mail.pk}/").content.decode()
    assert "Hi Ana in text" in page
    assert "X-Note" in page
    assert "sandbox=" in page


def test_the_html_runs_nothing():
    mail = kept(html="<script>parent.alert(1)</script><p>Hi</p>")
    answer = staff.colleague("sales").get(f"/mailbox/{mail.pk}/html/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy


def test_raw_download_is_the_mail_byte_for_byte():
    mail = kept()
    answer = staff.colleague("sales").get(f"/mailbox/{mail.pk}/raw/")
    assert answer.content == bytes(mail.raw)
    assert answer.headers["Content-Disposition"].endswith('.eml"')


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe", b"Content-Type: text/html; charset=no-such\r\n\r\nhi \xe4", b"A: b\r\n\r\nx"]
)
def test_broken_mail_is_shown_all_the_same(raw):
    mail = MailboxMail.objects.create(to_email="x@example.com", raw=raw, sent_at=NOON)
    client = staff.colleague("sales")
    for path in ("", "html/", "raw/"):
        assert client.get(f"/mailbox/{mail.pk}/{path}").status_code == 200


def test_gone_once_a_mail_server_is_set(settings):
    settings.MAIL = {**settings.MAIL, "transport": "smtp"}
    assert staff.colleague("boss").get("/mailbox/").status_code == 404


def test_strangers_see_nothing(client):
    mail = kept()
    for path in ("", f"{mail.pk}/", f"{mail.pk}/html/", f"{mail.pk}/raw/"):
        assert client.get(f"/mailbox/{path}").status_code == 302
        assert staff.colleague("outsider").get(f"/mailbox/{path}").status_code == 302
