"""What happens to meetings: booked, moved, canceled, missed, held. Each is told by one event, once.

Calendars tell things twice, late, and in any order. So each action takes the person's lock, looks at all that is known
of their meetings, and writes an event only if that is news. What has been told of is found by the event's key.

An event of a meeting happens when we learn of it: whatever the calendar's clock says, what a person is in at that
moment (a nurture that ends with a booking) ends. The calendar's own times are `booked_at` and `canceled_at`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from leads import claiming, log
from leads.log import NewEvent
from lifecycle.core import keys, sql
from lifecycle.sales import bookings
from lifecycle.sales.bookings import CANCELED, HELD, MOVED, NO_SHOW, OFF, SCHEDULED, Booking, Cancellation, Facts
from lifecycle.sales.models import Meeting

# So long after its end a meeting of which nothing else was heard took place.
TAKEN_PLACE = timedelta(hours=1)
# How long a meeting lasts whose end nobody tells.
USUAL_LENGTH = timedelta(hours=1)
MANUAL = "manual"

_LAST_TOLD = """
    SELECT max(e.occurred_at) FROM leads_event e
    WHERE e.lead_id = %b AND e.kind LIKE 'meeting.%%' AND e.occurred_at >= %b
"""
_BOOKED_AS = """
    SELECT e.properties ->> 'booking_id' FROM leads_event e
    WHERE e.source = %b AND e.key = ANY(%b::text[]) ORDER BY e.id LIMIT 1
"""
_OVER = """
    SELECT id FROM sales_meeting
    WHERE state = 'scheduled' AND starts_at <= %b AND coalesce(ends_at, starts_at + %b::interval) <= %b
    ORDER BY starts_at LIMIT %b
