"""Who a participant or a registrant of Zoom's is here: the registration they have, or get."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from leads import addresses
from leads.addresses import AddressError
from lifecycle.integrations.contract import Parked
from lifecycle.integrations.people import lead_for
from lifecycle.integrations.zoom.reading import text
from webinars import registering, syncing
from webinars.models import Registration, Webinar
from webinars.registering import register

SOURCE = "zoom"
# What Zoom asks registrants, and what we call it.
FIELDS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "org": "company",
    "job_title": "job_title",
    "phone": "phone",
    "country": "country",
    "industry": "industry",
}


class Nobody(Exception):
    """No person of ours, and none to become one; the message says why, without personal data."""


def held(webinar: Webinar, person: Mapping[str, Any], *, registrant_id: str) -> Registration | None:
    """Their registration, by Zoom's id, then by address, locked; None if there is none. It then knows Zoom's id."""
    found = _find(webinar, person, registrant_id)
    registration = registering.hold(found) if found else None
    if registration and registrant_id and registration.zoom_registrant_id != registrant_id:
        link(registration, registrant_id, text(person.get("join_url")))
    return registration


def _find(webinar: Webinar, person: Mapping[str, Any], registrant_id: str) -> int | None:
    people = Registration.objects.filter(webinar=webinar).values_list("pk", flat=True)
    found = people.filter(zoom_registrant_id=registrant_id).first() if registrant_id else None
    if found:
        return found
    try:
        lead = addresses.find(person.get("email"))
    except AddressError:
        return None
    return people.filter(lead=lead).first() if lead else None


def is_gone(webinar: Webinar, person: Mapping[str, Any], *, registrant_id: str, said_at: datetime) -> bool:
    """Whether Zoom speaks of somebody who was erased here, before it knew of that."""
    hash_ = addresses.hash_of(person.get("email"))
    return syncing.was_let_go(webinar, registrant_id=registrant_id, address_hash=hash_, said_at=said_at)


def link(registration: Registration, registrant_id: str, join_url: str = "") -> None:
    """Keep what Zoom calls them. An id that belongs to somebody else already stays theirs."""
    taken = Registration.objects.filter(webinar=registration.webinar_id, zoom_registrant_id=registrant_id)
    if not registrant_id or taken.exclude(pk=registration.pk).exists():
        return
    known = Registration.objects.filter(pk=registration.pk)
    known.update(zoom_registrant_id=registrant_id, **({"join_url": join_url[:500]} if join_url else {}))


def enter(webinar: Webinar, person: Mapping[str, Any], *, now: datetime) -> Registration:
    """Register somebody whom only Zoom knew. Nobody without an address; RegistrationClosed as everywhere."""
    try:
        address = addresses.read(person.get("email"))
    except AddressError:
        raise Nobody("somebody without an address") from None
    if get_user_model().objects.filter(email__iexact=address.written, is_active=True).exists():
        raise Nobody("one of us")
    asked: dict[str, Any] = {ours: text(person.get(theirs)) for theirs, ours in FIELDS.items()}
    name = "" if asked["first_name"] else text(person.get("user_name"))
    lead = lead_for(address.written, source=SOURCE, name=name, now=now, **asked)
    made = register(webinar.pk, lead.lead_id, source=SOURCE, now=now)
    return Registration.objects.get(pk=made.registration_id)


def back(registration: Registration, *, now: datetime) -> Registration:
    """Who gave the seat back comes again, at Zoom. RegistrationClosed as everywhere."""
    register(registration.webinar_id, registration.lead_id, source=SOURCE, now=now)
    registration.refresh_from_db()
    return registration


def wait_for(webinar: Webinar, registrant_id: str, *, what: str) -> Parked:
    """Zoom's word on somebody whose registration there has not come in yet."""
    return Parked(settled_by(webinar, registrant_id), why=f"{what} somebody whose registration is not known yet")


def settled_by(webinar: Webinar, registrant_id: str) -> str:
    return f"zoom:{webinar.zoom_id}:{registrant_id}"
