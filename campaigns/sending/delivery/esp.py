"""Mail through a provider's API by Anymail: many providers, one vocabulary, requests in parallel.

The hard part is saying what an error means. A request that surely never arrived, or an answer that says no for now,
is RETRY; an answer that says no for good is REJECTED; whatever leaves doubt (a read timeout, a reset, a gateway's 502
or 504, a success we cannot read) is UNKNOWN, because asking again might be a second mail.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.encoders import encode_base64
from email.mime.base import MIMEBase
from email.utils import formataddr, parsedate_to_datetime
from typing import Any, Self

from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import get_connection

from campaigns.sending.delivery.contract import DEFAULT_WAIT, Attachment, Outcome, Outgoing, Receipt
from campaigns.sending.delivery.mime import (
    UnsendableError,
    envelope_address,
    file_name,
    list_headers,
    media_type,
    one_line,
)

logger = logging.getLogger(__name__)

MAX_DETAIL = 250

# The account, not the message, is in trouble: somebody has to act, and then the message is fine.
ACCOUNT_STATUSES = frozenset({401, 402, 403, 404})
ACCOUNT_CODES = frozenset(
    {
        "AccountSuspendedException",
        "SendingPausedException",
        "MailFromDomainNotVerifiedException",
        "LimitExceededException",
        "ConfigurationSetDoesNotExistException",
    }
)
REFUSED = (UnsendableError, AnymailInvalidAddress, AnymailRecipientsRefused, AnymailSerializationError)
GATEWAY_STATUSES = frozenset({502, 504})

# By name, over requests, urllib3 and botocore alike: errors that come before a byte of the request has left.
NEVER_SENT = frozenset(
    {
        "ConnectTimeout",
        "ConnectTimeoutError",
        "NewConnectionError",
        "NameResolutionError",
        "EndpointConnectionError",
        "ProxyConnectionError",
        "SSLCertVerificationError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "NoRegionError",
    }
)


class AnymailTransport:
    """Delivers through `backend`, an Anymail backend by dotted path, with a connection a thread."""

    def __init__(self, backend: str, *, threads: int = 8, timeout: float = 30.0, batch_size: int = 50) -> None:
        self.batch_size = batch_size
        self._path = backend
        self._threads = threads
        self._timeout = timeout
        self._pool: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._open: deque[Any] = deque()
        self._asked: Receipt | None = None  # in this batch: to wait

    @classmethod
    def from_settings(cls, mail: Mapping[str, Any]) -> Self:
        return cls(
            mail.get("backend") or settings.EMAIL_BACKEND,
            threads=mail.get("threads") or 8,
            timeout=mail.get("timeout") or 30.0,
            batch_size=mail.get("batch_size") or 50,
        )

    def deliver(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        self._asked = None
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="mail-provider")
        return list(self._pool.map(self._deliver_one, batch))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._pool, self._local = None, threading.local()
        while self._open:
            self._open.popleft().close()

    def _deliver_one(self, outgoing: Outgoing) -> Receipt:
        if self._asked is not None:  # not hammered: who asked us to wait is not asked again for each of the rest
            return replace(self._asked, message_id=outgoing.message_id)
        try:
            message = anymail_message(outgoing)
            self._connection().send_messages([message])
        except Exception as error:
            receipt = _failure(outgoing, error)
            if receipt.blocks_account:
                self._asked = receipt
            return receipt
        return _success(outgoing, message)

    def _connection(self) -> Any:
        backend: Any = getattr(self._local, "backend", None)
        if backend is None:
            backend = get_connection(self._path)
            if hasattr(backend, "timeout"):
                backend.timeout = self._timeout
            if isinstance(getattr(backend, "client_params", None), dict):
                _without_hidden_retries(backend.client_params, self._timeout)
            backend.open()
            self._local.backend = backend
            self._open.append(backend)
        return backend


def anymail_message(outgoing: Outgoing) -> AnymailMessage:
    """The message as Anymail wants it, carrying our key so that the provider's events find their way back."""
    message = AnymailMessage(
        subject=one_line(outgoing.subject),
        body=outgoing.text,
        from_email=_mailbox(outgoing.from_name, outgoing.from_email),
        to=[_mailbox(outgoing.to_name, outgoing.to_email)],
        reply_to=[envelope_address(outgoing.reply_to)] if outgoing.reply_to else None,
        headers={"Message-ID": one_line(outgoing.message_id_header), **list_headers(outgoing)},
        metadata={**outgoing.metadata, "message_key": outgoing.key},
        tags=list(outgoing.tags),
    )
    message.attach_alternative(outgoing.html, "text/html")
    for attachment in outgoing.attachments:
        message.attach(_attached(attachment))
    return message


