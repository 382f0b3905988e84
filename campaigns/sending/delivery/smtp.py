"""Mail over one persistent, pipelined SMTP session; per-message outcomes stay exact whatever breaks.

smtplib connects, says EHLO, starts TLS and logs in; from then on we speak on its socket ourselves, because smtplib
waits for every single answer. The transport turns what the session saw into receipts and reconnects.
"""

import logging
import smtplib
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from campaigns.sending.delivery import waiting
from campaigns.sending.delivery.contract import Outcome, Outgoing, Receipt
from campaigns.sending.delivery.mime import UnsendableError, build, envelope_address
from campaigns.sending.delivery.smtp_session import ConnectionLostError, Job, Reply, SmtpSession

logger = logging.getLogger(__name__)

MAX_TRIES = 2  # sessions one message may see before its body goes out; the second one is surely fresh
MAX_LOST = 3  # sessions lost in a row before the rest of the batch is left for later
QUIT_TIMEOUT = 2.0
MAX_DETAIL = 250


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    host: str = "localhost"
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""  # "" | "starttls" | "implicit"
    timeout: float = 30.0
    local_hostname: str | None = None


class SmtpTransport:
    """Delivers over SMTP; keeps its session open between batches and replaces it when it broke."""

    def __init__(self, options: SmtpOptions, *, batch_size: int = 50) -> None:
        self.batch_size = batch_size
        self._options = options
        self._session: SmtpSession | None = None
        self._answered = 0  # messages that got an answer, ever

    @classmethod
    def from_settings(cls, mail: Mapping[str, Any]) -> Self:
        names = SmtpOptions.__dataclass_fields__
        options = {name: mail[name] for name in names if mail.get(name) not in (None, "")}
        return cls(SmtpOptions(**options), batch_size=mail.get("batch_size") or 50)

    def deliver(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        receipts: dict[int, Receipt] = {}
        work: deque[Job] = deque()
        for position, outgoing in enumerate(batch):
            try:
                work.append(_job(position, outgoing))
            except UnsendableError as error:
                receipts[position] = Receipt(outgoing.message_id, Outcome.REJECTED, f"not sent: {error}")
        lost = 0
        while work:
            answered = self._answered
            trouble = self._work_off(work, receipts)
            if trouble is None:
                break
            lost = 1 if self._answered > answered else lost + 1
            if trouble.at_connect or lost >= MAX_LOST or waiting.asked(str(trouble)).blocks_account:
                for job in work:
                    receipts[job.position] = _put_off(job, trouble)
                break
        return [receipts[position] for position in range(len(batch))]

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.quit(timeout=QUIT_TIMEOUT)

    def _work_off(self, work: deque[Job], receipts: dict[int, Receipt]) -> ConnectionLostError | None:
        """Send from the front of `work` until it is empty or the session is gone; why it went, or None."""

        def settle(job: Job, reply: Reply) -> None:
            self._answered += 1
            receipts[job.position] = _receipt(job, reply)

        try:
            session = self._session = self._session or SmtpSession(_connect(self._options))
            session.run(work, settle)
        except ConnectionLostError as trouble:
            self._drop()
            if trouble.in_doubt is not None:
                job = trouble.in_doubt
                detail = f"the connection broke before the final answer: {trouble}"
                receipts[job.position] = Receipt(job.message_id, Outcome.UNKNOWN, detail)
            elif work and not trouble.at_connect and not waiting.asked(str(trouble)).blocks_account:
                self._count_try(work, receipts, trouble)
            return trouble
        except BaseException:
            self._drop()  # a half-spoken session must never be used again
            raise
        return None

    def _count_try(self, work: deque[Job], receipts: dict[int, Receipt], trouble: ConnectionLostError) -> None:
        job = work[0]
        job.tries += 1
        if job.tries >= MAX_TRIES:
            work.popleft()
            receipts[job.position] = _put_off(job, trouble)

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.abort()


def _job(position: int, outgoing: Outgoing) -> Job:
    sender, recipient = envelope_address(outgoing.from_email), envelope_address(outgoing.to_email)
    return Job(position, outgoing.message_id, sender, recipient, build(outgoing))


def _connect(options: SmtpOptions) -> smtplib.SMTP:
    """A session that has said EHLO, is encrypted and logged in as configured; ConnectionLostError if it cannot be."""
    server: smtplib.SMTP | None = None
    try:
        if options.tls == "implicit":
            server = smtplib.SMTP_SSL(
                options.host,
                options.port,
                local_hostname=options.local_hostname,
                timeout=options.timeout,
                context=ssl.create_default_context(),
            )
        else:
            server = smtplib.SMTP(
                options.host, options.port, local_hostname=options.local_hostname, timeout=options.timeout
            )
        server.ehlo_or_helo_if_needed()
        if options.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
        if options.user:
            server.login(options.user, options.password)
    except (OSError, smtplib.SMTPException) as error:
        if server is not None:
            server.close()
        logger.warning("No SMTP session with %s:%s: %s", options.host, options.port, type(error).__name__)
        raise ConnectionLostError(_why(error), at_connect=True) from error
    return server


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
        return f"no session: {error.smtp_code} {text}"
    return f"no session: {str(error) or type(error).__name__}"


def _put_off(job: Job, trouble: ConnectionLostError) -> Receipt:
    # Trying counts only against a message that was at the front when a session broke: it may be the cause.
    wait = waiting.asked(str(trouble))
    return Receipt(
        job.message_id,
        Outcome.RETRY,
        f"not sent: {trouble}",
        retry_after=wait.seconds,
        costs_attempt=job.tries > 0,
        blocks_account=wait.blocks_account,
    )


def _receipt(job: Job, reply: Reply) -> Receipt:
    detail = f"{reply.code} {reply.text}".replace(job.recipient, "(address)")[:MAX_DETAIL]
    if 200 <= reply.code < 300:
        return Receipt(job.message_id, Outcome.SENT, detail)
    if 500 <= reply.code < 600:
        return Receipt(job.message_id, Outcome.REJECTED, detail)
    if 400 <= reply.code < 500:
        wait = waiting.asked(detail)
        return Receipt(
            job.message_id,
            Outcome.RETRY,
            detail,
            retry_after=wait.seconds,
            costs_attempt=not wait.blocks_account,
            blocks_account=wait.blocks_account,
        )
    return Receipt(job.message_id, Outcome.UNKNOWN, f"an answer without meaning: {detail}")
