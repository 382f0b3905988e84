"""The local mailbox: mail that is kept in the database and shown at /mailbox/, for as long as no mail server is set."""

from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import Any, Self

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from campaigns.models import MailboxMail
from campaigns.sending.delivery.contract import Outcome, Outgoing, Receipt
from campaigns.sending.delivery.mime import UnsendableError, build, one_line
from lifecycle.core import clock

MAX_SUBJECT = 998
MAX_ADDRESS = 254


class MailboxTransport:
    """Keeps what would have been sent; nothing leaves the machine."""

    def __init__(self, *, batch_size: int = 50) -> None:
        self.batch_size = batch_size

    @classmethod
    def from_settings(cls, mail: Mapping[str, Any]) -> Self:
        return cls(batch_size=mail.get("batch_size") or 50)

    def deliver(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        kept: list[MailboxMail] = []
        receipts = []
        for outgoing in batch:
            try:
                kept.append(_mail(outgoing))
            except UnsendableError as error:
                receipts.append(Receipt(outgoing.message_id, Outcome.REJECTED, f"not sent: {error}"))
            else:
                receipts.append(Receipt(outgoing.message_id, Outcome.SENT, "kept in the local mailbox"))
        MailboxMail.objects.bulk_create(kept)
        return receipts

    def close(self) -> None:
        """Nothing is held open."""


class MailboxBackend(BaseEmailBackend):
    """Django's own mail (password resets, alerts to sales) into the same mailbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        now = clock.now()
        kept = [
            MailboxMail(
                to_email=parseaddr(recipient)[1][:MAX_ADDRESS],
                subject=one_line(str(message.subject))[:MAX_SUBJECT],
                raw=message.message().as_bytes(linesep="\r\n"),  # type: ignore[call-arg]
                sent_at=now,
            )
            for message in email_messages
            for recipient in message.recipients()
        ]
        MailboxMail.objects.bulk_create(kept)
        return len(email_messages)


def _mail(outgoing: Outgoing) -> MailboxMail:
    return MailboxMail(
        message_id=outgoing.message_id,
        to_email=outgoing.to_email[:MAX_ADDRESS],
        subject=one_line(outgoing.subject)[:MAX_SUBJECT],
        raw=build(outgoing),
        sent_at=outgoing.date,
    )
