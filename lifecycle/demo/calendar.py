"""Bookings as the calendar tells of them: Calendly's words for one person's time. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

LENGTH = timedelta(minutes=30)
EVENT = "Brightquay demo, 30 minutes"
API = "https://api.calendly.com"


@dataclass(frozen=True, slots=True)
class Booking:
    """One person's booking of one time; `replaces` names the one it was moved from, `replaced_by` the one it became."""

    number: int
    turn: int
    email: str
    name: str
    zone: str
    starts_at: datetime
    booked_at: datetime
    wants: str = ""
    replaces: int | None = None
    replaced_by: int | None = None

    def uri(self, turn: int | None) -> str | None:
        return None if turn is None else f"{API}/scheduled_events/BQ{self.number:05}-{turn}/invitees/{self.number}"


def call(kind: str, booking: Booking, at: datetime) -> dict[str, Any]:
    """What Calendly posts: invitee.created, invitee.canceled or invitee_no_show.created."""
    payload = _invitee(booking, at)
    if kind == "invitee.canceled":
        payload |= {"status": "canceled", "rescheduled": booking.replaced_by is not None}
        payload["cancellation"] = {"canceled_by": booking.name, "reason": "Something came up"}
    if kind == "invitee_no_show.created":
        payload["no_show"] = {"uri": f"{API}/invitee_no_shows/{booking.number}-{booking.turn}"}
    return {"event": kind, "created_at": _written(at), "created_by": f"{API}/users/brightquay", "payload": payload}


def _invitee(booking: Booking, at: datetime) -> dict[str, Any]:
    event = str(booking.uri(booking.turn)).partition("/invitees/")[0]
    answers = [{"question": "What should the demo show?", "answer": booking.wants, "position": 0}]
    return {
        "uri": booking.uri(booking.turn),
        "email": booking.email,
        "name": booking.name,
        "timezone": booking.zone,
        "status": "active",
        "rescheduled": False,
        "old_invitee": booking.uri(booking.replaces),
        "new_invitee": booking.uri(booking.replaced_by),
        "created_at": _written(booking.booked_at),
        "updated_at": _written(at),
        "questions_and_answers": answers if booking.wants else [],
        "tracking": {"utm_source": "website", "utm_medium": "booking", "utm_campaign": None},
        "event": event,
        "scheduled_event": {
            "uri": event,
            "name": EVENT,
            "status": "active",
            "start_time": _written(booking.starts_at),
            "end_time": _written(booking.starts_at + LENGTH),
            "location": {"type": "zoom_conference", "join_url": f"https://meet.brightquay.example/{booking.number}"},
        },
    }


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
