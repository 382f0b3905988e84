"""The conversation on an open SMTP connection: who said what, and which answer belongs to which message.

Pipelined (RFC 2920): MAIL, RCPT and DATA of a message travel together, and those of the next message travel with
the body of the one before, so a message costs one round trip. The order of answers is then fixed: final answer of
the body, then MAIL, RCPT, DATA of the next. Without PIPELINING every command waits for its answer.
"""

import contextlib
import smtplib
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MAX_REPLY_LINE = 4096
MAX_REPLY_LINES = 100


@dataclass(slots=True)
class Job:
    """One message on its way: its place in the batch, its envelope and its bytes."""

    position: int
    message_id: int
    sender: str
    recipient: str
    data: bytes
    tries: int = 0

    @property
    def needs_utf8(self) -> bool:
        return not (self.sender.isascii() and self.recipient.isascii())


@dataclass(frozen=True, slots=True)
class Reply:
    code: int
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300


Settle = Callable[[Job, Reply], None]


class ConnectionLostError(Exception):
    """The session is gone. `in_doubt` is the one message whose body went out without a final answer."""

    def __init__(self, why: str, *, at_connect: bool = False, in_doubt: Job | None = None) -> None:
        super().__init__(why)
        self.at_connect = at_connect
        self.in_doubt = in_doubt


class SmtpSession:
    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server
        self._socket: socket.socket = server.sock  # type: ignore[assignment]
        self._file = server.file or self._socket.makefile("rb")
        self._pipelining = server.has_extn("pipelining")
        self._utf8 = server.has_extn("smtputf8")
        size = server.esmtp_features.get("size", "")
        self._max_size = int(size) if size.isdigit() else 0
        self._in_doubt: Job | None = None
        self._refused = False  # the last transaction was refused half-way: RSET before the next
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self, work: deque[Job], settle: Settle) -> None:
        """Send everything in `work`, taking each job off when it is settled.

        When ConnectionLostError comes out, the message in doubt is off `work` and unsettled; those still on it have
        not left.
        """
        self._settle_impossible(work, settle)
        try:
            if self._pipelining:
                self._run_pipelined(work, settle)
            else:
                self._run_in_lock_step(work, settle)
        except (OSError, EOFError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise ConnectionLostError(why, in_doubt=self._in_doubt) from error

    def quit(self, *, timeout: float) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException, ValueError):
            self._socket.settimeout(timeout)
            self._socket.sendall(b"QUIT\r\n")
            self._file.readline(MAX_REPLY_LINE)
        self.abort()

    def abort(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._server.close()

    def _settle_impossible(self, work: deque[Job], settle: Settle) -> None:
        """Take off what this server has already said it cannot take."""
        for job in list(work):
            if job.needs_utf8 and not self._utf8:
                settle(job, Reply(553, "the mail server does not take addresses beyond ASCII (SMTPUTF8)"))
            elif self._max_size and len(job.data) > self._max_size:
                settle(job, Reply(552, f"larger than the mail server takes ({self._max_size} bytes)"))
            else:
                continue
            work.remove(job)

    def _run_pipelined(self, work: deque[Job], settle: Settle) -> None:
        self._send(self._envelope(work))
        while work:
            refusal, data_open = self._read_envelope()
            job = work.popleft()
            if refusal is None:
                self._in_doubt = job
                self._send(_stuffed(job.data) + self._envelope(work))
                final = self._reply()
                self._in_doubt = None
                settle(job, final)
                continue
            settle(job, refusal)
            self._refused = True
            # A server may open DATA although it refused the recipient (RFC 2920, 3.1): an empty body closes it.
            self._send((b".\r\n" if data_open else b"") + self._envelope(work))
            if data_open:
                self._reply()

    def _envelope(self, work: deque[Job]) -> bytes:
        """The commands that open the next message, if there is one."""
        if not work:
            return b""
        return (b"RSET\r\n" if self._refused else b"") + b"".join(_commands(work[0]))

    def _read_envelope(self) -> tuple[Reply | None, bool]:
        """The answer that refuses the message (None: the body may go), and whether the server waits for a body."""
        if self._refused:
            self._live_reply()
            self._refused = False
        mail, rcpt, data = self._live_reply(), self._live_reply(), self._live_reply()
        data_open = data.code == 354
        for reply in (mail, rcpt):
            if not reply.ok:
                return reply, data_open
        return (None if data_open else data), data_open

    def _run_in_lock_step(self, work: deque[Job], settle: Settle) -> None:
        while work:
            refusal = self._open_in_lock_step(work[0])
            job = work.popleft()
            if refusal is not None:
                settle(job, refusal)
                self._refused = True
                continue
            self._in_doubt = job
            self._send(_stuffed(job.data))
            final = self._reply()
            self._in_doubt = None
            settle(job, final)

    def _open_in_lock_step(self, job: Job) -> Reply | None:
        """The answer that refuses the message; None when the body may go."""
        if self._refused:
            self._send(b"RSET\r\n")
            self._live_reply()
            self._refused = False
        mail, rcpt, data = _commands(job)
        for command in (mail, rcpt):
            self._send(command)
            reply = self._live_reply()
            if not reply.ok:
                return reply
        self._send(data)
        reply = self._live_reply()
        return None if reply.code == 354 else reply

    def _send(self, data: bytes) -> None:
        if data:
            self._socket.sendall(data)

    def _live_reply(self) -> Reply:
        """A reply to a command; 421 instead means that the server is hanging up, whatever we had asked."""
        reply = self._reply()
        if reply.code == 421:
            raise ConnectionResetError(f"421 {reply.text}")
        return reply

    def _reply(self) -> Reply:
        lines: list[str] = []
        while len(lines) < MAX_REPLY_LINES:
            line = self._file.readline(MAX_REPLY_LINE)
            if not line.endswith(b"\n"):
                raise EOFError("the server closed the connection" if not line else "an answer without end")
            lines.append(line[4:].decode("utf-8", "replace").strip())
            if line[3:4] != b"-":
                return Reply(int(line[:3]), " ".join(lines))
        raise ValueError("an answer of too many lines")


def _commands(job: Job) -> tuple[bytes, bytes, bytes]:
    utf8 = " SMTPUTF8 BODY=8BITMIME" if job.needs_utf8 else ""
    return f"MAIL FROM:<{job.sender}>{utf8}\r\n".encode(), f"RCPT TO:<{job.recipient}>\r\n".encode(), b"DATA\r\n"


def _stuffed(data: bytes) -> bytes:
    """The body with dots at line starts doubled, and the line that ends it."""
    return data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
