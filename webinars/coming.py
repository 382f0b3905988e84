"""Somebody comes by a public door: a post of the shipped form for one webinar, and the registration it becomes."""

from dataclasses import dataclass, replace
from datetime import datetime

from leads.actions import FormPost, capture
from leads.forms import OpenForm
from leads.reacting import react
from webinars.models import Registration, Webinar
from webinars.registering import RegistrationClosed, closed, register
from webinars.taking import FIELD

State = Registration.State
STATUS = {State.REGISTERED: "registered", State.WAITING: "waitlisted", State.CANCELED: "canceled"}
ASKED = "confirmation_requested"


@dataclass(frozen=True, slots=True)
class Came:
    """What the person is told. `registration` is None while a form with double opt-in waits for their mailbox."""

    status: str
    registration: Registration | None


def come(webinar: Webinar, post: FormPost, *, opened: OpenForm, now: datetime) -> Came:
    """Take in the post as any form's, with its touch and consent, and give the seat in the same transaction.

    RegistrationClosed, or what `leads.actions.capture` raises. The same post again has the same answer.
    """
    if why := closed(webinar, now=now):
        raise RegistrationClosed(why)
    captured = capture(replace(post, data={**post.data, FIELD: webinar.code}), opened=opened, now=now)
    if opened.form.double_opt_in:
        return Came(ASKED, None)
    if captured.duplicate and not post.idempotency_key:  # they may have canceled since
        register(webinar.pk, captured.lead_id, source=post.door, now=now)
        react(captured.lead_id, now=now)
    found = Registration.objects.select_related("webinar", "lead").filter(webinar=webinar, lead=captured.lead_id)
    registration = found.first()
    if registration is None:
        raise RegistrationClosed(f"{webinar.code} is closed.")
    return Came(STATUS[State(registration.state)], registration)
