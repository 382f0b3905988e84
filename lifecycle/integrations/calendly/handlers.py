"""What Calendly's events do here. Each runs in a transaction and may run again."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from leads import addresses, arrival, attribution
from leads.batch import LeadRow, flush_leads
from leads.log import NewEvent, write
from lifecycle.integrations import people
from lifecycle.integrations.calendly import answers, reading
from lifecycle.integrations.calendly.reading import CALENDLY, Invitee
from lifecycle.integrations.contract import Delivery, Handler, Outcome, Parked
from lifecycle.sales import meetings
from lifecycle.sales.bookings import NO_SHOW, SCHEDULED
from lifecycle.sales.diary import PATIENCE, was_told
from lifecycle.sales.meetings import Change


def created(delivery: Delivery, now: datetime) -> Outcome:
    """A time was booked, perhaps in place of another one.

    It counts at once, as what it stops must stop, unless the person has a booking already and only what is still to
    come can tell whether this one is another or belongs to it.
    """
    invitee = _invitee(delivery)
    if isinstance(invitee, Outcome):
        return invitee
    if invitee.is_canceled:  # told late: what it says now counts
        return _cancel(invitee, now)
    booking = invitee.booking
    lead_id = _lead_of(invitee, now)
    if not delivery.is_last_try and (unheard := meetings.missing(lead_id, booking, now=now)):
        raise Parked(name_of(unheard), why="It may belong to a booking that was moved.", patience=PATIENCE)
    change = meetings.book(lead_id, booking, now=now)
    told = _told(change, invitee, "booked" if change.kind == "meeting.booked" else "moved")
    return _answered(told, change, invitee, now)


def canceled(delivery: Delivery, now: datetime) -> Outcome:
    """A booking is off, or was moved. Of one that we never heard of, the time that it was moved to says enough."""
    invitee = _invitee(delivery)
    if isinstance(invitee, Outcome):
        return invitee
    reference, moved_to = invitee.booking.reference, invitee.how.moved_to
    is_known = meetings.knows(CALENDLY, reference) or meetings.knows(CALENDLY, moved_to)
    if not delivery.is_last_try and not is_known:
        raise Parked(name_of(reference), why="Its booking is not known yet.", patience=PATIENCE)
    return _cancel(invitee, now)


def no_show(delivery: Delivery, now: datetime) -> Outcome:
    """The host says that the person did not come."""
    invitee = _invitee(delivery)
    if isinstance(invitee, Outcome):
        return invitee
    reference = invitee.booking.reference
    if not delivery.is_last_try and not meetings.knows(CALENDLY, reference):
        raise Parked(name_of(reference), why="Its booking is not known yet.", patience=PATIENCE)
    lead_id = _lead_of(invitee, now)
    change = meetings.miss(lead_id, invitee.booking, mark=_mark(invitee), now=now)
    return _told(change, invitee, "marked as a no-show", name_of(_mark(invitee)))


def no_show_undone(delivery: Delivery, now: datetime) -> Outcome:
    """The host takes it back: the person was there."""
    invitee = _invitee(delivery)
    if isinstance(invitee, Outcome):
        return invitee
    mark = _mark(invitee)
    if not was_told(CALENDLY, "meeting.no_show", mark) and not _is_unnamed(invitee):
        if delivery.is_last_try:
            return Outcome("ignored: there is no no-show to take back", is_ignored=True)
        raise Parked(name_of(mark), why="The no-show that it takes back is not known yet.", patience=PATIENCE)
    change = meetings.hold(_lead_of(invitee, now), invitee.booking, mark=mark, now=now)
    return _told(change, invitee, "held after all")


def routed(delivery: Delivery, now: datetime) -> Outcome:
    """A routing form was filled in, often without a booking after it: its sender, if it asks who that is, is a lead."""
    payload = delivery.payload.get("payload") or {}
    try:
        person = people.lead_for(reading.address(payload), source=CALENDLY, now=now)
    except addresses.AddressError:
        return Outcome("ignored: the form did not ask for a mail address", is_ignored=True)
    given = reading.answers(payload)
    said = {f"answer_{place}": row["answer"] for place, row in enumerate(given, 1)}
    key = f"routing:{delivery.id}"
    event = NewEvent(person.lead_id, "meeting.routed", said, occurred_at=now, source=CALENDLY, key=key)
    refused: Sequence[str] = ()
    if write([event], now=now, pending=True):
        _touch(person.row, reading.tracking(payload), now=now)
        refused = answers.take_over(person.lead_id, given, is_newest=True, now=now)
    return Outcome(f"a routing form was filled in{_left_out(refused)}", lead_ids=[person.lead_id])


def name_of(reference: str) -> str:
    """What parked events wait for: this booking, or verdict."""
    return f"{CALENDLY}:{reference}"[-200:]


def _invitee(delivery: Delivery) -> Invitee | Outcome:
    """Who the call is about; an outcome if that cannot be told."""
    try:
        invitee = reading.invitee(delivery.payload.get("payload") or {})
        if _known(invitee) is None:
            addresses.read(invitee.email)
    except addresses.AddressError:
        return Outcome("ignored: the invitee has no mail address that can be used", is_ignored=True)
    except ValueError as problem:
        return Outcome(f"ignored: {problem}", is_ignored=True)
    return invitee


def _mark(invitee: Invitee) -> str:
    """What names the verdict that somebody did not come; the booking itself where the call does not say."""
    return invitee.no_show or invitee.booking.reference


def _is_unnamed(invitee: Invitee) -> bool:
    """A verdict is taken back without saying which: the one that stands."""
    return not invitee.no_show and meetings.state_of(CALENDLY, invitee.booking.reference) == NO_SHOW


def _cancel(invitee: Invitee, now: datetime) -> Outcome:
    change = meetings.cancel(_lead_of(invitee, now), invitee.booking, invitee.how, now=now)
    told = _told(change, invitee, "moved away" if invitee.how.is_move else "canceled")
    told = _answered(told, change, invitee, now)
    waits_until = change.meeting.new_time_until
    if change.meeting.state != SCHEDULED or waits_until is None:
        return told
    until = f"{waits_until:%Y-%m-%d %H:%M UTC}"
    return replace(told, text=f"meeting {change.meeting.pk} waits for its new time until {until}, then it is canceled")


def _answered(told: Outcome, change: Change, invitee: Invitee, now: datetime) -> Outcome:
    """With the lead filled in by what was answered, when the meeting is first heard of."""
    if not change.is_first_word or not invitee.booking.answers:
        return told
    lead_id, name = change.meeting.lead_id, invitee.booking.event_name
    is_newest = meetings.is_newest(change.meeting)
    refused = answers.take_over(lead_id, invitee.booking.answers, event_name=name, is_newest=is_newest, now=now)
    return replace(told, text=f"{told.text}{_left_out(refused)}", lead_ids=[lead_id])


def _left_out(refused: Sequence[str]) -> str:
    """Answers may be personal, so the inbox names the fields that could not take theirs."""
    return f"; answers left out: {', '.join(refused)}" if refused else ""


def _lead_of(invitee: Invitee, now: datetime) -> int:
    """Whose chain of bookings it is, whatever address was given this time; else the person of the address, held.

    A booking in no known chain leaves a touch; attribution, owner and first form of known people stay as they are.
    """
    known = _known(invitee)
    if known is not None:
        return known
    person = people.lead_for(
        invitee.email,
        source=CALENDLY,
        now=now,
        name="" if invitee.first_name else invitee.name,
        first_name=invitee.first_name,
        last_name=invitee.last_name,
        phone=invitee.phone,
        timezone=invitee.booking.time_zone,
    )
    _touch(person.row, invitee.tracking or {}, now=now)
    return person.lead_id


def _known(invitee: Invitee) -> int | None:
    booking = invitee.booking
    return meetings.lead_of(CALENDLY, booking.reference, booking.replaces, invitee.how.moved_to)


def _touch(row: LeadRow, tracking: Mapping[str, str], *, now: datetime) -> None:
    arrival.touch(row, attribution.read(tracking), kind="booking", now=now)
    flush_leads([row], now=now)


def _told(change: Change, invitee: Invitee, what: str, *settled: str) -> Outcome:
    """In the inbox's words. A meeting that is known by now is what others may wait for."""
    names = [invitee.booking.reference, invitee.booking.replaces, invitee.how.moved_to]
    settles = [*(name_of(name) for name in names if name), *settled]
    if not change.kind and not change.is_new:
        return Outcome(f"meeting {change.meeting.pk} was known as {change.meeting.state}", settles=settles)
    text = f"meeting {change.meeting.pk} {what}"
    return Outcome(text, lead_ids=[change.meeting.lead_id], settles=settles)


HANDLERS: Mapping[str, Handler] = {
    "invitee.created": Handler(created, stops_mail=True),
    "invitee.canceled": Handler(canceled, stops_mail=True),
    "invitee_no_show.created": Handler(no_show, stops_mail=True),
    "invitee_no_show.deleted": Handler(no_show_undone, stops_mail=True),
    "routing_form_submission.created": Handler(routed),
}
