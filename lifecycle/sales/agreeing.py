"""Meetings as colleagues see them: agreed on the phone, moved, called off, and what became of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from leads.pipeline import process_at_once
from lifecycle.sales import meetings
from lifecycle.sales.bookings import Booking, Cancellation
from lifecycle.sales.meetings import MANUAL, Change
from lifecycle.sales.models import Meeting

# What may be said of a meeting: held, no_show, canceled.
Verdict = Callable[[Meeting, str, datetime], Change]


def agree(lead_id: int, booking: Booking, *, now: datetime) -> Meeting:
    """Write down a meeting that was agreed without a calendar, perhaps in place of another, and react at once."""
    booking = replace(booking, provider=booking.provider or MANUAL, reference=uuid4().hex, booked_at=now)
    made = meetings.book(lead_id, booking, now=now).meeting
    process_at_once(lead_id, now=now)
    return made


def say(meeting: Meeting, verdict: str, *, by: str, now: datetime) -> bool:
    """Somebody says what became of a meeting: held, no_show or canceled. False if that is so already, or cannot be."""
    change = VERDICTS[verdict](meeting, by, now)
    process_at_once(meeting.lead_id, now=now)
    return bool(change.kind)


def _held(meeting: Meeting, by: str, now: datetime) -> Change:
    return meetings.hold(meeting.lead_id, _named(meeting), mark=_mark(meeting, now), now=now)


def _missed(meeting: Meeting, by: str, now: datetime) -> Change:
    return meetings.miss(meeting.lead_id, _named(meeting), mark=_mark(meeting, now), now=now)


def _canceled(meeting: Meeting, by: str, now: datetime) -> Change:
    return meetings.cancel(meeting.lead_id, _named(meeting), Cancellation(by=by, at=now), now=now)


VERDICTS: dict[str, Verdict] = {"held": _held, "no_show": _missed, "canceled": _canceled}


def _named(meeting: Meeting) -> Booking:
    return Booking(meeting.provider, meeting.reference)


def _mark(meeting: Meeting, now: datetime) -> str:
    """People may change their mind, and each time it is told."""
    return f"{meeting.reference}@{now.isoformat()}"
