"""Calls to addresses that people typed, without letting them reach into our own network.

The host is resolved once, every address it has must be public, and the connection goes to the address that was
checked: a name that answers differently the second time gains nothing. No redirects, bounded time, bounded answers.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

MOST_ANSWER = 64 * 1024
CONNECT_WITHIN = 5.0  # seconds
LONGEST_PAUSE = timedelta(days=1)
DONE_WITHIN = 15.0  # seconds, for all of it: a server that drips its answer is cut off

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Refused(ValueError):
    """We do not call that address; the message says why."""


class Unreachable(Exception):
    """The call did not get an answer; the message says what happened, without the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by lower-case name; `body`: at most the first 64 KB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def check_address(url: str, *, allow_private: bool = False) -> SplitResult:
    """The parts of an address that may be posted to. Raises Refused. Looks at the text alone: no name is resolved."""
    parts = urlsplit(url)
    try:
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise Refused("must begin with https://")
    if not parts.hostname or not port_is_fine:
        raise Refused("is no address of a server")
    if parts.username is not None or parts.password is not None:
        raise Refused("must not hold a user or password")
    if not allow_private and _is_at_home(parts.hostname):
        raise Refused("leads into a private network")
    return parts


def _is_at_home(host: str) -> bool:
    """Whether the name itself says that it is in our own network."""
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool = False) -> Answer:
    """Post once and read the answer. Raises Refused or Unreachable; a redirect is an answer like any other."""
    return _call("POST", url, body, headers, allow_private=allow_private)


def put(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool = False) -> Answer:
    """As `post`, with PUT."""
    return _call("PUT", url, body, headers, allow_private=allow_private)


def get(url: str, headers: Mapping[str, str], *, allow_private: bool = False) -> Answer:
    """Ask once and read the answer. Raises Refused or Unreachable; a redirect is an answer like any other."""
    return _call("GET", url, None, headers, allow_private=allow_private)


def _call(verb: str, url: str, body: bytes | None, headers: Mapping[str, str], *, allow_private: bool) -> Answer:
    parts = check_address(url, allow_private=allow_private)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = _resolved(host, port, allow_private=allow_private)
    connection = _Pinned(host, port, address, is_tls=parts.scheme == "https")
    cut = threading.Timer(DONE_WITHIN, connection.cut)
    cut.daemon = True
    cut.start()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(verb, target, body, dict(headers))
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read(MOST_ANSWER))
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        raise Unreachable(f"no answer: {type(error).__name__}") from error
    finally:
        cut.cancel()
        connection.close()


def _resolved(host: str, port: int, *, allow_private: bool) -> str:
    """One address of the host. Refused if any of them is not public: we cannot know which one was meant."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable("its name does not resolve") from error
    addresses = [str(place[0]).partition("%")[0] for *_, place in found]
    if not allow_private and not all(is_public(ipaddress.ip_address(address)) for address in addresses):
        raise Refused("leads into a private network")
    return addresses[0]


class _Pinned(http.client.HTTPConnection):
    """A connection to one checked address, whose certificate must be the host's."""

    def __init__(self, host: str, port: int, address: str, *, is_tls: bool) -> None:
        super().__init__(host, port, timeout=CONNECT_WITHIN)
        self._address, self._is_tls = address, is_tls
        self.default_port = 443 if is_tls else 80

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), timeout=CONNECT_WITHIN)
        if self._is_tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self.sock.settimeout(DONE_WITHIN)

    def cut(self) -> None:
        """End whatever it is doing, from another thread."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def retry_after(text: str, now: datetime | None) -> timedelta | None:
    """The wait that a Retry-After header asks for, in seconds or as a date (which needs `now`); at most a day."""
    try:
        wait = timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        if now is None:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(wait, LONGEST_PAUSE) if wait > timedelta() else None