"""


@dataclass(frozen=True, slots=True)
class Change:
    """`kind`: of the event that tells of it, "" if it was no news. `is_new`: we did not know this meeting."""

    meeting: Meeting
    kind: str = ""
    is_new: bool = False


def lead_of(provider: str, *references: str) -> int | None:
    """Whose meeting the first known of these references is; empty ones are left out."""
    known = dict(
        Meeting.objects.filter(provider=provider, reference__in=[one for one in references if one]).values_list(
            "reference", "lead_id"
        )
    )
    return next((known[reference] for reference in references if reference in known), None)


def knows(provider: str, reference: str) -> bool:
    return state_of(provider, reference) != ""


def state_of(provider: str, reference: str) -> str:
    """The state of a meeting, "" of one that is not known."""
    found = Meeting.objects.filter(provider=provider, reference=reference).values_list("state", flat=True)
    return str(found.first() or "")


@transaction.atomic
def book(lead_id: int, booking: Booking, *, now: datetime) -> Change:
    """A meeting was booked, or moved here from `booking.replaces`: `meeting.booked` or `meeting.rescheduled`.

    Whatever was told of it before stays: one that is known gets only what was missing. The earlier meeting need not be
    known yet; what it was comes in when its calendar tells.
    """
    diary = _Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    if booking.replaces:
        diary.replace(meeting, booking)
    if not is_new or meeting.state != SCHEDULED:
        return Change(meeting, is_new=is_new)
    kind = "meeting.rescheduled" if diary.told_as(meeting) else "meeting.booked"
    return Change(meeting, diary.tell(meeting, kind, meeting.reference), is_new=True)


@transaction.atomic
def cancel(lead_id: int, booking: Booking, how: Cancellation, *, now: datetime) -> Change:
    """A meeting is off: `meeting.canceled`, unless it was moved. One that we did not know is made from `booking`."""
    diary = _Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    if meeting.state in OFF:
        return Change(meeting, is_new=is_new)
    meeting.state = MOVED if how.is_move else CANCELED
    meeting.canceled_at = how.at or now
    meeting.cancel_reason, meeting.canceled_by = how.reason[:500], how.by[:200]
    meeting.save()
    if how.is_move:
        return Change(meeting, is_new=is_new)
    said = {"reason": meeting.cancel_reason} if meeting.cancel_reason else {}
    return Change(meeting, diary.tell(meeting, "meeting.canceled", meeting.reference, said), is_new=is_new)


@transaction.atomic
def miss(lead_id: int, booking: Booking, *, mark: str = "", now: datetime) -> Change:
    """The person did not come: `meeting.no_show`. `mark` names this verdict, so that one that was taken back and is
    told once more stays taken back."""
    diary = _Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    if meeting.state in OFF or meeting.state == NO_SHOW:
        return Change(meeting, is_new=is_new)
    kind = diary.tell_after(meeting, "meeting.no_show", NO_SHOW, mark or meeting.reference)
    return Change(meeting, kind, is_new=is_new)


@transaction.atomic
def hold(lead_id: int, booking: Booking, *, mark: str = "", now: datetime) -> Change:
    """It took place: `meeting.held`; also of one that was taken for missed, with a `mark` of its own."""
    diary = _Diary(lead_id, now)
    meeting, is_new = diary.note(booking)
    if meeting.state in OFF or meeting.state == HELD:
        return Change(meeting, is_new=is_new)
    kind = diary.tell_after(meeting, "meeting.held", HELD, mark or meeting.reference)
    return Change(meeting, kind, is_new=is_new)


def was_told(provider: str, kind: str, mark: str) -> bool:
    """Whether an event of this kind was written under this mark."""
    return bool(sql.fetch("SELECT 1 FROM leads_event WHERE source = %b AND key = %b", [provider, _key(kind, mark)]))


def sweep(*, now: datetime, limit: int = 500) -> int:
    """Meetings whose end is an hour ago and of which nothing else was heard took place; how many."""
    over = sql.fetch(_OVER, [now - TAKEN_PLACE, USUAL_LENGTH, now - TAKEN_PLACE, limit])
    return sum(_held_by_now(meeting_id, now=now) for (meeting_id,) in over)


@transaction.atomic
def _held_by_now(meeting_id: int, *, now: datetime) -> bool:
    found = Meeting.objects.filter(pk=meeting_id).values_list("lead_id", "provider", "reference").first()
    if found is None:
        return False
    lead_id, provider, reference = found
    claiming.hold([lead_id])
    if not Meeting.objects.filter(pk=meeting_id, state=SCHEDULED).exists():
        return False
    return bool(hold(lead_id, Booking(provider, reference), now=now).kind)


class _Diary:
    """All meetings of a person, whose lock it takes."""

    def __init__(self, lead_id: int, now: datetime) -> None:
        self.lead_id, self.now = lead_id, now
        claiming.hold([lead_id])
        self.meetings = list(Meeting.objects.filter(lead_id=lead_id).order_by("booked_at", "pk"))

    def find(self, provider: str, reference: str) -> Meeting | None:
        return next((one for one in self.meetings if (one.provider, one.reference) == (provider, reference)), None)

    def note(self, booking: Booking) -> tuple[Meeting, bool]:
        """The meeting, filled in with what was missing, and whether we knew nothing of it."""
        meeting = self.find(booking.provider, booking.reference)
        if meeting is None:
            return self._make(booking, SCHEDULED), True
        missing = {name: value for name, value in booking.columns().items() if not getattr(meeting, name)}
        for name, value in missing.items():
            setattr(meeting, name, value)
        if missing:
            meeting.booked_at = booking.booked_at or meeting.booked_at
            meeting.save()
        return meeting, False

    def replace(self, meeting: Meeting, booking: Booking) -> None:
        """It takes the place of the meeting that it says, which may be one that we know by name only."""
        if meeting.replaces_id is not None:
            return
        former = self.find(booking.provider, booking.replaces)
        if former is None:
            former = self._make(Booking(booking.provider, booking.replaces, booked_at=booking.booked_at), MOVED)
        former = self._last_of(former)
        if former.pk == meeting.pk:
            return
        if former.state != MOVED:
            former.state, former.canceled_at = MOVED, former.canceled_at or self.now
            former.save()
        meeting.replaces = former
        meeting.save()

    def told_as(self, meeting: Meeting) -> str:
        """Under which booking id the chain of this meeting was told of, "" if it was not."""
        keys = [_key("meeting.booked", one.reference) for one in self._chain(meeting)]
        rows = sql.fetch(_BOOKED_AS, [meeting.provider, keys])
        return str(rows[0][0]) if rows else ""

    def tell(self, meeting: Meeting, kind: str, mark: str, said: Mapping[str, Any] | None = None) -> str:
        """Write the event unless this was told before; its kind, or ""."""
        booking_id = self.told_as(meeting) or self._chain(meeting)[0].reference
        facts = Facts(booking_id, bookings.demo_of(self.meetings), said or {})
        told = bookings.properties(meeting, facts, now=self.now)
        event = NewEvent(
            self.lead_id, kind, told, occurred_at=self._moment(), source=meeting.provider, key=_key(kind, mark)
        )
        return kind if log.write([event], now=self.now, pending=True) else ""

    def tell_after(self, meeting: Meeting, kind: str, state: str, mark: str) -> str:
        """Change the state and tell of it, both unless it was told under this mark before; the kind, or ""."""
        if was_told(meeting.provider, kind, mark):
            return ""
        meeting.state = state
        meeting.save()
        return self.tell(meeting, kind, mark)

    def _moment(self) -> datetime:
        """Now, or just after the last that was told: what follows on something must not seem to happen with it."""
        last = sql.fetch(_LAST_TOLD, [self.lead_id, self.now])[0][0]
        return self.now if last is None else last + timedelta(microseconds=1)

    def _make(self, booking: Booking, state: str) -> Meeting:
        made = Meeting(
            lead_id=self.lead_id,
            provider=booking.provider,
            reference=booking.reference,
            state=state,
            booked_at=booking.booked_at or self.now,
            created_at=self.now,
            **booking.columns(),
        )
        made.save(force_insert=True)
        self.meetings.append(made)
        return made

    def _last_of(self, meeting: Meeting) -> Meeting:
        """The end of its chain."""
        after = {one.replaces_id: one for one in self.meetings if one.replaces_id}
        while meeting.pk in after:
            meeting = after.pop(meeting.pk)
        return meeting

    def _chain(self, meeting: Meeting) -> Sequence[Meeting]:
        """From the first booking to the last move."""
        by_pk = {one.pk: one for one in self.meetings}
        chain = [self._last_of(meeting)]
        while (former := by_pk.pop(chain[0].replaces_id or 0, None)) is not None:
            chain.insert(0, former)
        return chain


def _key(kind: str, mark: str) -> str:
    return keys.fitting(f"{kind}:{mark}")
