"""What happens to meetings: booked, moved, canceled, missed, held. Each is told by one event, once.

Calendars tell things twice, late, and in any order. So each action takes the person's lock, looks at all that is known
of their meetings, and writes an event only if that is news. What has been told of is found by the event's key.

An event of a meeting happens when we learn of it: whatever the calendar's clock says, what a person is in at that
moment (a nurture that ends with a booking) ends. The calendar's own times are `booked_at` and `canceled_at`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from leads import claiming
from lifecycle.core import sql, ticks
from lifecycle.sales.bookings import HELD, MOVED, NO_SHOW, OFF, SCHEDULED, Booking, Cancellation
from lifecycle.sales.diary import Diary
from lifecycle.sales.models import Meeting

# So long after its end a meeting of which nothing else was heard took place.
TAKEN_PLACE = timedelta(hours=1)
# So long a meeting that was given up for another time waits for that; then it is canceled, until that comes after all.
NEW_TIME_WITHIN = timedelta(hours=1)
# How long a meeting lasts whose end nobody tells.
USUAL_LENGTH = timedelta(hours=1)
MANUAL = "manual"

_OVER = """
    SELECT id FROM sales_meeting
    WHERE state = 'scheduled' AND new_time_until IS NULL AND starts_at <= %b
      AND coalesce(ends_at, starts_at + %b::interval) <= %b
    ORDER BY starts_at LIMIT %b
"""
_NEVER_CAME = """
    SELECT id FROM sales_meeting WHERE state = 'scheduled' AND new_time_until <= %b ORDER BY new_time_until LIMIT %b
"""


@dataclass(frozen=True, slots=True)
class Change:
    """`kind`: of the event that tells of it, "" if it was no news. `is_new`: we did not know this meeting.
    `is_first_word`: nor what its calendar says of it, but perhaps its name."""

    meeting: Meeting
    kind: str = ""
    is_new: bool = False
    is_first_word: bool = False


def lead_of(provider: str, *references: str) -> int | None:
    """Whose meeting the first known of these references is, or was given up for it; empty ones are left out."""
    named = [one for one in references if one]
    ours = Meeting.objects.filter(provider=provider)
    rows = ours.filter(Q(reference__in=named) | Q(new_reference__in=named)) if named else ours.none()
    known: dict[str, int] = {}
    for reference, new_reference, lead_id in rows.values_list("reference", "new_reference", "lead_id"):
        known[reference] = lead_id
        known.setdefault(new_reference, lead_id)
    return next((known[reference] for reference in named if reference in known), None)


def knows(provider: str, reference: str) -> bool:
    return state_of(provider, reference) != ""


def state_of(provider: str, reference: str) -> str:
    """The state of a meeting, "" of one that is not known."""
    found = Meeting.objects.filter(provider=provider, reference=reference).values_list("state", flat=True)
    return str(found.first() or "")


def is_newest(meeting: Meeting) -> bool:
    """Whether its person booked no other one since."""
    others = Meeting.objects.filter(lead_id=meeting.lead_id, is_named_only=False).exclude(pk=meeting.pk)
    return not others.filter(booked_at__gt=meeting.booked_at).exists()


def missing(lead_id: int, booking: Booking, *, now: datetime) -> str:
    """The reference of the meeting that must be heard of before it is clear where this booking belongs; "" for none.

    Only of somebody of whom another booking is known, so that nothing which that booking stops goes on meanwhile.
    """
    return Diary(lead_id, now).missing(booking)


@transaction.atomic
def book(lead_id: int, booking: Booking, *, now: datetime) -> Change:
    """A meeting was booked, or moved here from `booking.replaces`: `meeting.booked` or `meeting.rescheduled`.

    Whatever was told of it before stays: one that is known gets only what was missing. The earlier meeting need not be
    known yet; what it was comes in when its calendar tells. If that counted as canceled, this is a booking again.
    """
    diary = Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    comes_back = diary.link(meeting, booking)
    if not is_new or meeting.state != SCHEDULED:
        return Change(meeting, "", is_new, diary.is_first_word)
    kind = "meeting.rescheduled" if diary.told_as(meeting) and not comes_back else "meeting.booked"
    return Change(meeting, diary.tell(meeting, kind, meeting.reference), is_new, diary.is_first_word)


@transaction.atomic
def cancel(lead_id: int, booking: Booking, how: Cancellation, *, now: datetime) -> Change:
    """A meeting is off: `meeting.canceled`, unless it was moved. One that we did not know is made from `booking`.

    If the time that it was moved to is not known yet, it stays as it is for NEW_TIME_WITHIN.
    """
    diary = Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    diary.link(meeting, booking)
    if how.moved_to and (later := diary.find(booking.provider, how.moved_to)):
        diary.link(later, Booking(booking.provider, how.moved_to, replaces=booking.reference))
    if meeting.state in OFF or (how.is_move and meeting.new_time_until is not None):
        return Change(meeting, "", is_new, diary.is_first_word)
    meeting.canceled_at = how.at or now
    meeting.cancel_reason, meeting.canceled_by = how.reason[:500], how.by[:200]
    if not how.is_move:
        return Change(meeting, diary.call_off(meeting), is_new, diary.is_first_word)
    if how.moved_to and knows(booking.provider, how.moved_to):  # another person's, by another address
        meeting.state = MOVED
    else:
        meeting.new_reference, meeting.new_time_until = how.moved_to, now + NEW_TIME_WITHIN
    meeting.save()
    return Change(meeting, "", is_new, diary.is_first_word)


@transaction.atomic
def miss(lead_id: int, booking: Booking, *, mark: str = "", now: datetime) -> Change:
    """The person did not come: `meeting.no_show`. `mark` names this verdict, so that one that was taken back and is
    told once more stays taken back."""
    diary = Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    if meeting.state in OFF or meeting.state == NO_SHOW:
        return Change(meeting, is_new=is_new)
    kind = diary.tell_after(meeting, "meeting.no_show", NO_SHOW, mark or meeting.reference)
    return Change(meeting, kind, is_new=is_new)


@transaction.atomic
def hold(lead_id: int, booking: Booking, *, mark: str = "", now: datetime) -> Change:
    """It took place: `meeting.held`; also of one that was taken for missed, with a `mark` of its own."""
    diary = Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    if meeting.state in OFF or meeting.state == HELD:
        return Change(meeting, is_new=is_new)
    kind = diary.tell_after(meeting, "meeting.held", HELD, mark or meeting.reference)
    return Change(meeting, kind, is_new=is_new)


@ticks.when("""
    EXISTS (SELECT FROM sales_meeting WHERE state = 'scheduled' AND new_time_until IS NULL AND starts_at <= %(now)b)
    OR EXISTS (SELECT FROM sales_meeting WHERE state = 'scheduled' AND new_time_until <= %(now)b)
