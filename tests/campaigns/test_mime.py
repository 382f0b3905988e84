import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import formataddr, parseaddr

import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.delivery.mime import UnsendableError, build, envelope_address, list_headers, one_line
from tests.campaigns.outgoing import outgoing

bodies = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=400)
lines = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=120).map(str.strip)


def parse(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def as_django_builds_it(mail) -> Message:
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        from_email=formataddr((mail.from_name, mail.from_email)),
        to=[formataddr((mail.to_name, mail.to_email))],
        reply_to=[mail.reply_to] if mail.reply_to else None,
        headers={"Message-ID": mail.message_id_header, **list_headers(mail)},
    )
    message.attach_alternative(mail.html, "text/html")
    return message.message()


@settings(max_examples=150, deadline=None)
@given(subject=lines, to_name=lines, from_name=lines, text=bodies.filter(bool), html=bodies, marketing=st.booleans())
@example("Plain", "Doe, Ann", 'The "A" team', "short\n.dot\n..two\n", "<p>" + "x" * 2_000 + "</p>", True)
@example("Grüße — 你好", "Zoë Łuk", "Ümlaut", "tab\t\ntrailing \n\n", "é" * 1_200, False)
@example("Encoded", "A", "B", "From here\n--=_boundary", "\0nul", True)
def test_it_says_what_django_would_say(subject, to_name, from_name, text, html, marketing):
    mail = outgoing(
        subject=subject, to_name=to_name, from_name=from_name, text=text, html=html, reply_to="reply@acme.test"
    )
    if not marketing:
        mail.unsubscribe_url = mail.unsubscribe_mailto = None
    ours = parse(build(mail))
    theirs = parse(as_django_builds_it(mail).as_bytes())

    for header in ("Reply-To", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version"):
        assert ours.get_all(header) == theirs.get_all(header), header
    assert decoded(ours, "Subject") == decoded(theirs, "Subject")
    for header in ("From", "To"):
        assert mailbox(ours, header) == mailbox(theirs, header), header
    assert ours.get_content_type() == theirs.get_content_type() == "multipart/alternative"
    assert [content(part) for part in ours.iter_parts()] == [content(part) for part in theirs.iter_parts()]
    assert not ours.defects


def raw_header(message: Message, name: str) -> str:
    # The new policy's parser puts a space between two encoded words of a display name (RFC 2047, 6.2 says none).
    [value] = [value for key, value in message.raw_items() if key == name]
    return re.sub(r"\r?\n", "", str(value))


def decoded(message: Message, name: str) -> str:
    return str(make_header(decode_header(raw_header(message, name)))).strip()


def mailbox(message: Message, name: str) -> tuple[str, str]:
    display, address = parseaddr(raw_header(message, name))
    return str(make_header(decode_header(display))), address


def content(part: Message) -> tuple[str, str]:
    return part.get_content_type(), part.get_content().replace("\r\n", "\n").rstrip("\n")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=3_000))
def test_every_line_is_ascii_short_and_ends_in_crlf(subject, name, body):
    raw = build(outgoing(subject=subject, to_name=name, text=body, html=body))
    assert raw.isascii()
    assert b"\r\n" in raw
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: all@example.com", "x\nBcc: all@example.com", "x\r\n\r\n<script>", "\x85B\u2028c"]
)
def test_a_name_or_subject_cannot_open_a_header(evil):
    message = parse(build(outgoing(subject=evil, to_name=evil, from_name=evil)))
    assert message["Bcc"] is None
    assert len(message["To"].addresses) == 1
    assert sorted(message.keys()) == sorted(parse(build(outgoing())).keys())


@pytest.mark.parametrize(
    "changes",
    [
        {"to_email": "ann@example.com\r\nBcc: all@example.com"},
        {"to_email": "ann@example.com, bob@example.com"},
        {"to_email": "ann"},
        {"to_email": "@example.com"},
        {"to_email": "a nn@example.com"},
        {"to_email": "ann@ex>ample.com"},
        {"to_email": "ann@\ud800.com"},
        {"from_email": ""},
        {"reply_to": "x\r\n@y.test"},
        {"message_id_header": "<a@b>\r\nBcc: c@d.test"},
        {"unsubscribe_url": "https://acme.test/u/x\r\nBcc: c@d.test"},
    ],
)
def test_an_address_or_id_that_is_none_is_refused(changes):
    with pytest.raises(UnsendableError):
        build(outgoing(**changes))


def test_lead_text_cannot_open_a_part_of_its_own():
    """The boundary of one mail says nothing about the next."""
    first, second = (parse(build(outgoing())).get_boundary() for _ in range(2))
    assert first != second


def test_the_headers_of_a_marketing_mail():
    raw = build(outgoing(date=datetime(2026, 11, 21, 9, 0, 30, 123, tzinfo=UTC)))
    head = raw.split(b"\r\n\r\n")[0].decode().split("\r\n")
    assert "Date: Sat, 21 Nov 2026 09:00:30 +0000" in head
    assert "To: Ann Example <ann@example.com>" in head
    assert "List-Unsubscribe: <https://acme.test/u/token>, <mailto:unsubscribe+token@acme.test>" in head
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head


def test_text_that_looks_encoded_stays_what_was_written():
    """Django sends such a subject as it is and the reader's program decodes it; a lead's name must not do that."""
    written = "=?utf-8?q?Invoice_due?="
    message = parse(build(outgoing(subject=written, to_name=written)))
    assert message["Subject"] == written
    assert message["To"].addresses[0].display_name == written


def test_a_transactional_mail_has_no_list_headers():
    message = parse(build(outgoing(unsubscribe_url=None, unsubscribe_mailto=None)))
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None


def test_an_international_domain_travels_as_punycode():
    assert envelope_address("ann@bücher.example") == "ann@xn--bcher-kva.example"


def test_one_line_leaves_ordinary_text_alone():
    assert one_line("  Two  spaces stay ") == "  Two  spaces stay "
    assert one_line("a\r\n\tb\x00c") == "a b c"
