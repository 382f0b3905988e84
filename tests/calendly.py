"""Calendly as the tests need it: bookings with their calls, in the documented shape, signed as it signs."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from django.test import Client

DOOR = "/webhooks/calendly/"
SECRET = "calendly-signing-key-of-the-tests"
HALF_AN_HOUR = timedelta(minutes=30)
SECRETS_OF_INVITEES = ("cancel_url", "reschedule_url")


def sign(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    seconds = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Calendly-Webhook-Signature": f"t={seconds},v1={signature}"}


def post(client: Client, call: dict[str, Any], *, at: datetime, secret: str = SECRET) -> Any:
    raw = json.dumps(call).encode()
    return client.post(DOOR, raw, content_type="application/json", headers=sign(raw, secret, at))


def written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Invitee:
    """One person's booking of one time. Each method makes the call that tells of it."""

    email: str
    starts_at: datetime
    booked_at: datetime
    name: str | None = "Ada Ash"
    event_name: str = "Product demo"
    time_zone: str = "Europe/Berlin"
    utm: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    replaces: "Invitee | None" = None
    replaced_by: "Invitee | None" = None
    id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def uri(self) -> str:
        return f"https://api.calendly.com/scheduled_events/{self.id}-event/invitees/{self.id}"

    def created(self) -> dict[str, Any]:
        return _call("invitee.created", self.payload(self.booked_at), self.booked_at)

    def canceled(self, at: datetime, reason: str = "", by: str = "Ada Ash") -> dict[str, Any]:
        payload = self.payload(at) | {
            "status": "canceled",
            "rescheduled": self.replaced_by is not None,
            "cancellation": {"canceled_by": by, "reason": reason, "created_at": written(at)},
        }
        return _call("invitee.canceled", payload, at)

    def missed(self, at: datetime) -> dict[str, Any]:
        payload = self.payload(at) | {"no_show": {"uri": self.no_show, "created_at": written(at)}}
        return _call("invitee_no_show.created", payload, at)

    def came_after_all(self, at: datetime) -> dict[str, Any]:
        payload = self.payload(at) | {"no_show": {"uri": self.no_show, "created_at": written(at)}}
        return _call("invitee_no_show.deleted", payload, at)

    def moved(self, to: datetime, at: datetime) -> "tuple[Invitee, list[dict[str, Any]]]":
        """The new time, and both calls that tell of the move."""
        new = Invitee(self.email, to, at, self.name, self.event_name, self.time_zone, self.utm, self.answers, self)
        self.replaced_by = new
        return new, [self.canceled(at), new.created()]

    @property
    def no_show(self) -> str:
        return f"https://api.calendly.com/invitee_no_shows/{self.id}"

    def payload(self, updated_at: datetime) -> dict[str, Any]:
        event = f"https://api.calendly.com/scheduled_events/{self.id}-event"
        return {
            "cancel_url": f"https://calendly.com/cancellations/{self.id}",
            "created_at": written(self.booked_at),
            "email": self.email,
            "event": event,
            "name": self.name,
            "new_invitee": self.replaced_by.uri if self.replaced_by else None,
            "old_invitee": self.replaces.uri if self.replaces else None,
            "questions_and_answers": [
                {"question": question, "answer": answer, "position": place}
                for place, (question, answer) in enumerate(self.answers.items())
            ],
            "reschedule_url": f"https://calendly.com/reschedulings/{self.id}",
            "rescheduled": False,
            "status": "active",
            "text_reminder_number": None,
            "timezone": self.time_zone,
            "tracking": {
                f"utm_{part}": self.utm.get(part) for part in ("campaign", "source", "medium", "content", "term")
            }
            | {"salesforce_uuid": None},
            "updated_at": written(updated_at),
            "uri": self.uri,
            "scheduled_event": {
                "uri": event,
                "name": self.event_name,
                "status": "active",  # also when the invitee is canceled
                "start_time": written(self.starts_at),
                "end_time": written(self.starts_at + HALF_AN_HOUR),
                "event_type": "https://api.calendly.com/event_types/demo",
                "location": {"type": "zoom_conference", "status": "pushed", "join_url": "https://zoom.example/j/77"},
                "invitees_counter": {"total": 1, "active": 1, "limit": 1},
                "event_memberships": [{"user": "https://api.calendly.com/users/mia", "user_email": "mia@example.com"}],
                "event_guests": [],
            },
        }


def _call(event: str, payload: dict[str, Any], at: datetime) -> dict[str, Any]:
    by = "https://api.calendly.com/users/mia"
    return {"created_at": written(at), "created_by": by, "event": event, "payload": payload}