def _attached(attachment: Attachment) -> MIMEBase:
    """One way that all providers take: a file whose type names its method, which mail programs show as an invitation
    too. Hardly any takes a further alternative."""
    kind, _, subtype = attachment.content_type.partition("/")
    part = MIMEBase(kind, subtype)
    part.set_payload(attachment.content)
    encode_base64(part)
    del part["Content-Type"]
    part["Content-Type"] = media_type(attachment) + ("; charset=utf-8" if kind == "text" else "")
    part.add_header("Content-Disposition", "attachment", filename=file_name(attachment))
    return part


def _mailbox(name: str, address: str) -> str:
    return formataddr((one_line(name), envelope_address(address)))


def _without_hidden_retries(client_params: dict[str, Any], timeout: float) -> None:
    """botocore repeats a request after a read timeout by itself, which can be a second mail: the outbox decides."""
    config = client_params["config"]
    once = type(config)(retries={"total_max_attempts": 1}, read_timeout=timeout, connect_timeout=timeout)
    client_params["config"] = config.merge(once)


def _success(outgoing: Outgoing, message: AnymailMessage) -> Receipt:
    status = message.anymail_status
    recipient = next(iter(status.recipients.values()), None) if status.recipients else None
    word = recipient.status if recipient else None
    provider_id = str(recipient.message_id) if recipient and recipient.message_id is not None else ""
    outcome = {
        "sent": Outcome.SENT,
        "queued": Outcome.SENT,
        "invalid": Outcome.REJECTED,
        "rejected": Outcome.REJECTED,
        "failed": Outcome.RETRY,
        None: Outcome.REJECTED,  # a receiver of Anymail's pre_send called it off
    }.get(word, Outcome.UNKNOWN)
    return Receipt(outgoing.message_id, outcome, word or "called off before sending", provider_id=provider_id)


def _failure(outgoing: Outgoing, error: Exception) -> Receipt:
    outcome, retry_after, costs_attempt = _meaning(error)
    if outcome is Outcome.UNKNOWN:
        # The type alone: providers quote addresses in their errors.
        logger.warning("Message %s may have left: %s", outgoing.message_id, type(error).__name__)
    detail = " ".join(str(error).replace(outgoing.to_email, "(address)").split())[:MAX_DETAIL]
    return Receipt(
        outgoing.message_id,
        outcome,
        detail or type(error).__name__,
        retry_after=retry_after,
        costs_attempt=costs_attempt,
        blocks_account=outcome is Outcome.RETRY and retry_after is not None,
    )


def _meaning(error: Exception) -> tuple[Outcome, float | None, bool]:
    """Outcome, seconds to wait if the provider named them, and whether the attempt counts."""
    if isinstance(
        error, UnsendableError | AnymailInvalidAddress | AnymailRecipientsRefused | AnymailSerializationError
    ):
        return Outcome.REJECTED, None, True
    if isinstance(error, AnymailUnsupportedFeature | AnymailConfigurationError):
        return Outcome.RETRY, None, False
    status, code = _answer(error)
    if status is not None:
        return _meaning_of_answer(status, code, _retry_after(error))
    if any(name in NEVER_SENT for cause in _causes(error) for name in _type_names(cause)):
        return Outcome.RETRY, None, False
    return Outcome.UNKNOWN, None, True


def _meaning_of_answer(status: int, code: str, retry_after: float | None) -> tuple[Outcome, float | None, bool]:
    if status == 429:
        return Outcome.RETRY, DEFAULT_WAIT if retry_after is None else retry_after, False
    if status in GATEWAY_STATUSES or status < 400:
        return Outcome.UNKNOWN, None, True
    if status >= 500 or status == 408:
        return Outcome.RETRY, retry_after, retry_after is None
    if status in ACCOUNT_STATUSES or code in ACCOUNT_CODES:
        return Outcome.RETRY, None, False
    return Outcome.REJECTED, None, True


def _answer(error: Exception) -> tuple[int | None, str]:
    """HTTP status and, from AWS, the error's code; (None, "") if there was no answer."""
    if not isinstance(error, AnymailAPIError):
        return None, ""
    if isinstance(error.response, dict):
        metadata, detail = error.response.get("ResponseMetadata", {}), error.response.get("Error", {})
        return metadata.get("HTTPStatusCode"), str(detail.get("Code", ""))
    return error.status_code, ""


def _retry_after(error: Exception) -> float | None:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        headers: Mapping[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        value, date = headers.get("retry-after"), headers.get("date")
    else:
        headers = getattr(response, "headers", None) or {}
        value, date = headers.get("Retry-After"), headers.get("Date")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:  # a moment instead of seconds: what counts is its distance from the provider's own clock
        return max(0.0, (parsedate_to_datetime(value) - parsedate_to_datetime(date or "")).total_seconds())
    except (TypeError, ValueError):
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def _type_names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]
