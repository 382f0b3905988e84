"""A real SMTP server for tests: records every mail it accepts and misbehaves on request, per recipient.

def test_something(smtp_server):
    smtp_server.script("bob@example.com", rcpt="550 5.1.1 no such user")
    ...
    smtp_server.wait_for(3)
    assert smtp_server.mails[0].recipient == "ann@example.com"
"""

import asyncio
import email
import email.policy
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True)
class ReceivedMail:
    sender: str
    recipient: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)  # type: ignore[return-value]

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return part.get_content() if part else ""


@dataclass
class Script:
    """What to do with one recipient. `times` limits how often; afterwards the recipient is treated normally."""

    rcpt: str = ""  # answer to RCPT
    data: str = ""  # answer to the end of the body (a 2xx records the mail)
    hang: bool = False  # accept and record the mail, never answer
    reset: str = ""  # "rcpt" | "data" (before it is accepted) | "accepted" (after it): drop the connection
    delay: float = 0.0  # seconds before the final answer
    times: int = 1_000_000


@dataclass
class SmtpServer:
    """One server on a free loopback port, in a thread of its own."""

    pipelining: bool = True
    smtputf8: bool = True
    size_limit: int = 33_554_432
    login: tuple[str, str] | None = None
    mails: list[ReceivedMail] = field(default_factory=list)
    connections: int = 0
    host: str = "127.0.0.1"
    port: int = 0

    def __post_init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-server", daemon=True)
        self._listener: asyncio.Server | None = None
        self._transports: set[asyncio.BaseTransport] = set()

    @property
    def settings(self) -> dict[str, Any]:
        """What to put into settings.MAIL to send here."""
        return {"transport": "smtp", "host": self.host, "port": self.port, "timeout": 10}

    @property
    def recipients(self) -> list[str]:
        return [mail.recipient for mail in self.mails]

    def script(self, recipient: str, **what: Any) -> None:
        """Misbehave for this recipient; see Script."""
        self._scripts[recipient] = Script(**what)

    def take_script(self, recipient: str) -> Script:
        script = self._scripts.get(recipient)
        if script is None or script.times <= 0:
            return Script()
        return script

    def used(self, recipient: str) -> None:
        if recipient in self._scripts:
            self._scripts[recipient].times -= 1

    def wait_for(self, count: int, timeout: float = 10.0) -> list[ReceivedMail]:
        """The mails once there are `count` of them; AssertionError when the deadline passes first."""
        deadline = time.monotonic() + timeout
        while len(self.mails) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(self.mails)} mails after {timeout} s, expected {count}")
            time.sleep(0.01)
        return list(self.mails)

    def clear(self) -> None:
        self.mails.clear()
        self._scripts.clear()

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Close the port and every connection; may be started again only as a new server."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def drop_connections(self) -> None:
        """Hang up on everybody, as a server does with sessions that were idle too long."""
        asyncio.run_coroutine_threadsafe(self._abort_all(), self._loop).result(10)

    async def _listen(self) -> None:
        self._listener = await self._loop.create_server(self._protocol, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        await self._abort_all()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _abort_all(self) -> None:
        for transport in list(self._transports):
            transport.abort()  # type: ignore[attr-defined]

    def _protocol(self) -> SMTP:
        server = self

        class Protocol(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                server.connections += 1
                server._transports.add(transport)
                super().connection_made(transport)

            def connection_lost(self, error: Exception | None) -> None:
                server._transports.discard(self.transport)  # type: ignore[arg-type]
                super().connection_lost(error)

        return Protocol(
            _Handler(self),
            hostname="mail.test",
            enable_SMTPUTF8=self.smtputf8,
            data_size_limit=self.size_limit,
            auth_required=self.login is not None,
            auth_require_tls=False,
            authenticator=self._authenticate if self.login else None,
            loop=self._loop,
        )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, how: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == self.login, handled=False)


class _Handler:
    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    async def handle_EHLO(
        self, protocol: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        extra = ["250-PIPELINING"] if self.server.pipelining else []
        return [*responses[:-1], *extra, responses[-1]]

    async def handle_RCPT(
        self, protocol: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        script = self.server.take_script(address)
        if script.reset == "rcpt":
            self.server.used(address)
            protocol.transport.abort()  # type: ignore[union-attr]
        if script.rcpt:
            self.server.used(address)
            return script.rcpt
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, protocol: SMTP, session: Session, envelope: Envelope) -> str:
        recipient = envelope.rcpt_tos[0]
        script = self.server.take_script(recipient)
        self.server.used(recipient)
        if script.reset == "data":
            protocol.transport.abort()  # type: ignore[union-attr]
            return "451 never said"
        if script.delay:
            await asyncio.sleep(script.delay)
        answer = script.data or "250 2.0.0 queued"
        if answer.startswith("2"):
            content = envelope.original_content or b""
            for address in envelope.rcpt_tos:
                self.server.mails.append(ReceivedMail(envelope.mail_from or "", address, content))
        if script.reset == "accepted":
            protocol.transport.abort()  # type: ignore[union-attr]
        if script.hang:
            await asyncio.Event().wait()
        return answer


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    server = SmtpServer()
    server.start()
    yield server
    server.stop()
