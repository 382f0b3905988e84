"""What an event of Zoom does here. The same for webinars and for meetings that serve as one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q

from lifecycle.integrations import keeping
from lifecycle.integrations.contract import Delivery, Handler, Outcome
from lifecycle.integrations.zoom import people
from lifecycle.integrations.zoom.reading import Told, moment, text
from webinars import attending, moving, registering
from webinars.attending import Stay
from webinars.models import RegistrantSync, Registration, Webinar
from webinars.moving import ChangeError, Slot
from webinars.registering import RegistrationClosed

Handle = Callable[[Webinar, Told, Delivery, datetime], Outcome]


def ignored(why: str) -> Outcome:
    return Outcome(f"ignored: {why}", is_ignored=True)


def forgotten(delivery: Delivery) -> Outcome:
    """Zoom tells of somebody who was erased here before it knew: nothing of it is kept."""
    keeping.empty(delivery.id)
    return ignored("somebody who was erased here")


def of_a_webinar(handle: Handle) -> Handler:
    """A handler that is only asked about webinars of ours."""

    def find(delivery: Delivery, now: datetime) -> Outcome:
        told = Told.of(delivery.payload)
        if not told.zoom_id:
            return ignored("it names no webinar")
        webinar = Webinar.objects.filter(zoom_id=told.zoom_id).first()
        if webinar is None:
            return ignored("no webinar here has this Zoom id")
        return handle(webinar, told, delivery, now)

    return Handler(find)


def started(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    at = moment(told.object.get("start_time"), told.object.get("timezone")) or delivery.occurred_at or now
    if attending.begin(webinar.pk, at=at):
        return Outcome(f"{webinar.code} began")
    return ignored("a later beginning is known")


def ended(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    at = moment(told.object.get("end_time"), told.object.get("timezone")) or delivery.occurred_at or now
    if attending.end(webinar.pk, at=at):
        return Outcome(f"{webinar.code} ended; who attended is settled in a quarter of an hour")
    return ignored("a rehearsal, or a later end is known")


def came(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    return _was_there("join", webinar, told, delivery, now)


def went(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    return _was_there("leave", webinar, told, delivery, now)


def _was_there(end: str, webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    """Note one end of a stay. Somebody whom we do not know yet is registered, if they gave an address."""
    person = told.participant
    if told.host_id and told.host_id in (text(person.get("id")), text(person.get("participant_user_id"))):
        return ignored("it is the host")
    registrant_id = text(person.get("registrant_id"))
    said_at = delivery.occurred_at or delivery.received_at
    try:
        registration = people.held(webinar, person, registrant_id=registrant_id)
        if registration is None and people.is_gone(webinar, person, registrant_id=registrant_id, said_at=said_at):
            return forgotten(delivery)
        if registration is None and registrant_id and not person.get("email") and not delivery.is_last_try:
            raise people.wait_for(webinar, registrant_id, what="presence of")
        registration = registration or _entered(webinar, person, registrant_id, now)
    except people.Nobody as nobody:
        return ignored(str(nobody))
    except RegistrationClosed:
        return ignored("somebody who was not registered, and nobody can register any more")
    attending.note([_stay(end, registration, told, delivery)])
    attending.settle_again(webinar.pk, [registration.pk], now=now)
    verb = "came to" if end == "join" else "left"
    settles = [people.settled_by(webinar, registrant_id)] if registrant_id else []
    return Outcome(f"registration {registration.pk} {verb} {webinar.code}", [registration.lead_id], settles)


def _stay(end: str, registration: Registration, told: Told, delivery: Delivery) -> Stay:
    """Sessions of one webinar have ids of their own, and so has each device that is in one."""
    person = told.participant
    at = moment(person.get(f"{end}_time")) or moment(person.get("date_time"))
    at = at or delivery.occurred_at or delivery.received_at
    connection = f"{told.session}/{text(person.get('user_id'))}"[:120]
    key = f"{connection}/{end}/{at.isoformat()}"
    if end == "join":
        return Stay(registration.pk, key, people.SOURCE, connection, joined_at=at)
    return Stay(registration.pk, key, people.SOURCE, connection, left_at=at)


def _entered(webinar: Webinar, person: Any, registrant_id: str, now: datetime) -> Registration:
    registration = people.enter(webinar, person, now=now)
    people.link(registration, registrant_id, text(person.get("join_url")))
    return registration


def registered(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    """Somebody registered at Zoom, or was let in there, or it is the echo of what we told Zoom."""
    person, registrant_id = told.registrant, text(told.registrant.get("id"))
    said_at = delivery.occurred_at or delivery.received_at
    registration = people.held(webinar, person, registrant_id=registrant_id)
    if registration is None and people.is_gone(webinar, person, registrant_id=registrant_id, said_at=said_at):
        return forgotten(delivery)
    settles = [people.settled_by(webinar, registrant_id)] if registrant_id else []
    is_let_in = delivery.kind.endswith("approved") or person.get("status") in ("approved", None, "")
    if not is_let_in:
        return Outcome("waits for approval in Zoom", settles=settles)
    if registration is not None:
        if not _is_news(registration, said_at):
            return Outcome("is known already", lead_ids=[registration.lead_id], settles=settles)
        if registration.state != Registration.State.CANCELED:
            return Outcome("is registered here already", lead_ids=[registration.lead_id], settles=settles)
    try:
        if registration is None:
            made = _entered(webinar, person, registrant_id, now)
        else:
            made = people.back(registration, now=now)
    except people.Nobody as nobody:
        return ignored(str(nobody))
    except RegistrationClosed as why:
        return ignored(str(why))
    _is_news(made, said_at)
    return Outcome(f"registration {made.pk} of {webinar.code}", lead_ids=[made.lead_id], settles=settles)


def withdrew(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    """They gave the seat back at Zoom, or were refused there."""
    if webinar.state == Webinar.State.CANCELED:
        return ignored(f"{webinar.code} was canceled here")  # which everybody was told of, Zoom too
    person, registrant_id = told.registrant, text(told.registrant.get("id"))
    said_at = delivery.occurred_at or delivery.received_at
    registration = people.held(webinar, person, registrant_id=registrant_id)
    if registration is None:
        if people.is_gone(webinar, person, registrant_id=registrant_id, said_at=said_at):
            return forgotten(delivery)
        if registrant_id and not delivery.is_last_try:
            raise people.wait_for(webinar, registrant_id, what="cancellation of")
        return ignored("nobody who is registered here")
    if _came_back_here(registration, said_at) or not _is_news(registration, said_at):
        return ignored("they registered again since, or canceled here")
    if registering.cancel(registration.pk, now=now):
        Registration.objects.filter(pk=registration.pk).update(canceled_at=said_at)
        return Outcome(f"canceled registration {registration.pk}", lead_ids=[registration.lead_id])
    return Outcome("was canceled already", lead_ids=[registration.lead_id])


def _came_back_here(registration: Registration, said_at: datetime) -> bool:
    """Whether they registered with us after they canceled there; Zoom knows, or is about to be told."""
    if registration.source != people.SOURCE and said_at < registration.registered_at:
        return True
    unsettled = [RegistrantSync.State.READY, RegistrantSync.State.SENDING]
    return RegistrantSync.objects.filter(registration=registration, wants="add", state__in=unsettled).exists()


def _is_news(registration: Registration, said_at: datetime) -> bool:
    """Whether Zoom said nothing later about them, and they themselves did not cancel here since; kept if so."""
    if registration.canceled_at and registration.canceled_at >= said_at:
        return False
    unheard = Q(zoom_said_at=None) | Q(zoom_said_at__lte=said_at)
    return bool(Registration.objects.filter(unheard, pk=registration.pk).update(zoom_said_at=said_at))


def changed(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    """A time that was changed in Zoom is changed here, and everybody is told: that is where it takes place."""
    begins = moment(told.object.get("start_time"), told.object.get("timezone"))
    length = told.object.get("duration")
    if begins is None and not isinstance(length, int):
        return ignored("its time stays")
    said_at = delivery.occurred_at or delivery.received_at
    unheard = Q(zoom_said_at=None) | Q(zoom_said_at__lte=said_at)
    if not Webinar.objects.filter(unheard, pk=webinar.pk).update(zoom_said_at=said_at):
        return ignored("a later change is known")
    minutes = length if isinstance(length, int) and 5 <= length <= 24 * 60 else webinar.minutes
    try:
        many = moving.move(webinar.pk, Slot(begins or webinar.starts_at, minutes, webinar.time_zone), now=now)
    except ChangeError as why:
        return ignored(str(why))
    return Outcome(f"{webinar.code} has the time that it has in Zoom; {many} people are told")


def deleted(webinar: Webinar, told: Told, delivery: Delivery, now: datetime) -> Outcome:
    """Nobody is told: it may be a tidy-up, or about to get another Zoom id. The health page asks a person."""
    if webinar.ends_at <= now or webinar.state != Webinar.State.OPEN:
        return ignored("it is over or canceled here")
    Webinar.objects.filter(pk=webinar.pk).update(zoom_gone_at=delivery.occurred_at or now)
    return Outcome(f"{webinar.code} was deleted in Zoom; cancel it here, or give it another Zoom id")


_VERBS: dict[str, Handle] = {
    "started": started,
    "ended": ended,
    "participant_joined": came,
    "participant_left": went,
    "registration_created": registered,
    "registration_approved": registered,
    "registration_cancelled": withdrew,
    "registration_denied": withdrew,
    "updated": changed,
    "deleted": deleted,
}
HANDLERS: dict[str, Handler] = {
    f"{thing}.{verb}": of_a_webinar(handle) for thing in ("webinar", "meeting") for verb, handle in _VERBS.items()
}