""")
def sweep(*, now: datetime, limit: int = 500) -> int:
    """What comes true of meetings by waiting; how many.

    Whose end is an hour ago and of which nothing else was heard took place. Whose new time never came is canceled.
    """
    over = sql.fetch(_OVER, [now - TAKEN_PLACE, USUAL_LENGTH, now - TAKEN_PLACE, limit])
    alone = sql.fetch(_NEVER_CAME, [now, limit])
    return sum(_held_by_now(pk, now=now) for (pk,) in over) + sum(_canceled_by_now(pk, now=now) for (pk,) in alone)


@transaction.atomic
def _held_by_now(meeting_id: int, *, now: datetime) -> bool:
    meeting = _still_scheduled(meeting_id)
    if meeting is None:
        return False
    return bool(hold(meeting.lead_id, Booking(meeting.provider, meeting.reference), now=now).kind)


@transaction.atomic
def _canceled_by_now(meeting_id: int, *, now: datetime) -> bool:
    meeting = _still_scheduled(meeting_id)
    if meeting is None or meeting.new_time_until is None or meeting.new_time_until > now:
        return False
    diary = Diary(meeting.lead_id, now)
    ours = diary.find(meeting.provider, meeting.reference)
    return ours is not None and bool(diary.call_off(ours))


def _still_scheduled(meeting_id: int) -> Meeting | None:
    """The meeting, whose person is held; None if something was said of it meanwhile."""
    lead_id = Meeting.objects.filter(pk=meeting_id).values_list("lead_id", flat=True).first()
    if lead_id is None:
        return None
    claiming.hold([lead_id])
    return Meeting.objects.filter(pk=meeting_id, state=SCHEDULED).first()
