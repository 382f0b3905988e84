"""Meetings that were moved form chains: which belong together, and what must be heard before that can be told. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from lifecycle.sales.bookings import SCHEDULED, Booking


class Linked(Protocol):
    """What is read of a Meeting."""

    pk: Any
    provider: Any
    reference: Any
    replaces_id: Any
    state: Any
    event_name: Any
    booked_at: Any
    created_at: Any
    is_named_only: Any
    new_reference: Any


One = TypeVar("One", bound=Linked)


def last_of(meeting: One, known: Iterable[One]) -> One:
    """The end of its chain."""
    after = {one.replaces_id: one for one in known if one.replaces_id}
    while meeting.pk in after:
        meeting = after.pop(meeting.pk)
    return meeting


def chain_of(meeting: One, known: Iterable[One]) -> Sequence[One]:
    """From the first booking to the last move."""
    known = list(known)
    by_pk = {one.pk: one for one in known}
    chain = [last_of(meeting, known)]
    by_pk.pop(chain[0].pk, None)
    while (former := by_pk.pop(chain[0].replaces_id or 0, None)) is not None:
        chain.insert(0, former)
    return chain


def missing(booking: Booking, known: Sequence[One], *, named_since: datetime) -> str:
    """The reference that must be heard of before anybody can tell whether a new booking is one of its own, "" for none.

    It may be the end of a chain whose beginning we know, with a link missing between them; or the beginning of one
    whose end came first, and whose earliest time is known by name only, since `named_since`. What came earlier was
    booked earlier, and is the same kind of meeting.
    """
    ours = [one for one in known if one.provider == booking.provider]
    named = {name for one in ours for name in (one.reference, one.new_reference)}
    if booking.booked_at is None or booking.reference in named or booking.replaces in named - {""}:
        return ""
    if booking.replaces and any(_may_precede(one, booking) for one in ours):
        return booking.replaces
    roots = [one for one in ours if one.is_named_only and not one.replaces_id and one.created_at > named_since]
    return next((str(root.reference) for root in roots if _may_lead_to(booking, chain_of(root, ours))), "")


def _may_precede(one: Linked, booking: Booking) -> bool:
    return bool(one.state == SCHEDULED and one.booked_at <= booking.booked_at and _is_like(one, booking))


def _may_lead_to(booking: Booking, chain: Sequence[Linked]) -> bool:
    heard = next((one for one in chain if not one.is_named_only), None)
    return heard is not None and booking.booked_at <= heard.booked_at and _is_like(heard, booking)


def _is_like(one: Linked, booking: Booking) -> bool:
    """A move keeps the kind of meeting."""
    return not (one.event_name and booking.event_name) or one.event_name == booking.event_name
