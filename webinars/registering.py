"""People come to a webinar, wait for a seat, and leave it. Nobody sits twice, and no seat is given twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from leads import log
from leads.models import Lead
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry
from webinars import seats, telling
from webinars.models import Registration, Webinar
from webinars.seats import UnknownWebinar

__all__ = ["Registered", "RegistrationClosed", "UnknownWebinar", "cancel", "closed", "register"]

State = Registration.State
LONGEST_SOURCE = 60
LONGEST_TYPE = 120


@dataclass(frozen=True, slots=True)
class Registered:
    """`state` is that of the registration: registered, or waiting. `is_new`: this call made it so."""

    registration_id: int
    state: str
    is_new: bool


class RegistrationClosed(ValueError):
    """Nobody can register (any more); the message says why, to the person."""


def closed(webinar: Webinar, *, now: datetime) -> str:
    """Why nobody can register, for people to read; "" if they can."""
    if webinar.state == Webinar.State.CANCELED:
        return f"{webinar.code} was canceled."
    if webinar.state == Webinar.State.DRAFT:
        return f"{webinar.code} is not open for registration yet."
    return f"{webinar.code} is over." if webinar.ends_at <= now else ""


@atomic_with_retry
def register(
    webinar_id: int,
    lead_id: int,
    *,
    source: str,
    answers: Mapping[str, Any] | None = None,
    organization_type: str = "",
    now: datetime,
) -> Registered:
    """Give the lead a seat, or a place on the waiting list; the same again is the same registration.

    UnknownWebinar, RegistrationClosed, or Lead.DoesNotExist. Whoever canceled comes back at the end of the line.
    """
    lead = Lead.objects.select_for_update(no_key=True).get(pk=lead_id)
    webinar = seats.hold(webinar_id)
    known = Registration.objects.select_for_update().filter(webinar=webinar, lead=lead).first()
    if known is not None and known.state != State.CANCELED:
        return Registered(known.pk, known.state, is_new=False)
    if why := closed(webinar, now=now):
        raise RegistrationClosed(why)
    registration = known or Registration(uid=f"{webinar.code.lower()}-{uuid4().hex}@lifecycle")
    registration.webinar, registration.lead = webinar, lead
    registration.source = source[:LONGEST_SOURCE]
    registration.organization_type = organization_type[:LONGEST_TYPE] or lead.organization_type
    registration.answers = {**registration.answers, **sql.storable(dict(answers or {}))}
    _seat(registration, webinar, now=now)
    return Registered(registration.pk, registration.state, is_new=True)


@atomic_with_retry
def cancel(registration_id: int, *, now: datetime) -> bool:
    """Give the seat back; the first who waits gets it. False if it was given back before, or is gone."""
    registration = hold(registration_id)
    if registration is None or registration.state == State.CANCELED:
        return False
    had_seat, webinar = registration.state == State.REGISTERED, registration.webinar
    registration.state, registration.canceled_at = State.CANCELED, now
    registration.sequence += 1  # the calendar entry is taken back
    registration.save(update_fields=["state", "canceled_at", "sequence"])
    key = f"registration_canceled:{registration.pk}:{registration.sequence}"
    said = telling.told("webinar.registration_canceled", registration, webinar, key=key, had_seat=had_seat)
    log.write([said], now=now, pending=True)
    seats.promote(webinar, now=now)
    return True


def hold(registration_id: int) -> Registration | None:
    """A registration with its lead and its webinar, all three locked in the order of `register`; None if it is gone.

    Whoever writes about one begins with this, or has held its lead and then its webinar.
    """
    known = Registration.objects.filter(pk=registration_id).values_list("lead_id", "webinar_id").first()
    if known is None:
        return None
    Lead.objects.select_for_update(no_key=True).filter(pk=known[0]).first()
    webinar = seats.hold(known[1])
    held = Registration.objects.select_for_update(of=("self",)).select_related("lead")
    registration = held.filter(pk=registration_id).first()
    if registration is not None:
        registration.webinar = webinar
    return registration


def _seat(registration: Registration, webinar: Webinar, *, now: datetime) -> None:
    """The new or returning registration of a held webinar gets its state, and the log is told."""
    has_seat = seats.free(webinar) != 0
    registration.state = State.REGISTERED if has_seat else State.WAITING
    registration.registered_at, registration.seated_at = now, now if has_seat else None
    registration.canceled_at = None
    registration.sequence += bool(registration.pk)
    registration.save()
    if has_seat:
        said = telling.registered(registration, webinar)
    else:
        key = f"waitlisted:{registration.pk}:{registration.sequence}"
        said = telling.told("webinar.waitlisted", registration, webinar, key=key)
    log.write([said], now=now, pending=True)
