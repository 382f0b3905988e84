"""A person confirms what was posted with their address. From here on it is a form like any other."""

from datetime import datetime
from typing import Any

from django.db import transaction

from leads import claiming, confirmations, entering, log, signals
from leads.batch import LeadRow, flush_leads
from leads.confirmations import VALID_FOR, State
from leads.entering import Said
from leads.log import NewEvent
from leads.models import Confirmation, Consent, Form, Submission, Touch
from leads.reacting import react
from lifecycle.core import sql

TRIES = 5
# One click confirms all that waits of this form, in the order in which it came.
_CONFIRM = """
    WITH done AS (
        UPDATE leads_confirmation c SET confirmed_at = %b
        FROM leads_submission s
        WHERE s.id = c.submission_id AND s.form_id = %b AND c.lead_id = %b
          AND c.confirmed_at IS NULL AND c.requested_at >= %b
        RETURNING c.submission_id, c.requested_at
    )
    SELECT submission_id, requested_at FROM done ORDER BY requested_at, submission_id
"""

__all__ = ["confirm"]


def confirm(token: str, *, now: datetime) -> State | None:
    """Count the post as a form from now on, once, however often and however many at once the link is used.

    LATE changes nothing. None for a link that is not ours or whose person was erased. Reacts at once.
    """
    looked = confirmations.look(token, now=now)
    if looked is None or looked.state is not State.WAITING:
        return looked.state if looked else None
    for _ in range(TRIES):  # the lead may be merged into another while we wait for it
        lead_id = Confirmation.objects.filter(pk=looked.confirmation.pk).values_list("lead_id", flat=True).first()
        if lead_id is None:
            return None
        if _confirm(lead_id, looked.form, now=now):
            react(lead_id, now=now)
            return State.CONFIRMED
    return None


@transaction.atomic
def _confirm(lead_id: int, form: Form, *, now: datetime) -> bool:
    """Whether the lead was there to be held."""
    row = claiming.hold([lead_id]).get(lead_id)
    if row is None:
        return False
    waited = sql.fetch(_CONFIRM, [now, form.pk, lead_id, now - VALID_FOR])
    entered = [_enter(row, form, submission_id, asked_at, now=now) for submission_id, asked_at in waited]
    if entered:
        flush_leads([row], now=now)
        log.write([event for event, _ in entered], now=now, pending=True)
        for _, said in entered:
            signals.form_entered.send(sender=None, lead_id=lead_id, said=said, now=now)
        confirmations.ask_next(lead_id, now=now)
    return True


def _enter(row: LeadRow, form: Form, submission_id: int, asked_at: datetime, *, now: datetime) -> tuple[NewEvent, Said]:
    """Everything that an ordinary post does. Its touch is of the time when it was posted."""
    asked: dict[str, Any] = confirmations.asked_of(submission_id)
    submission = Submission.objects.get(pk=submission_id)
    said = Said(form, submission.data, asked.get("answers") or {})
    latest = row["latest_touch_id"]
    touch = entering.enter(row, said, now=asked_at)
    if latest and Touch.objects.filter(pk=latest, occurred_at__gt=asked_at).exists():
        row.set("latest_touch_id", latest)
    Submission.objects.filter(pk=submission_id).update(touch=touch)
    if asked.get("agreed"):
        _agree(row, form, str(asked["agreed"]), asked_at, now=now)
    properties = entering.properties(said, row.id, submission_id, now=now)
    return NewEvent(row.id, "form.submitted", properties, source="form", key=f"submission:{submission_id}"), said


def _agree(row: LeadRow, form: Form, words: str, asked_at: datetime, *, now: datetime) -> None:
    """The proof: the words as they were shown, when they were, and when the mail's link was used."""
    times = f"[Shown {asked_at:%Y-%m-%d %H:%M:%S} UTC; confirmed by the link in a mail {now:%Y-%m-%d %H:%M:%S} UTC]"
    Consent.objects.create(
        lead_id=row.id,
        address_hash=row["address_hash"],
        purpose="marketing",
        granted=True,
        source=f"form:{form.slug}"[:60],
        text=f"{words}\n{times}",
        at=now,
    )
