"""A posted form becomes a lead, a touch, a submission, a consent and an event: all of it or nothing.

Of a form with double opt-in only the post itself is kept, and a mail asks whether it was meant (`actions.confirm`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from leads import arrival, confirmations, entering, forms, intake, log, pages, signals
from leads.batch import LeadRow, flush_leads
from leads.entering import Said
from leads.forms import OpenForm
from leads.intake import IntakeError as CaptureError
from leads.log import NewEvent
from leads.models import Form
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
        INSERT INTO leads_submission
            (form_id, lead_id, touch_id, data, page_variant_id, body_hash, idempotency_key, received_at)
        VALUES (%b, %b, %b, %b::text::jsonb, %b, %b, %b, %b)
        ON CONFLICT DO NOTHING RETURNING id, lead_id, received_at
    ), agreed AS (
        INSERT INTO leads_consent (lead_id, address_hash, purpose, granted, source, text, at)
        SELECT lead_id, %b, 'marketing', true, %b, %b::text, received_at FROM saved WHERE %b::text IS NOT NULL
    )
    SELECT id FROM saved
"""

__all__ = ["CaptureConflict", "CaptureError", "Captured", "FormPost", "UnknownForm", "capture"]


@dataclass(frozen=True, slots=True)
class FormPost:
    """What came in at a form's door: the form's slug, the body as posted, the sender's Idempotency-Key and browser.

    `door`: what people sent it through: form, or a name of its own for another.
    """

    form: str
    data: Mapping[str, Any]
    idempotency_key: str | None = None
    user_agent: str = ""
    door: str = "form"


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


@dataclass(frozen=True, slots=True)
class _Post:
    """A post that reads: what it says, what was agreed to, and what tells it from another."""

    opened: OpenForm
    taken: intake.Intake
    said: Said
    key: str | None
    body_hash: str
    variant_id: int | None


def capture(submission: FormPost, *, opened: OpenForm | None = None, now: datetime) -> Captured:
    """Take in a post and react at once. UnknownForm, CaptureError (has `fields`) or CaptureConflict otherwise.

    `opened`: the post's form, if the door has looked it up already.
    """
    opened = opened or forms.active(submission.form)
    if opened is None:
        raise UnknownForm(f"There is no form “{submission.form[:50]}”.")
    if submission.idempotency_key and len(submission.idempotency_key) > LONGEST_KEY:
        raise CaptureError({"Idempotency-Key": f"At most {LONGEST_KEY} characters."})
    captured = _take_in(_read(submission, opened), now=now)
    if not captured.duplicate:
        react(captured.lead_id, now=now)
    return captured


def _read(submission: FormPost, opened: OpenForm) -> _Post:
    """What was sent under questions that were not asked is left out, and so stored nowhere."""
    sent = sql.storable(dict(submission.data))
    taken = intake.read(opened.form.fields, sent)
    data = {name: value for name, value in sent.items() if name not in taken.unasked}
    pairs = sql.to_json(sorted((name, str(value)) for name, value in data.items()))
    variant = pages.of_submission(data)
    return _Post(
        opened,
        taken,
        Said(opened.form, data, taken.answers, submission.user_agent, submission.door),
        sql.storable(submission.idempotency_key) or None,
        hashlib.sha256(pairs.encode()).hexdigest(),
        variant.pk if variant else None,
    )


@transaction.atomic
def _take_in(post: _Post, *, now: datetime) -> Captured:
    form = post.opened.form
    if earlier := _same_key(form, post):
        return earlier
    row, created = arrival.arrive(post.taken.address, key=post.opened.workspace.address_key, now=now)
    if not created and (earlier := _same_key(form, post) or _double_click(row, post, now=now)):
        return earlier
    saved = _ask(row, post, now=now) if form.double_opt_in else _enter(row, post, now=now)
    if post.variant_id:
        pages.converted(post.variant_id, pages.browser_of(post.said.data), saved, now=now)
    return Captured(row.id, saved, created=created, duplicate=False)


def _enter(row: LeadRow, post: _Post, *, now: datetime) -> int:
    touch = entering.enter(row, post.said, now=now)
    flush_leads([row], now=now)
    saved = _keep(row, post, touch, agreed_to(post.opened, post.taken), now=now)
    properties = entering.properties(post.said, row.id, saved, now=now)
    event = NewEvent(row.id, "form.submitted", properties, source="form", key=f"submission:{saved}")
    log.write([event], now=now, pending=True)
    signals.form_entered.send(sender=None, lead_id=row.id, said=post.said, now=now)
    return saved


def _ask(row: LeadRow, post: _Post, *, now: datetime) -> int:
    """Keep the post as it came. Until it is confirmed the lead is an address that somebody wrote, and no more."""
    saved = _keep(row, post, None, None, now=now)
    confirmations.ask(row.id, saved, post.said, agreed_to(post.opened, post.taken), now=now)
    return saved


def _same_key(form: Form, post: _Post) -> Captured | None:
    """What this Idempotency-Key did before; CaptureConflict if it was for something else."""
    if not post.key:
        return None
    earlier = sql.fetch(_SAME_KEY, [form.pk, post.key])
    if not earlier:
        return None
    submission_id, lead_id, known_hash = earlier[0]
    if known_hash != post.body_hash:
        raise CaptureConflict("This Idempotency-Key was used for another body; use a new one for each submission.")
    return Captured(lead_id, submission_id, created=False, duplicate=True)


def _double_click(row: LeadRow, post: _Post, *, now: datetime) -> Captured | None:
    """The same post a moment ago. Two different keys say that two posts were meant."""
    given: Sequence[Any] = [row.id, post.opened.form.pk, post.body_hash, now - DOUBLE_CLICK, bool(post.key)]
    earlier = sql.fetch(_DOUBLE_CLICK, given)
    return Captured(row.id, earlier[0][0], created=False, duplicate=True) if earlier else None


def _keep(row: LeadRow, post: _Post, touch: int | None, agreed: str | None, *, now: datetime) -> int:
    """Store the submission, and the proof of what was agreed to with it; the submission's id."""
    form, data = post.opened.form, sql.to_json(post.said.data)
    submission = [form.pk, row.id, touch, data, post.variant_id, post.body_hash, post.key, now]
    saved = sql.fetch(_KEEP, [*submission, row["address_hash"], f"form:{form.slug}"[:60], agreed, agreed])
    if not saved:
        raise CaptureConflict("This Idempotency-Key was used for another body; use a new one for each submission.")
    return int(saved[0][0])


def agreed_to(opened: OpenForm, taken: intake.Intake) -> str | None:
    """What the person consented to: a box named “consent” if the form has one, else the words beside the button."""
    form = opened.form
    asks = any(field.get("name") == "consent" for field in form.fields)
    if not form.consent_text or (asks and taken.answers.get("consent") is not True):
        return None
    return opened.shown(form.consent_text)
