"""Posts of double-opt-in forms that wait for a click in a mail: asking for it, and what its link stands for.

An address gets one such mail at a time: while it is not answered, at most one a day, so that nobody can fill somebody
else's inbox with them. What was posted meanwhile waits with it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings

from leads import log
from leads.entering import Said
from leads.log import NewEvent
from leads.models import Confirmation, Form
from lifecycle.core import sql, tokens

ASKED = "form.confirmation_requested"
VALID_FOR = timedelta(days=7)
MAIL_EVERY = timedelta(days=1)
_WAIT = """
    INSERT INTO leads_confirmation (submission_id, lead_id, requested_at, mailed_at)
    SELECT %b, %b, %b, CASE WHEN NOT EXISTS (
        SELECT FROM leads_confirmation WHERE lead_id = %b AND confirmed_at IS NULL AND mailed_at > %b
    ) THEN %b::timestamptz END
    RETURNING id, mailed_at IS NOT NULL
"""
# Of what still waits and was not mailed about, the first.
_NEXT = """
    UPDATE leads_confirmation SET mailed_at = %b WHERE id = (
        SELECT id FROM leads_confirmation
        WHERE lead_id = %b AND confirmed_at IS NULL AND mailed_at IS NULL AND requested_at > %b
        ORDER BY requested_at, id LIMIT 1
    ) RETURNING submission_id
"""
_ASKED = "SELECT properties FROM leads_event WHERE source = 'form' AND key = %b"


class State(Enum):
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Looked:
    """What a link of a mail stands for now."""

    confirmation: Confirmation
    form: Form
    state: State


def ask(lead_id: int, submission_id: int, said: Said, agreed: str | None, *, now: datetime) -> None:
    """Let the post wait, and have a mail ask for it. The caller holds the lead's lock."""
    given = [submission_id, lead_id, now, lead_id, now - MAIL_EVERY, now]
    confirmation_id, is_mailed = sql.fetch(_WAIT, given)[0]
    properties = {
        "form": said.form.slug,
        "form_name": said.form.title or said.form.name,
        "submission": submission_id,
        "first_name": str(said.answers.get("first_name", "")),
        "confirm_url": url(confirmation_id),
        "mail": is_mailed,
        "answers": dict(said.answers),
        "agreed": agreed,
    }
    log.write([NewEvent(lead_id, ASKED, properties, source="form", key=key(submission_id))], now=now, pending=True)


def ask_next(lead_id: int, *, now: datetime) -> None:
    """The last mail is answered: the one for another form that waited for it may go."""
    for (submission_id,) in sql.fetch(_NEXT, [now, lead_id, now - VALID_FOR]):
        asked = {**asked_of(submission_id), "mail": True}
        again = NewEvent(lead_id, ASKED, asked, source="form", key=f"{key(submission_id)}:mail")
        log.write([again], now=now, pending=True)


def asked_of(submission_id: int) -> dict[str, object]:
    """What was kept with the question: the answers as they were understood, and the words that were agreed to."""
    found = sql.fetch(_ASKED, [key(submission_id)])
    return dict(found[0][0]) if found else {}


def look(token: str, *, now: datetime) -> Looked | None:
    """None for a link that is not ours, and for a post whose person was erased."""
    confirmation_id = tokens.read_confirm_token(token)
    if confirmation_id is None:
        return None
    found = Confirmation.objects.select_related("submission__form").filter(pk=confirmation_id).first()
    return Looked(found, found.submission.form, state(found, now=now)) if found else None


def state(confirmation: Confirmation, *, now: datetime) -> State:
    if confirmation.confirmed_at is not None:
        return State.CONFIRMED
    return State.LATE if now > confirmation.requested_at + VALID_FOR else State.WAITING


def url(confirmation_id: int) -> str:
    return f"{settings.SITE_URL}/confirm/{tokens.confirm_token(confirmation_id)}"


def key(submission_id: int) -> str:
    return f"confirmation:{submission_id}"
