"""Zoom as it calls us: payloads of its documented shapes, signed as it signs them."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from tests.integrations.senders import send

SECRET = "zoom-secret-token"
ZOOM_ID = 93300000008
HOST = "uLoRgfbbTayCX6r2Q_qQsQ"


def signed(raw: bytes, secret: str, at: datetime) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), b"v0:%b:%b" % (timestamp.encode(), raw), hashlib.sha256).hexdigest()
    return {"x-zm-signature": f"v0={digest}", "x-zm-request-timestamp": timestamp}


def post(client: Client, body: Any, *, at: datetime, secret: str = SECRET, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return send(client, "/webhooks/zoom/", raw, {**signed(raw, secret, at), **headers})


def event(kind: str, at: datetime, **thing: Any) -> dict[str, Any]:
    inner = {"uuid": "dj12vck6sdTn6yy7qdy3dQg==", "id": ZOOM_ID, "host_id": HOST, "topic": "Scoring", **thing}
    payload = {"account_id": "lAAAAAAAAAAAAA", "object": inner}
    return {"event": kind, "event_ts": int(at.timestamp() * 1000), "payload": payload}


def registrant(email: str = "ada@acme.com", id: str = "R-ada", **more: Any) -> dict[str, Any]:
    named = {"first_name": "Ada", "last_name": "Ash", "org": "Acme", "status": "approved"}
    return {"id": id, "email": email, **named, "join_url": f"https://zoom.us/w/{id}", **more}


def registration(what: str, at: datetime, **who: Any) -> dict[str, Any]:
    """what: created, approved, cancelled, denied."""
    return event(f"webinar.registration_{what}", at, registrant=registrant(**who))


def joined(at: datetime, *, thing: str = "webinar", **who: Any) -> dict[str, Any]:
    return event(f"{thing}.participant_joined", at, participant=participant(join_time=iso(at), **who))


def left(at: datetime, *, thing: str = "webinar", **who: Any) -> dict[str, Any]:
    return event(f"{thing}.participant_left", at, participant=participant(leave_time=iso(at), **who))


def participant(**more: Any) -> dict[str, Any]:
    return {
        "user_id": "16778240",
        "user_name": "Ada Ash",
        "id": "",
        "email": "ada@acme.com",
        "registrant_id": "",
        **more,
    }


def ended(at: datetime, **more: Any) -> dict[str, Any]:
    return event("webinar.ended", at, end_time=iso(at), **more)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
