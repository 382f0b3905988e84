"""A posted form becomes a lead, a touch, a submission, a consent and an event: all of it or nothing."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from leads import arrival, attribution, intake, visitors
from leads.actions.record import record
from leads.batch import LeadRow, flush_leads
from leads.intake import IntakeError as CaptureError
from leads.log import NewEvent
from leads.models import Consent, Form, Submission, Touch, Workspace
from leads.pipeline import process_at_once
from lifecycle.core import sql

DOUBLE_CLICK = timedelta(seconds=60)
LONGEST_KEY = 200
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


def capture(submission: FormPost, *, now: datetime) -> Captured:
    """Take in a post and react at once. UnknownForm, CaptureError (has `fields`) or CaptureConflict otherwise."""
    form = Form.objects.filter(slug=sql.storable(submission.form), is_active=True).first()
    if form is None:
        raise UnknownForm(f"There is no form “{submission.form[:50]}”.")
    if submission.idempotency_key and len(submission.idempotency_key) > LONGEST_KEY:
        raise CaptureError({"Idempotency-Key": f"At most {LONGEST_KEY} characters."})
    data = sql.storable(dict(submission.data))
    taken = intake.read(form.fields, data)
    captured = _take_in(form, taken, data, sql.storable(submission.idempotency_key), now=now)
    if not captured.duplicate:
        process_at_once(captured.lead_id, now=now)
    return captured


@transaction.atomic
def _take_in(form: Form, taken: intake.Intake, data: dict[str, Any], key: str | None, *, now: datetime) -> Captured:
    body_hash = hashlib.sha256(
        sql.to_json(sorted((name, str(value)) for name, value in data.items())).encode()
    ).hexdigest()
    if earlier := _same_key(form, key, body_hash):
        return earlier
    row, created = arrival.arrive(taken.address, now=now)
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
    saved = _submission(form, row, touch, data, body_hash, key, now)
    _consent(form, row, taken, now=now)
    record([_event(form, row, taken, saved)], now=now)
    return Captured(row.id, saved.pk, created=created, duplicate=False)


def _same_key(form: Form, key: str | None, body_hash: str) -> Captured | None:
    """What this Idempotency-Key did before; CaptureConflict if it was for something else."""
    if not key:
        return None
    earlier = Submission.objects.filter(form=form, idempotency_key=key).first()
    if earlier is None:
        return None
    if earlier.body_hash != body_hash:
        raise CaptureConflict("This Idempotency-Key was used for another body; use a new one for each submission.")
    return Captured(earlier.lead_id, earlier.pk, created=False, duplicate=True)


def _double_click(form: Form, row: LeadRow, body_hash: str, key: str | None, *, now: datetime) -> Captured | None:
    """The same post a moment ago. Two different keys say that two posts were meant."""
    recent = Submission.objects.filter(
        lead_id=row.id, form=form, body_hash=body_hash, received_at__gt=now - DOUBLE_CLICK
    )
    if key:
        recent = recent.filter(idempotency_key=None)
    earlier = recent.order_by("-received_at").first()
    return Captured(row.id, earlier.pk, created=False, duplicate=True) if earlier else None


def _submission(
    form: Form, row: LeadRow, touch: Touch, data: dict[str, Any], body_hash: str, key: str | None, now: datetime
) -> Submission:
    submission = Submission(
        form=form,
        lead_id=row.id,
        touch=touch,
        data=data,
        body_hash=body_hash,
        idempotency_key=key or None,
        received_at=now,
    )
    Submission.objects.bulk_create([submission], ignore_conflicts=True)
    saved = Submission.objects.filter(lead_id=row.id, touch=touch).first()
    if saved is None:
        raise CaptureConflict("This Idempotency-Key was used for another body; use a new one for each submission.")
    return saved


def _consent(form: Form, row: LeadRow, taken: intake.Intake, *, now: datetime) -> None:
    """Proof of what was agreed to: a box named “consent” if the form has one, else the words beside the button."""
    asks = any(field.get("name") == "consent" for field in form.fields)
    if not form.consent_text or (asks and taken.answers.get("consent") is not True):
        return
    Consent.objects.create(
        lead_id=row.id,
        address_hash=row["address_hash"],
        purpose="marketing",
        granted=True,
        source=f"form:{form.slug}"[:60],
        text=_as_shown(form.consent_text),
        at=now,
    )


def _as_shown(text: str) -> str:
    if "{{" not in text:
        return text
    workspace = Workspace.load()
    return _BLANK.sub(lambda blank: str(getattr(workspace, blank[1], "")), text)


def _event(form: Form, row: LeadRow, taken: intake.Intake, saved: Submission) -> NewEvent:
    properties = {**taken.answers, "form": form.slug, "submission": saved.pk}
    return NewEvent(row.id, "form.submitted", properties, source="form", key=f"submission:{saved.pk}")
