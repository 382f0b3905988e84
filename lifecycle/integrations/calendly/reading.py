"""What Calendly's calls say, in our words. Pure.

An invitee is one person's booking of one time; its address (`uri`) names it. Moved to another time it is canceled and
another invitee is created; each names the other. Calls have no id. What lets somebody act on a booking without a login
(`cancel_url`, `reschedule_url`) is never read.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lifecycle.core import moments
from lifecycle.integrations.contract import Envelope, Refused
from lifecycle.sales.bookings import Booking, Cancellation, is_zone

CALENDLY = "calendly"
CANCELED = "canceled"
NOT_CANCELED = Cancellation()
LONGEST_KEY = 200
LONGEST_REFERENCE = 250
MOST_ANSWERS, LONGEST_QUESTION, LONGEST_ANSWER = 30, 300, 2_000
# Where a meeting takes place, when Calendly has no link or address for it.
PLACES = {
    "ask_invitee": "as you said when booking",
    "custom": "",
    "google_conference": "Google Meet",
    "gotomeeting": "GoTo Meeting",
    "inbound_call": "by phone: you call us",
    "microsoft_teams_conference": "Microsoft Teams",
    "outbound_call": "by phone: we call you",
    "physical": "",
    "webex_conference": "Webex",
    "zoom_conference": "Zoom",
}


@dataclass(frozen=True, slots=True)
class Invitee:
    """`no_show`: what names the verdict, "" without one."""

    booking: Booking
    email: str
    first_name: str = ""
    last_name: str = ""
    name: str = ""
    phone: str = ""
    is_canceled: bool = False
    how: Cancellation = NOT_CANCELED
    no_show: str = ""
    tracking: Mapping[str, str] | None = None


def envelope(call: Mapping[str, Any]) -> Envelope:
    """What a call is about; Refused(400) if it is none of Calendly's."""
    kind, payload = call.get("event"), call.get("payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise Refused(400, "malformed", "A Calendly call has an event and a payload.")
    named = _text(_mapping(payload.get("no_show")).get("uri")) if kind.startswith("invitee_no_show.") else ""
    if not named:
        named = f"{_text(payload.get('uri'))} {_text(payload.get('updated_at')) or _text(call.get('created_at'))}"
    # Of a call that names nothing, its content is what tells it from others.
    key = f"{kind} {named}" if named.strip() else f"{kind} {_digest(repr(sorted(payload.items(), key=str)))}"
    at = _moment(call.get("created_at")) or _moment(payload.get("updated_at"))
    return Envelope(_short(key), kind[:120], at, address(payload))


def invitee(payload: Mapping[str, Any]) -> Invitee:
    """An invitee as a call's payload describes them; ValueError if it has neither an address nor a name of its own."""
    reference = _reference(payload.get("uri"))
    if not reference:
        raise ValueError("the call names no invitee")
    canceled = _mapping(payload.get("cancellation"))
    moved_to = _reference(payload.get("new_invitee"))
    is_move = payload.get("rescheduled") is True or bool(moved_to)
    name, phone = _text(payload.get("name"))[:200], _text(payload.get("text_reminder_number"))[:40]
    return Invitee(
        booking=_booking(payload, reference),
        email=address(payload),
        first_name=_text(payload.get("first_name"))[:100],
        last_name=_text(payload.get("last_name"))[:100],
        name=name,
        phone=phone,
        is_canceled=payload["status"] == CANCELED if payload.get("status") else bool(canceled),
        how=Cancellation(
            is_move=is_move,
            moved_to=moved_to,
            reason=_text(canceled.get("reason")),
            by=_text(canceled.get("canceled_by")),
            at=_moment(canceled.get("created_at")) or _moment(payload.get("updated_at")),
        ),
        no_show=_text(_mapping(payload.get("no_show")).get("uri")),
        tracking=tracking(payload),
    )


def address(payload: Mapping[str, Any]) -> str:
    """The person's mail address: an invitee's own, or the answer to a routing form's question for it."""
    if given := _text(payload.get("email")):
        return given
    for row in _rows(payload.get("questions_and_answers")):
        answer = _text(row.get("answer"))
        if "@" in answer and " " not in answer and "mail" in _text(row.get("question")).lower():
            return answer
    return ""


def answers(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    """Questions that were answered, with their answers."""
    found = [
        {
            "question": _text(row.get("question"))[:LONGEST_QUESTION],
            "answer": _text(row.get("answer"))[:LONGEST_ANSWER],
        }
        for row in _rows(payload.get("questions_and_answers"))
    ]
    return [row for row in found if row["answer"]][:MOST_ANSWERS]


def _booking(payload: Mapping[str, Any], reference: str) -> Booking:
    event = _mapping(payload.get("scheduled_event"))  # captures from before 2022 have none
    zone = _text(payload.get("timezone"))
    hosts = [_text(host.get("user_email")) for host in _rows(event.get("event_memberships"))]
    return Booking(
        provider=CALENDLY,
        reference=reference,
        event_name=_text(event.get("name")),
        starts_at=_moment(event.get("start_time")),
        ends_at=_moment(event.get("end_time")),
        time_zone=zone if is_zone(zone) else "",
        location=_place(_mapping(event.get("location"))),
        host_email=next((host for host in hosts if "@" in host), ""),
        answers=answers(payload),
        booked_at=_moment(payload.get("created_at")),
        replaces=_reference(payload.get("old_invitee")),
    )


def _place(location: Mapping[str, Any]) -> str:
    """A link or an address if there is one, else the kind of call."""
    link, said = _text(location.get("join_url")), _text(location.get("location"))
    return link or said or PLACES.get(_text(location.get("type")), "")


def tracking(payload: Mapping[str, Any]) -> dict[str, str]:
    """The UTM values of the page that the booking was made from."""
    sent = _mapping(payload.get("tracking"))
    return {name: value for name in sent if name.startswith("utm_") and (value := _text(sent[name]))}


def _reference(value: object) -> str:
    """A long one shortened so that it still is no other's."""
    text = _text(value)
    return text if len(text) <= LONGEST_REFERENCE else f"{text[:150]}:{_digest(text)}"


def _short(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else f"{key[:100]}:{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _moment(value: object) -> datetime | None:
    moment = moments.read(value)
    try:
        return moment.astimezone(UTC) if moment else None
    except OverflowError:
        return None


def _text(value: object) -> str:
    """A text as a database takes it, "" for anything else."""
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _rows(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
