"""Zoom's API as far as we need it: a registrant of a webinar or meeting is added or canceled. Safe to repeat.

Zoom knows a registrant by the address: adding one who is there answers with the same registrant.
"""

import base64
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from django.conf import settings

from lifecycle.core import http

# A token is left alone so long before it ends.
EARLY = 60.0
# What Zoom calls a webinar may be a meeting with registration.
THINGS = ("webinars", "meetings")
# About our app, not about this person: wrong scopes, tokens and accounts.
OURS = frozenset({124, 200, 4700, 4711})
REST = timedelta(minutes=10)
LONGEST_WAIT = timedelta(days=1)
_ADDRESS = re.compile(r"\S+@\S+")


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    first_name: str
    last_name: str = ""
    org: str = ""
    job_title: str = ""


@dataclass(frozen=True, slots=True)
class Registrant:
    id: str
    join_url: str


class Declined(Exception):
    """Zoom will not do this, whenever it is asked; the message says why, without personal data."""


class Unavailable(Exception):
    """Zoom cannot do this now. `wait`: what it asked for. `rests`: nothing else will work now either."""

    def __init__(self, message: str, wait: timedelta | None = None, *, rests: bool = False) -> None:
        super().__init__(message)
        self.wait, self.rests = wait, rests


@dataclass(frozen=True, slots=True)
class Account:
    """Whose API it is; `of_settings` is None while it is not set up."""

    account_id: str
    client_id: str
    client_secret: str
    url: str

    @classmethod
    def of_settings(cls) -> "Account | None":
        given = (settings.ZOOM_ACCOUNT_ID, settings.ZOOM_CLIENT_ID, settings.ZOOM_CLIENT_SECRET)
        return cls(*given, settings.ZOOM_API_URL) if all(given) else None

    @property
    def token_url(self) -> str:
        """Tokens are given on the site itself: zoom.us for api.zoom.us."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}/oauth/token"


class Client:
    """Calls from several threads; they share a token until it ends."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def add(self, zoom_id: str, person: Person, *, now: datetime) -> Registrant:
        """Register somebody. Declined or Unavailable."""
        body = {
            "email": person.email,
            "first_name": (person.first_name or person.email.partition("@")[0])[:64],
            "last_name": person.last_name[:64],
            "org": person.org[:100],
            "job_title": person.job_title[:100],
        }
        told = self._of_either("POST", zoom_id, "registrants", {k: v for k, v in body.items() if v}, now)
        registrant_id, join_url = told.get("registrant_id") or told.get("id"), told.get("join_url")
        if not isinstance(registrant_id, str) or not registrant_id:
            raise Unavailable("Zoom named no registrant in its answer")
        return Registrant(registrant_id[:120], join_url[:500] if isinstance(join_url, str) else "")

    def cancel(self, zoom_id: str, registrant_id: str, email: str, *, now: datetime) -> None:
        """Take somebody's registration back; fine if there is none. Unavailable, or Declined."""
        who = {"email": email, **({"id": registrant_id} if registrant_id else {})}
        self._of_either("PUT", zoom_id, "registrants/status", {"action": "cancel", "registrants": [who]}, now)

    def _of_either(self, verb: str, zoom_id: str, what: str, body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """Ask about a webinar of this id, then about a meeting."""
        for thing in THINGS:
            answer = self._call(verb, f"/{thing}/{quote(zoom_id, safe='')}/{what}", body, now)
            if answer.status != 404:
                return _read(answer)
        if verb == "PUT":
            return {}
        raise Declined("Zoom knows no webinar or meeting of this id")

    def _call(self, verb: str, path: str, body: Mapping[str, Any], now: datetime) -> http.Answer:
        """An answer that says something about this call: 2xx, or 4xx. A token that is no good is replaced once."""
        token = self._current(now)
        answer = self._send(verb, path, body, token)
        if answer.status == 401:
            answer = self._send(verb, path, body, self._current(now, instead_of=token))
        said = f"Zoom answered {answer.status}"
        if answer.status == 401 or (400 <= answer.status < 500 and _code(answer) in OURS):
            raise Unavailable(f"{said}: look at the app's scopes and its account. {_message(answer)}", REST, rests=True)
        if answer.status == 429:
            wait = pause(answer.headers.get("retry-after", ""), now)
            raise Unavailable(said, wait, rests=wait is None or wait <= timedelta(minutes=1))
        if answer.status in (408, 425) or answer.status >= 500 or 300 <= answer.status < 400:
            raise Unavailable(said, pause(answer.headers.get("retry-after", ""), now))
        if answer.status >= 400 and answer.status != 404:
            raise Declined(f"{said}: {_message(answer)}"[:250])
        return answer

    def _send(self, verb: str, path: str, body: Mapping[str, Any], token: str) -> http.Answer:
        send = http.put if verb == "PUT" else http.post
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json"}
        return self._guarded(send, self.account.url + path, msgspec.json.encode(dict(body)), headers)

    def _current(self, now: datetime, *, instead_of: str = "") -> str:
        """The token that all share, a new one when it ends or was refused."""
        with self._lock:
            if not self._token or self._token == instead_of or monotonic() >= self._ends:
                self._token, lasts = self._ask(now)
                self._ends = monotonic() + lasts - EARLY
            return self._token

    def _ask(self, now: datetime) -> tuple[str, float]:
        pair = f"{self.account.client_id}:{self.account.client_secret}".encode()
        headers = {
            "authorization": f"Basic {base64.b64encode(pair).decode()}",
            "content-type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"grant_type": "account_credentials", "account_id": self.account.account_id}).encode()
        answer = self._guarded(http.post, self.account.token_url, form, headers)
        told = _read(answer)
        if answer.status == 200 and isinstance(told.get("access_token"), str):
            lasts = told.get("expires_in")
            return told["access_token"], float(lasts) if isinstance(lasts, int | float) else 0.0
        if answer.status in (408, 425, 429) or answer.status >= 500:
            wait = pause(answer.headers.get("retry-after", ""), now)
            raise Unavailable(f"Zoom gave no token (answered {answer.status})", wait, rests=True)
        raise Unavailable("Zoom refuses the credentials: ZOOM_ACCOUNT_ID, _CLIENT_ID or _SECRET", REST, rests=True)

    def _guarded(self, send: Any, url: str, body: bytes, headers: Mapping[str, str]) -> http.Answer:
        try:
            answer: http.Answer = send(url, body, headers, allow_private=settings.ALLOW_PRIVATE_WEBHOOKS)
        except http.Refused as refused:
            raise Unavailable(f"ZOOM_API_URL {refused}", REST, rests=True) from refused
        except http.Unreachable as failure:
            raise Unavailable(str(failure)) from failure
        return answer


def pause(text: str, now: datetime) -> timedelta | None:
    """The wait of a Retry-After: seconds, an HTTP date, or Zoom's own “2026-03-03T00:00:00Z”; at most a day."""
    try:
        at = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        at = None
    if at is None:
        return http.retry_after(text, now)
    wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(wait, LONGEST_WAIT) if wait > timedelta() else None


def _read(answer: http.Answer) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _message(answer: http.Answer) -> str:
    """Zoom's own words, without anybody's address."""
    message = _read(answer).get("message")
    words = _ADDRESS.sub("…", message)[:180] if isinstance(message, str) else "no reason given"
    return f"{words} ({code})" if (code := _code(answer)) else words


def _code(answer: http.Answer) -> int:
    """Zoom's own number for what is wrong, 0 without one."""
    code = _read(answer).get("code")
    return code if isinstance(code, int) else 0
