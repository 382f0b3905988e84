"""How people and programs reach the product: requests to its own doors, made in this process."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, NamedTuple

from anymail.signals import AnymailTrackingEvent
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponseBase

from campaigns.consent.provider_events import store_and_apply
from lifecycle.core import sql

# Both sign alike. Whose header, and the secret that its door takes.
SENDERS: dict[str, tuple[str, Callable[[], str]]] = {
    "calendly": ("HTTP_CALENDLY_WEBHOOK_SIGNATURE", lambda: str(settings.CALENDLY_WEBHOOK_SECRETS[0])),
    "stripe": ("HTTP_STRIPE_SIGNATURE", lambda: str(settings.STRIPE_WEBHOOK_SECRETS[0])),
}
_LEAD = "SELECT id FROM leads_lead WHERE email_normal = %b"


class Refused(Exception):
    """A door did not take what the demo brought; the message says which, and its answer."""


class Agent(NamedTuple):
    """A browser or another program that follows links. `name` is its User-Agent."""

    name: str
    is_person: bool = True


FIREFOX = Agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0")
CHROME = Agent("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0")
SAFARI = Agent("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148")
APPLE_PROXY = Agent("Mozilla/5.0", is_person=False)
SCANNER = Agent("Mozilla/5.0 (compatible; Proofpoint URL Defense)", is_person=False)
# Says it is a browser, and is found out by its haste.
QUIET_SCANNER = Agent(CHROME.name, is_person=False)
BROWSERS = (FIREFOX, CHROME, SAFARI)


class Doors:
    """The product's own HTTP doors. `key`: the API key of the company's website and product."""

    def __init__(self, key: str) -> None:
        self._handler = WSGIHandler()
        self._key = key

    def submit(self, form: str, answers: dict[str, Any]) -> int:
        """Send a form; the id of the lead it made or found, as the company's own programs look it up later."""
        self._post(f"/api/v1/forms/{form}/submissions", answers, expected=201)
        return int(sql.fetch(_LEAD, [answers["email"].lower()])[0][0])

    def tell(self, lead_id: int, kind: str, properties: dict[str, Any]) -> None:
        """The product tells what a lead did."""
        sent = {"kind": kind, "properties": properties}
        self._post(f"/api/v1/leads/{lead_id}/events", sent, expected=201, HTTP_AUTHORIZATION=f"Bearer {self._key}")

    def follow(self, path: str, agent: Agent) -> str:
        """Open a link of a mail; where it leads ("" for a picture)."""
        answer = self._ask("GET", path, HTTP_USER_AGENT=agent.name)
        if answer.status_code not in (200, 302):
            raise Refused(f"GET {path}: {answer.status_code}")
        return answer.get("Location", "")

    def opt_out(self, path: str) -> None:
        """What a mail program does behind its unsubscribe button (RFC 8058)."""
        body = b"List-Unsubscribe=One-Click"
        answer = self._ask("POST", path, body, CONTENT_TYPE="application/x-www-form-urlencoded")
        if answer.status_code != 200:
            raise Refused(f"POST {path}: {answer.status_code}")

    def report(self, message_key: str, kind: str, address: str, *, now: datetime) -> None:
        """What Anymail makes of a provider's webhook, behind that door: it needs a provider's secret, we have none."""
        told = AnymailTrackingEvent(
            event_type=kind, timestamp=now, recipient=address, metadata={"message_key": message_key}, description=kind
        )
        store_and_apply(told, provider="demo", now=now)

    def call(self, sender: str, body: dict[str, Any], *, now: datetime) -> None:
        """Another system's webhook, signed with the secret that this demo's door has."""
        raw, seconds = json.dumps(body).encode(), str(int(now.timestamp()))
        name, secret = SENDERS[sender]
        signed = hmac.new(secret().encode(), f"{seconds}.".encode() + raw, sha256).hexdigest()
        headers = {name: f"t={seconds},v1={signed}", "CONTENT_TYPE": "application/json"}
        answer: Any = self._ask("POST", f"/webhooks/{sender}/", raw, **headers)
        if answer.status_code != 200:
            raise Refused(f"POST /webhooks/{sender}/: {answer.status_code} {answer.content[:300]!r}")

    def look(self, anonymous_id: str, url: str, referrer: str, *, now: datetime) -> None:
        """A browser looks at a page: what the website's tracking snippet sends."""
        page = {"anonymousId": anonymous_id, "messageId": f"{anonymous_id}:{now.isoformat()}", "properties": {}}
        page["context"] = {"page": {"url": url, "referrer": referrer}, "userAgent": FIREFOX.name}
        basic = base64.b64encode(f"{self._key}:".encode()).decode()
        self._post("/v1/page", page, expected=200, HTTP_AUTHORIZATION=f"Basic {basic}")

    def _post(self, path: str, sent: dict[str, Any], *, expected: int, **headers: str) -> None:
        answer: Any = self._ask("POST", path, json.dumps(sent).encode(), CONTENT_TYPE="application/json", **headers)
        if answer.status_code != expected:
            raise Refused(f"POST {path}: {answer.status_code} {answer.content[:300]!r}")

    def _ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> HttpResponseBase:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            **headers,
        }
        # The answer is not closed: that would close the database's connection, as at the end of a real request.
        return self._handler.get_response(WSGIRequest(environ))
