"""The verbs of campaigns. Each is one transaction: whole or not at all, with `now` passed in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.editing.drafts import new_draft
from campaigns.editing.mails import publish_template
from campaigns.editing.publishing import PublishRefused
from campaigns.editing.release import publish, revert
from campaigns.engine.deciding import Journey
from campaigns.engine.triggers import Candidate, Result
from campaigns.models import Enrollment, Sequence
from campaigns.running import entries, exits, journeys, people
from campaigns.running.pausing import drain, freeze, hold, let_go, pause, resume, stop
from leads.models import Lead, Workspace

__all__ = [
    "EnrollResult",
    "PublishRefused",
    "drain",
    "enroll",
    "enroll_by_api",
    "freeze",
    "hold",
    "let_go",
    "new_draft",
    "pause",
    "publish",
    "publish_template",
    "resume",
    "revert",
    "stop",
]


class SequenceNotFound(LookupError):
    """No sequence has that slug."""


@transaction.atomic
def exit_enrollment(enrollment: Enrollment, *, reason: str, now: datetime) -> bool:
    """Take one person out of a sequence by hand; False if the run was over already."""
    Lead.objects.select_for_update(no_key=True).get(pk=enrollment.lead_id)
    return bool(exits.end([exits.Exit(enrollment.pk, reason)], now=now))


@dataclass(frozen=True, slots=True)
class EnrollResult:
    """`reason` explains every result but "enrolled"."""

    result: Result
    reason: str
    enrollment_id: int | None


@transaction.atomic
def enroll(
    lead: Lead, sequence: Sequence, *, key: str = "", context: dict[str, Any] | None = None, now: datetime
) -> EnrollResult:
    """Propose a person for a live sequence, by hand or over the API. Filters, re-entry and groups apply as always."""
    journey = journeys.entered_by(lead.pk, sequence.pk, journeys.live())
    if journey is None:
        return EnrollResult("refused", f"the sequence is {sequence.get_status_display().lower()}", None)
    Lead.objects.select_for_update(no_key=True).get(pk=lead.pk)
    candidate = Candidate(lead.pk, journey, key[:120], context or {}, since=now)
    facts = _facts(candidate, journey, now)
    entry = entries.enroll([candidate], lambda proposed: facts, now=now)[0]
    return EnrollResult(entry.verdict.result, entry.verdict.reason, entry.enrollment_id)


def _facts(candidate: Candidate, journey: Journey, now: datetime) -> Any:
    needs = journey.entry_needs.merge(journey.exit_needs)
    person = people.load({candidate.lead_id: now}, needs, Workspace.load())[candidate.lead_id]
    return person.facts(candidate.since)


def enroll_by_api(
    slug: str, *, lead: Lead, key: str = "", context: dict[str, Any] | None = None, now: datetime
) -> EnrollResult:
    """As `enroll`, by the sequence's slug. Raises SequenceNotFound."""
    sequence = Sequence.objects.filter(slug=slug).first()
    if sequence is None:
        raise SequenceNotFound(slug)
    return enroll(lead, sequence, key=key, context=context, now=now)
