"""What calendars tell of meetings, and what follows from all of it. Pure: values in, values out.

A meeting that is moved to another time is another meeting that replaces it: a chain, of which the last one counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SCHEDULED, HELD, CANCELED, MOVED, NO_SHOW = "scheduled", "held", "canceled", "moved", "no_show"
# Whoever learns of these later changes nothing: a meeting that is off is neither held nor missed.
OFF = frozenset({CANCELED, MOVED})


@dataclass(frozen=True, slots=True)
class Booking:
    """A meeting as its calendar tells of it; what it does not say is empty. `replaces`: the reference of the earlier
    time. `answers`: [{question, answer}] as they were given."""

    provider: str
    reference: str
    event_name: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    time_zone: str = ""
    location: str = ""
    host_email: str = ""
    answers: Sequence[Mapping[str, str]] = ()
    booked_at: datetime | None = None
    replaces: str = ""

    def columns(self) -> dict[str, Any]:
        """The columns of a Meeting that it has something to say of, cut to what they hold."""
        said = {
            "event_name": self.event_name[:200],
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
            "time_zone": self.time_zone[:64],
            "location": self.location[:500],
            "host_email": self.host_email[:254],
            "answers": [dict(answer) for answer in self.answers],
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Cancellation:
    """`is_move`: it was given up for another time, that of the reference `moved_to` if the calendar says which."""

    is_move: bool = False
    moved_to: str = ""
    reason: str = ""
    by: str = ""
    at: datetime | None = None


class Meetinglike(Protocol):
    """What is read of a Meeting."""

    pk: Any
    state: Any
    event_name: Any
    starts_at: Any
    ends_at: Any
    time_zone: Any
    location: Any
    booked_at: Any


@dataclass(frozen=True, slots=True)
class Demo:
    """The lead's demo fields."""

    booked: bool = False
    at: datetime | None = None
    event_name: str = ""
    status: str = ""

    def properties(self) -> dict[str, Any]:
        """As events carry them; `leads.projection` reads them back."""
        return {
            "demo_booked": self.booked,
            "demo_at": iso(self.at),
            "demo_event_name": self.event_name,
            "demo_status": self.status,
        }


def demo_of(meetings: Iterable[Meetinglike]) -> Demo:
    """What a person's meetings say about their demo: the active one booked last, else the last of the others."""
    counting = sorted((one for one in meetings if one.state != MOVED), key=lambda one: (one.booked_at, one.pk))
    if not counting:
        return Demo()
    newest = next((one for one in reversed(counting) if one.state == SCHEDULED), counting[-1])
    return Demo(newest.state != CANCELED, newest.starts_at, newest.event_name, str(newest.state))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the event of a meeting tells beside the meeting itself."""

    booking_id: str
    demo: Demo
    said: Mapping[str, Any] = field(default_factory=dict)


def properties(meeting: Meetinglike, facts: Facts, *, now: datetime) -> dict[str, Any]:
    """Of the event that tells of a meeting. `upcoming`: it is not over, as far as we know."""
    ends_at = meeting.ends_at or meeting.starts_at
    told = {
        "booking_id": facts.booking_id,
        "meeting": meeting.pk,
        "at": iso(meeting.starts_at),
        "ends_at": iso(meeting.ends_at),
        "event_name": meeting.event_name,
        "time_zone": meeting.time_zone,
        "when": when(meeting.starts_at, meeting.time_zone),
        "location": meeting.location,
        "upcoming": ends_at is None or ends_at > now,
        **facts.said,
    }
    return {name: value for name, value in told.items() if value != ""} | facts.demo.properties()


WORDS = {
    "meeting.booked": "Booked {what}",
    "meeting.rescheduled": "Moved {what}",
    "meeting.canceled": "Canceled {what}",
    "meeting.no_show": "Did not come to {what}",
    "meeting.held": "Met for {what}",
    "meeting.routed": "Filled in a routing form",
}


def told(kind: str, properties: Mapping[str, Any]) -> tuple[str, str]:
    """A meeting's event as a sentence, and what else is worth reading of it."""
    title = WORDS[kind].format(what=properties.get("event_name") or "a meeting")
    details = (properties.get(name) for name in ("when", "location", "reason"))
    return title, " · ".join(str(detail) for detail in details if detail)


def when(at: datetime | None, time_zone: str) -> str:
    """A time in words, on the clock of that zone (UTC if it is none): Tuesday, 24 November 2026 at 10:00 (Berlin)."""
    if at is None:
        return ""
    zone, name = _zone(time_zone)
    local = at.astimezone(zone)
    return f"{local:%A}, {local.day} {local:%B %Y} at {local:%H:%M} ({name})"


def _zone(name: str) -> tuple[Any, str]:
    try:
        return ZoneInfo(name), name.replace("_", " ")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC, "UTC"


def is_zone(name: str) -> bool:
    """Whether a clock goes by that name."""
    return bool(name) and (_zone(name)[1] != "UTC" or name.upper() in ("UTC", "ETC/UTC"))


def iso(at: datetime | None) -> str:
    """ISO 8601 in UTC, "" for no time."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else ""
