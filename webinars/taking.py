"""Posts of forms that are registrations: those of the shipped form, and of any form that asks for a webinar."""

import logging
from datetime import datetime

from leads import intake
from leads.entering import Said
from webinars.models import Webinar
from webinars.registering import Registered, RegistrationClosed, closed, register

logger = logging.getLogger(__name__)

FORM = "webinar"
"""The shipped form. Without a code it is for the next webinar, and an interest in the topic where there is none."""
FIELD = "webinar"
"""What a post calls the code; in a form's definition usually a hidden question with the code as its default."""


def take(lead_id: int, said: Said, *, now: datetime) -> Registered | None:
    """Register who sent it, in the post's own transaction. None if it is no registration, or for none that is open.

    Such a post is kept all the same: a lead is worth more than a tidy answer.
    """
    webinar_id = _meant(said, now=now)
    if webinar_id is None:
        return None
    answers = {name: answer for name, answer in said.answers.items() if name not in intake.PROFILE}
    further = {name: answer for name, answer in answers.items() if name not in (FIELD, "email", "consent")}
    try:
        return register(webinar_id, lead_id, source=said.door, answers=further, now=now)
    except RegistrationClosed as why:
        logger.info("a post of the form %s is kept without a registration: %s", said.form.slug, why)
        return None


def refusal(slug: str, named: str, *, now: datetime) -> str:
    """Why a link to that form, with the webinar that it names, gives no seat; "" if it does, or names none."""
    code = named.strip().upper()
    if slug != FORM or not code:
        return ""
    webinar = Webinar.objects.filter(code=code).first() if code.isalnum() else None
    return f"There is no webinar {code[:20]}." if webinar is None else closed(webinar, now=now)


def _meant(said: Said, *, now: datetime) -> int | None:
    is_ours = said.form.slug == FORM
    named = said.answers.get(FIELD) or (said.data.get(FIELD) if is_ours else None)
    if isinstance(named, str) and named.strip():
        return Webinar.objects.filter(code=named.strip().upper()).values_list("pk", flat=True).first()
    if not is_ours:
        return None
    return Webinar.objects.upcoming(now).values_list("pk", flat=True).first()
