"""All meetings of one person, as the actions on them work with them: found, filled in, linked, and told of."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from leads import claiming, log
from leads.log import NewEvent
from lifecycle.core import keys, sql
from lifecycle.sales import bookings, chains
from lifecycle.sales.bookings import CANCELED, MOVED, SCHEDULED, Booking, Facts
from lifecycle.sales.models import Meeting

# Both halves of a move come within seconds; what comes first does not wait long for what must be heard before it.
PATIENCE = timedelta(minutes=10)

_LAST_TOLD = """
    SELECT max(e.occurred_at) FROM leads_event e
    WHERE e.lead_id = %b AND e.kind LIKE 'meeting.%%' AND e.occurred_at >= %b
"""
_BOOKED_AS = """
    SELECT e.properties ->> 'booking_id' FROM leads_event e
    WHERE e.source = %b AND e.key = ANY(%b::text[]) ORDER BY e.id LIMIT 1
"""


class Diary:
    """Takes the person's lock when it is opened. Writes rows and events; which, the caller says.

    `is_first_word`: nothing but its name was known of the meeting that was noted last.
    """

    is_first_word = False

    def __init__(self, lead_id: int, now: datetime) -> None:
        self.lead_id, self.now = lead_id, now
        claiming.hold([lead_id])
        self.meetings = list(Meeting.objects.filter(lead_id=lead_id).order_by("booked_at", "pk"))

    def find(self, provider: str, reference: str) -> Meeting | None:
        return next((one for one in self.meetings if (one.provider, one.reference) == (provider, reference)), None)

    def note(self, booking: Booking) -> tuple[Meeting, bool]:
        """The meeting, filled in with what was missing, and whether we knew nothing of it."""
        meeting = self.find(booking.provider, booking.reference)
        self.is_first_word = meeting is None or meeting.is_named_only
        if meeting is None:
            return self._make(booking, SCHEDULED), True
        missing = {name: value for name, value in booking.columns().items() if not getattr(meeting, name)}
        for name, value in missing.items():
            setattr(meeting, name, value)
        if missing or (meeting.is_named_only and booking.booked_at):
            meeting.booked_at, meeting.is_named_only = booking.booked_at or meeting.booked_at, False
            meeting.save()
        return meeting, False

    def link(self, meeting: Meeting, booking: Booking) -> bool:
        """Takes the place of the meeting that it says, or that was given up for it; True if that counted as canceled.

        The earlier meeting may be one that we know by name only. One of another person stays theirs.
        """
        if meeting.replaces_id is not None:
            return False
        former, was_canceled = self._former(booking)
        if former is None or meeting in (chain := chains.chain_of(former, self.meetings)):
            return False
        former = chain[-1]
        was_canceled |= former.state == CANCELED
        if former.state != MOVED:
            former.state, former.canceled_at = MOVED, former.canceled_at or self.now
            former.save()
        meeting.replaces = former
        meeting.save()
        return was_canceled

    def missing(self, booking: Booking) -> str:
        """As `chains.missing`, for the meetings of this person."""
        return chains.missing(booking, self.meetings, named_since=self.now - PATIENCE)

    def told_as(self, meeting: Meeting) -> str:
        """Under which booking id the chain of this meeting was told of, "" if it was not."""
        told = [key("meeting.booked", one.reference) for one in chains.chain_of(meeting, self.meetings)]
        rows = sql.fetch(_BOOKED_AS, [meeting.provider, told])
        return str(rows[0][0]) if rows else ""

    def tell(self, meeting: Meeting, kind: str, mark: str, said: Mapping[str, Any] | None = None) -> str:
        """Write the event unless this was told before; its kind, or ""."""
        booking_id = self.told_as(meeting) or chains.chain_of(meeting, self.meetings)[0].reference
        facts = Facts(booking_id, bookings.demo_of(self.meetings), said or {})
        told = bookings.properties(meeting, facts, now=self.now)
        event = NewEvent(
            self.lead_id, kind, told, occurred_at=self._moment(), source=meeting.provider, key=key(kind, mark)
        )
        return kind if log.write([event], now=self.now, pending=True) else ""

    def tell_after(self, meeting: Meeting, kind: str, state: str, mark: str) -> str:
        """Change the state and tell of it, both unless it was told under this mark before; the kind, or ""."""
        if was_told(meeting.provider, kind, mark):
            return ""
        meeting.state = state
        meeting.save()
        return self.tell(meeting, kind, mark)

    def call_off(self, meeting: Meeting) -> str:
        """It will not be, with the reason that it has; the event's kind, or ""."""
        meeting.state = CANCELED
        meeting.save()
        said = {"reason": meeting.cancel_reason} if meeting.cancel_reason else {}
        return self.tell(meeting, "meeting.canceled", meeting.reference, said)

    def _former(self, booking: Booking) -> tuple[Meeting | None, bool]:
        """What was there before; made, and linked to what was before that, where it is known by name only."""
        promised = next((one for one in self.meetings if _promises(one, booking)), None)
        if promised is not None or not booking.replaces:
            return promised, False
        former = self.find(booking.provider, booking.replaces)
        if former is not None:
            return former, False
        if Meeting.objects.filter(provider=booking.provider, reference=booking.replaces).exists():
            return None, False
        named = Booking(booking.provider, booking.replaces, booked_at=booking.booked_at)
        former = self._make(named, MOVED, is_named_only=True)
        return former, self.link(former, named)

    def _moment(self) -> datetime:
        """Now, or just after the last that was told: what follows on something must not seem to happen with it."""
        last = sql.fetch(_LAST_TOLD, [self.lead_id, self.now])[0][0]
        return self.now if last is None else last + timedelta(microseconds=1)

    def _make(self, booking: Booking, state: str, *, is_named_only: bool = False) -> Meeting:
        made = Meeting(
            lead_id=self.lead_id,
            provider=booking.provider,
            reference=booking.reference,
            state=state,
            is_named_only=is_named_only,
            booked_at=booking.booked_at or self.now,
            created_at=self.now,
            **booking.columns(),
        )
        made.save(force_insert=True)
        self.meetings.append(made)
        return made


def _promises(meeting: Meeting, booking: Booking) -> bool:
    return (meeting.provider, meeting.new_reference) == (booking.provider, booking.reference)


def was_told(provider: str, kind: str, mark: str) -> bool:
    """Whether an event of this kind was written under this mark."""
    return bool(sql.fetch("SELECT 1 FROM leads_event WHERE source = %b AND key = %b", [provider, key(kind, mark)]))


def key(kind: str, mark: str) -> str:
    """Names the event that tells this of what is marked so."""
    return keys.fitting(f"{kind}:{mark}")
