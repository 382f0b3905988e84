"""What a way out for mail must do: the words shared by the outbox and every transport.

Settings read here (`settings.MAIL`, a dict):

    transport        "smtp" | "provider" | "mailbox" (default), or the dotted path of a class with `from_settings`
    batch_size       messages handed to one `deliver` call (default 50)
  smtp
    host, port       default localhost:25
    user, password   login when a user is given
    tls              "" | "starttls" (after EHLO; nothing is sent without it) | "implicit" (from the first byte)
    timeout          seconds for connect and for each answer (default 30)
    local_hostname   name said in EHLO (default: this machine's)
  provider (Anymail; its own settings are in settings.ANYMAIL)
    backend          dotted path of the Anymail backend (default settings.EMAIL_BACKEND)
    threads          parallel requests (default 8)
    timeout          seconds for a request (default 30)
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

TRANSPORTS = {
    "smtp": "campaigns.sending.delivery.smtp.SmtpTransport",
    "provider": "campaigns.sending.delivery.esp.AnymailTransport",
    "mailbox": "campaigns.sending.delivery.preview.MailboxTransport",
}


class Outcome(enum.Enum):
    SENT = "sent"  # accepted by the server or provider
    REJECTED = "rejected"  # refused for good: sending it again would be refused again
    RETRY = "retry"  # surely nothing left; safe to send again later
    UNKNOWN = "unknown"  # it may have left; sending again may be a second mail


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail. With a `method` (REQUEST, CANCEL …) it is an iCalendar object that says the same
    METHOD: mail programs show it as an invitation."""

    filename: str
    content_type: str
    content: bytes
    method: str = ""


@dataclass(slots=True)
class Outgoing:
    """One mail, rendered and ready; `key` and `message_id_header` stay the same when it is sent again."""

    message_id: int
    key: str
    message_id_header: str
    from_email: str
    from_name: str
    to_email: str
    to_name: str
    reply_to: str
    subject: str
    html: str
    text: str
    unsubscribe_url: str | None
    unsubscribe_mailto: str | None
    date: datetime
    metadata: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message. `detail` is for people: the server's answer or our reason, without an address.

    `retry_after` (seconds) is what the other side asked for. A RETRY with `costs_attempt=False` was no fault of the
    message (rate limit, server down) and must not use up its attempts. With `blocks_account` it was the whole account
    that was asked to wait: nothing else is handed over before `retry_after` is over.
    """

    message_id: int
    outcome: Outcome
    detail: str
    provider_id: str = ""
    retry_after: float | None = None
    costs_attempt: bool = True
    blocks_account: bool = False


class Transport(Protocol):
    """A way out. One instance belongs to one worker; it is not shared between threads."""

    batch_size: int

    def deliver(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        """Exactly one receipt for each message, in the order of the batch; never raises for a recipient's fault."""
        ...

    def close(self) -> None:
        """Give connections and threads back; the transport may be used again afterwards."""
        ...


# When an account is asked to wait and nobody says how long, this many seconds.
DEFAULT_WAIT = 60.0


def account_name() -> str:
    """What rate limits hang on: the provider, or the mail server's host."""
    mail: Mapping[str, Any] = getattr(settings, "MAIL", None) or {}
    name = mail.get("transport") or "mailbox"
    if name == "smtp":
        return str(mail.get("host") or "localhost")
    if name == "provider":
        return str(mail.get("provider") or "provider")
    return "local mailbox" if name == "mailbox" else str(name).rpartition(".")[2]


def open_transport() -> Transport:
    """The transport that `settings.MAIL["transport"]` names; ImproperlyConfigured for a name nobody knows."""
    mail: Mapping[str, Any] = getattr(settings, "MAIL", None) or {}
    name = mail.get("transport") or "mailbox"
    try:
        factory = import_string(TRANSPORTS.get(name, name))
    except ImportError as error:
        known = ", ".join(sorted(TRANSPORTS))
        raise ImproperlyConfigured(f'MAIL["transport"] is {name!r}; known are {known}, or a dotted path.') from error
    transport: Transport = factory.from_settings(mail)
    return transport
