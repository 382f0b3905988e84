"""Who sends webhooks, how they sign, and what they may send: one row a sender, for what all of them must pass.

A new vendor adds a row to `SENDERS`; `test_signatures.py` does the rest.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import standardwebhooks
from django.http import HttpResponse
from django.test import Client, override_settings

from lifecycle.core import sealing
from lifecycle.integrations.models import WebhookRule, WebhookSource
from tests.factories import NOON

Headers = Mapping[str, str]
HOOK = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER_HOOK = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()


@dataclass(frozen=True)
class Sender:
    """`sign(body, secret, at)`: the headers of a call. `having(secrets)`: while these secrets are set.

    `body`: of a kind that is handled. `unknown`: of one that means nothing here. `tolerance`: how old a signature may
    be.
    """

    name: str
    path: str
    sign: Callable[[bytes, str, datetime], Headers]
    having: Callable[[Sequence[str]], AbstractContextManager[Any]]
    body: Mapping[str, Any]
    unknown: Mapping[str, Any]
    tolerance: timedelta
    secret: str = "the-secret-of-today"
    other: str = "the-secret-of-tomorrow"

    def post(self, client: Client, body: bytes | Mapping[str, Any], *, at: datetime, secret: str = "") -> HttpResponse:
        """Signed, as the sender would."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return send(client, self.path, raw, self.sign(raw, secret or self.secret, at))


def send(client: Client, path: str, raw: bytes, headers: Headers) -> HttpResponse:
    return client.post(path, raw, content_type="application/json", headers=dict(headers))


def hexed(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def stamped(header: str) -> Callable[[bytes, str, datetime], Headers]:
    """`t=SECONDS,v1=HEX` over `SECONDS.body`, as Calendly and Stripe sign."""

    def sign(body: bytes, secret: str, at: datetime) -> Headers:
        stamp = str(int(at.timestamp()))
        return {header: f"t={stamp},v1={hexed(secret, stamp.encode() + b'.' + body)}"}

    return sign


def as_zoom(body: bytes, secret: str, at: datetime) -> Headers:
    stamp = str(int(at.timestamp()))
    signature = hexed(secret, b"v0:" + stamp.encode() + b":" + body)
    return {"x-zm-signature": f"v0={signature}", "x-zm-request-timestamp": stamp}


def as_standard(body: bytes, secret: str, at: datetime) -> Headers:
    """By the specification's own library, which signs text only: bytes that are none are signed as it would."""
    key, stamp = f"msg_{hashlib.sha256(body).hexdigest()[:12]}", str(int(at.timestamp()))
    try:
        signature = standardwebhooks.Webhook(secret).sign(key, at, body.decode())
    except UnicodeDecodeError:
        signed = b".".join([key.encode(), stamp.encode(), body])
        digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": key, "webhook-timestamp": stamp, "webhook-signature": signature}


def setting(name: str) -> Callable[[Sequence[str]], AbstractContextManager[Any]]:
    return lambda secrets: override_settings(**{name: list(secrets)})


@contextmanager
def source(secrets: Sequence[str]) -> Iterator[None]:
    """A source of these secrets, the newest last, with one rule."""
    *former, newest = ["", *(sealing.seal(secret) for secret in secrets)]
    held = {"name": "Shop", "secret": newest, "former_secret": former[-1] if former else ""}
    shop, _ = WebhookSource.objects.update_or_create(
        slug="shop", defaults=held, create_defaults={**held, "created_at": NOON}
    )
    rule = {"event_kind": "plan.upgraded", "email_path": "email"}
    WebhookRule.objects.get_or_create(source=shop, kind="user.upgraded", defaults=rule)
    yield


BOOKING = {
    "uri": "https://api.calendly.com/scheduled_events/E1/invitees/I1",
    "email": "ada@acme.com",
    "name": "Ada Ash",
    "status": "active",
    "event": "https://api.calendly.com/scheduled_events/E1",
    "created_at": "2026-03-02T12:00:00.000000Z",
    "updated_at": "2026-03-02T12:00:00.000000Z",
    "rescheduled": False,
    "timezone": "Europe/Berlin",
    "scheduled_event": {
        "uri": "https://api.calendly.com/scheduled_events/E1",
        "name": "Demo",
        "start_time": "2026-03-04T12:00:00.000000Z",
        "end_time": "2026-03-04T12:30:00.000000Z",
        "status": "active",
    },
}
SENDERS = [
    Sender(
        name="calendly",
        path="/webhooks/calendly/",
        sign=stamped("calendly-webhook-signature"),
        having=setting("CALENDLY_WEBHOOK_SECRETS"),
        body={"event": "invitee.created", "created_at": "2026-03-02T12:00:00.000000Z", "payload": BOOKING},
        unknown={
            "event": "event_type.created",
            "created_at": "2026-03-02T12:00:00.000000Z",
            "payload": {"uri": "https://api.calendly.com/event_types/T1"},
        },
        tolerance=timedelta(minutes=3),
    ),
    Sender(
        name="stripe",
        path="/webhooks/stripe/",
        sign=stamped("stripe-signature"),
        having=setting("STRIPE_WEBHOOK_SECRETS"),
        body={
            "id": "evt_1",
            "object": "event",
            "type": "customer.subscription.deleted",
            "created": int(NOON.timestamp()),
            "livemode": True,
            "data": {"object": {"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "canceled"}},
        },
        unknown={
            "id": "evt_2",
            "object": "event",
            "type": "radar.early_fraud_warning.created",
            "created": int(NOON.timestamp()),
            "data": {"object": {"id": "issfr_1", "object": "radar.early_fraud_warning"}},
        },
        tolerance=timedelta(minutes=5),
    ),
    Sender(
        name="zoom",
        path="/webhooks/zoom/",
        sign=as_zoom,
        having=setting("ZOOM_WEBHOOK_SECRETS"),
        body={
            "event": "webinar.participant_joined",
            "event_ts": int(NOON.timestamp() * 1000),
            "payload": {
                "account_id": "A",
                "object": {
                    "id": "93300000008",
                    "uuid": "u",
                    "participant": {"user_id": "1", "user_name": "Ada", "email": "ada@acme.com"},
                },
            },
        },
        unknown={
            "event": "user.presence_status_updated",
            "event_ts": int(NOON.timestamp() * 1000),
            "payload": {"account_id": "A", "object": {"id": "x"}},
        },
        tolerance=timedelta(minutes=5),
    ),
    Sender(
        name="any system",
        path="/webhooks/in/shop/",
        sign=as_standard,
        having=source,
        body={"type": "user.upgraded", "email": "ada@acme.com"},
        unknown={"type": "user.sneezed", "email": "ada@acme.com"},
        tolerance=timedelta(minutes=5),
        secret=HOOK,
        other=OTHER_HOOK,
    ),
]
