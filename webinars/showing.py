"""What the page of a webinar is given: its phase, its words, and what a search engine reads of it. Pure."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils.safestring import SafeString, mark_safe

from webinars import calendar_links, telling
from webinars.models import Registration, Webinar

DOORS_OPEN = timedelta(minutes=15)
"""How long before the start those who registered may join."""
_FOR_SCRIPTS = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def phase(webinar: Webinar, *, now: datetime) -> str:
    """draft, canceled, before, live or over."""
    if webinar.state != Webinar.State.OPEN:
        return str(webinar.state)
    if now < webinar.starts_at:
        return "before"
    return "live" if now < webinar.ends_at else "over"


@dataclass(frozen=True, slots=True)
class Seat:
    """A registration as its page shows it. Empty addresses are not offered (yet)."""

    state: str
    is_personal: bool
    join_url: str
    opens_at: datetime
    calendar_url: str
    google_url: str
    outlook_url: str
    survey_url: str
    cancel_url: str


def seat(registration: Registration, webinar: Webinar, *, is_personal: bool, now: datetime) -> Seat:
    """Only who came by their own mail sees what is theirs alone: their Zoom link, their answers, the way out."""
    has_seat = registration.state == Registration.State.REGISTERED and phase(webinar, now=now) in ("before", "live")
    opens_at = webinar.starts_at - DOORS_OPEN
    join_url = telling.way_in(registration, webinar, is_personal=is_personal)
    where = join_url or telling.public_url(webinar)
    survey = telling.survey_url(registration, webinar) if is_personal else telling.filled_survey(webinar, {})
    may_cancel = is_personal and registration.state != Registration.State.CANCELED
    return Seat(
        registration.state,
        is_personal,
        join_url if has_seat and now >= opens_at else "",
        opens_at,
        telling.calendar_url(registration, is_personal=is_personal) if has_seat else "",
        calendar_links.google(webinar, where=where) if has_seat else "",
        calendar_links.outlook(webinar, where=where) if has_seat else "",
        survey if registration.state == Registration.State.REGISTERED else "",
        f"{telling.own_url(registration)}/cancel" if may_cancel and phase(webinar, now=now) == "before" else "",
    )


def until(webinar: Webinar, *, now: datetime) -> str:
    """How long it is until the start, for who has no script to count: “8 days and 3 hours”; "" once it began."""
    minutes = max(0, -((now - webinar.starts_at) // timedelta(minutes=1)))
    sizes = (("day", minutes // 1440), ("hour", minutes // 60 % 24), ("minute", minutes % 60))
    first = next((place for place, (_, many) in enumerate(sizes) if many), len(sizes))
    return " and ".join(f"{many} {unit}{'s' * (many != 1)}" for unit, many in sizes[first : first + 2] if many)


def in_zone(webinar: Webinar, zone: str) -> str:
    """When it is by another clock: “Tuesday, 10 March, 10:00–10:45 (America/New York)”; "" if it shows the same."""
    try:
        other = ZoneInfo(zone) if zone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    if other is None:
        return ""
    start, end = webinar.starts_at.astimezone(other), webinar.ends_at.astimezone(other)
    if start.utcoffset() == webinar.starts_at.astimezone(ZoneInfo(webinar.time_zone)).utcoffset():
        return ""
    return f"{start:%A}, {start.day} {start:%B}, {start:%H:%M}–{end:%H:%M} ({zone.replace('_', ' ')})"


def paragraphs(webinar: Webinar) -> list[str]:
    return [part.strip() for part in webinar.description.replace("\r\n", "\n").split("\n\n") if part.strip()]


def for_search_engines(webinar: Webinar, *, organizer: str) -> SafeString:
    """The event as schema.org describes it."""
    was_canceled = webinar.state == Webinar.State.CANCELED
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": webinar.title,
        "description": webinar.summary or webinar.title,
        "startDate": webinar.starts_at.isoformat(),
        "endDate": webinar.ends_at.isoformat(),
        "eventAttendanceMode": "https://schema.org/OnlineEventAttendanceMode",
        "eventStatus": f"https://schema.org/{'EventCancelled' if was_canceled else 'EventScheduled'}",
        "location": {"@type": "VirtualLocation", "url": telling.public_url(webinar)},
        "organizer": {"@type": "Organization", "name": organizer},
        "performer": [{"@type": "Person", "name": speaker.name} for speaker in webinar.speakers.all()],
        "isAccessibleForFree": True,
    }
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(_FOR_SCRIPTS))  # noqa: S308  no tag can end in it
