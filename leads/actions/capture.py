"""A posted form becomes a lead, a touch, a submission, a consent and an event: all of it or nothing."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from leads import arrival, attribution, forms, intake, log, visitors
from leads.batch import LeadRow, flush_leads
from leads.forms import OpenForm
from leads.intake import IntakeError as CaptureError
from leads.log import NewEvent
from leads.models import Form, Workspace
from leads.reacting import react
from lifecycle.core import sql

DOUBLE_CLICK = timedelta(seconds=60)
LONGEST_KEY = 200
_SAME_KEY = "SELECT id, lead_id, body_hash FROM leads_submission WHERE form_id = %b AND idempotency_key = %b"
_DOUBLE_CLICK = """
    SELECT id FROM leads_submission
    WHERE lead_id = %b AND form_id = %b AND body_hash = %b AND received_at > %b
      AND (idempotency_key IS NULL OR NOT %b::boolean)
    ORDER BY received_at DESC LIMIT 1
"""
# Without a text nothing was agreed to.
_KEEP = """
    WITH saved AS (
        INSERT INTO leads_submission (form_id, lead_id, touch_id, data, body_hash, idempotency_key, received_at)
        VALUES (%b, %b, %b, %b::text::jsonb, %b, %b, %b) ON CONFLICT DO NOTHING RETURNING id, lead_id, received_at
    ), agreed AS (
        INSERT INTO leads_consent (lead_id, address_hash, purpose, granted, source, text, at)
        SELECT lead_id, %b, 'marketing', true, %b, %b::text, received_at FROM saved WHERE %b::text IS NOT NULL
    )
    SELECT id FROM saved
"""
_BLANK = re.compile(r"\{\{\s*workspace\.(\w+)\s*\}\}")

__all__ = ["CaptureConflict", "CaptureError", "Captured", "FormPost", "UnknownForm", "capture"]


@dataclass(frozen=True, slots=True)
class FormPost:
    """What came in at a form's door: the form's slug, the body as posted, and the sender's Idempotency-Key."""

    form: str
    data: Mapping[str, Any]
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """`created`: the lead is new. `duplicate`: this very post was here before, and nothing was done again."""

    lead_id: int
    submission_id: int
    created: bool
    duplicate: bool


class UnknownForm(LookupError):
    """There is no active form of that slug."""


class CaptureConflict(ValueError):
    """The Idempotency-Key was used for another body."""


def capture(submission: FormPost, *, opened: OpenForm | None = None, now: datetime) -> Captured:
    """Take in a post and react at once. UnknownForm, CaptureError (has `fields`) or CaptureConflict otherwise.

    `opened`: the post's form, if the door has looked it up already.
    """
    opened = opened or forms.active(submission.form)
    if opened is None:
        raise UnknownForm(f"There is no form “{submission.form[:50]}”.")
    if submission.idempotency_key and len(submission.idempotency_key) > LONGEST_KEY:
        raise CaptureError({"Idempotency-Key": f"At most {LONGEST_KEY} characters."})
    data = sql.storable(dict(submission.data))
    taken = intake.read(opened.form.fields, data)
    captured = _take_in(opened, taken, data, sql.storable(submission.idempotency_key), now=now)
    if not captured.duplicate:
        react(captured.lead_id, now=now)
    return captured


@transaction.atomic
def _take_in(
    opened: OpenForm, taken: intake.Intake, data: dict[str, Any], key: str | None, *, now: datetime
) -> Captured:
    form = opened.form
    body_hash = hashlib.sha256(
        sql.to_json(sorted((name, str(value)) for name, value in data.items())).encode()
    ).hexdigest()
    if earlier := _same_key(form, key, body_hash):
        return earlier
    row, created = arrival.arrive(taken.address, key=opened.workspace.address_key, now=now)
    if not created and (
        earlier := _same_key(form, key, body_hash) or _double_click(form, row, body_hash, key, now=now)
    ):
        return earlier
    arrival.fill(row, taken.profile, taken.attributes, now=now)
    if browser := attribution.anonymous_id(data):
        visitors.join(row, browser, now=now)
    touch = arrival.touch(row, attribution.read(data), kind="form", form=form.slug, now=now)
    if not row["form_source"]:
        row.set("form_source", form.slug)
    flush_leads([row], now=now)
    kept = [form.pk, row.id, touch, sql.to_json(data), body_hash, key or None, now]
    saved = _keep(kept, row["address_hash"], form.slug, _agreed_to(opened, taken))
    log.write([_event(form, row, taken, saved)], now=now, pending=True)
    return Captured(row.id, saved, created=created, duplicate=False)


def _same_key(form: Form, key: str | None, body_hash: str) -> Captured | None:
    """What this Idempotency-Key did before; CaptureConflict if it was for something else."""
    if not key:
        return None
    earlier = sql.fetch(_SAME_KEY, [form.pk, key])
    if not earlier:
        return None
    submission_id, lead_id, known_hash = earlier[0]
    if known_hash != body_hash:
        raise CaptureConflict("This Idempotency-Key was used for another body; use a new one for each submission.")
    return Captured(lead_id, submission_id, created=False, duplicate=True)


def _double_click(form: Form, row: LeadRow, body_hash: str, key: str | None, *, now: datetime) -> Captured | None:
    """The same post a moment ago. Two different keys say that two posts were meant."""
    earlier = sql.fetch(_DOUBLE_CLICK, [row.id, form.pk, body_hash, now - DOUBLE_CLICK, bool(key)])
    return Captured(row.id, earlier[0][0], created=False, duplicate=True) if earlier else None


def _keep(submission: Sequence[Any], address_hash: str, form: str, agreed: str | None) -> int:
    """Store the submission, and the proof of what was agreed to with it; the submission's id."""
    saved = sql.fetch(_KEEP, [*submission, address_hash, f"form:{form}"[:60], agreed, agreed])
    if not saved:
        raise CaptureConflict("This Idempotency-Key was used for another body; use a new one for each submission.")
    return int(saved[0][0])


def _agreed_to(opened: OpenForm, taken: intake.Intake) -> str | None:
    """What the person consented to: a box named “consent” if the form has one, else the words beside the button."""
    form = opened.form
    asks = any(field.get("name") == "consent" for field in form.fields)
    if not form.consent_text or (asks and taken.answers.get("consent") is not True):
        return None
    return _as_shown(form.consent_text, opened.workspace)


def _as_shown(text: str, workspace: Workspace) -> str:
    return _BLANK.sub(lambda blank: str(getattr(workspace, blank[1], "")), text)


def _event(form: Form, row: LeadRow, taken: intake.Intake, saved: int) -> NewEvent:
    properties = {**taken.answers, "form": form.slug, "submission": saved}
    return NewEvent(row.id, "form.submitted", properties, source="form", key=f"submission:{saved}")
