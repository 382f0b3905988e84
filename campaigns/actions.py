"""The verbs of campaigns. Each is one transaction: whole or not at all, with `now` passed in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from campaigns import composing, entries, exits, journeys, people, rendering
from campaigns.engine import Journey
from campaigns.models import EmailTemplate, Enrollment, Sequence, SequenceVersion, Step, TemplateVersion, Variant
from campaigns.publishing import Problem, PublishRefused, check
from campaigns.triggers import Candidate, Result
from leads.models import Lead, Workspace

__all__ = ["EnrollResult", "PublishRefused", "enroll", "enroll_by_api", "new_draft", "publish", "publish_template"]


class SequenceNotFound(LookupError):
    """No sequence has that slug."""


@transaction.atomic
def publish_template(template: EmailTemplate, *, now: datetime) -> TemplateVersion:
    """Compile the draft and make it the version that is sent from now on; the current one if nothing changed.

    Raises rendering.TemplateProblems with every problem and its line.
    """
    source = composing.source_of(template)
    compiled = rendering.compile_template(source, workspace=composing.workspace_context(Workspace.load())).to_json()
    current = template.current_version
    if (
        current
        and current.compiled == compiled
        and current.message_class == template.message_class
        and current.topic_id == template.topic_id
    ):
        return current
    EmailTemplate.objects.select_for_update(no_key=True).get(pk=template.pk)
    last = template.versions.aggregate(last=Max("number"))["last"] or 0
    version = TemplateVersion.objects.create(
        template=template,
        number=last + 1,
        message_class=template.message_class,
        topic=template.topic,
        source={name: getattr(template, name) for name in ("format", "subject", "preheader", "body", "text")},
        compiled=compiled,
        published_at=now,
    )
    template.current_version = version
    template.save(update_fields=["current_version"])
    return version


@transaction.atomic
def new_draft(sequence: Sequence) -> SequenceVersion:
    """The draft of a sequence: the one there is, or a copy of the current version, or an empty one."""
    Sequence.objects.select_for_update(no_key=True).get(pk=sequence.pk)
    draft = sequence.versions.filter(state=SequenceVersion.State.DRAFT).first()
    if draft is not None:
        return draft
    last = sequence.versions.aggregate(last=Max("number"))["last"] or 0
    model = sequence.current_version
    settings = _entry_settings(model) if model else {}
    draft = SequenceVersion.objects.create(sequence=sequence, number=last + 1, **settings)
    for step in model.steps.prefetch_related("variants") if model else []:
        _copy_step(step, draft)
    return draft


def _entry_settings(version: SequenceVersion) -> dict[str, Any]:
    names = ("triggers", "filters", "reentry", "reentry_after", "key_property", "second_trigger", "exits")
    return {name: getattr(version, name) for name in names}


def _copy_step(step: Step, draft: SequenceVersion) -> None:
    chosen = list(step.variants.all())
    step.pk = None
    step.version = draft
    step._state.adding = True
    step.save()
    for variant in chosen:
        Variant.objects.create(step=step, key=variant.key, weight=variant.weight, template_id=variant.template_id)


@transaction.atomic
def publish(version: SequenceVersion, *, now: datetime) -> SequenceVersion:
    """Make a draft the version that people enter from now on; those in flight stay on theirs. The sequence goes live.

    Mails that were never published are published along. Raises PublishRefused with every problem and its place.
    """
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=version.sequence_id)
    version = SequenceVersion.objects.select_for_update().get(pk=version.pk)
    if version.state == SequenceVersion.State.PUBLISHED:
        return version
    check(version)
    _publish_mails(version, now=now)
    SequenceVersion.objects.filter(pk=version.pk).update(state=SequenceVersion.State.PUBLISHED, published_at=now)
    sequence.current_version = version
    if sequence.status in (Sequence.Status.DRAFT, Sequence.Status.STOPPED):
        sequence.status = Sequence.Status.LIVE
    sequence.save(update_fields=["current_version", "status"])
    version.refresh_from_db()
    return version


def _publish_mails(version: SequenceVersion, *, now: datetime) -> None:
    problems = []
    for step in version.steps.filter(kind=Step.Kind.SEND).prefetch_related("variants__template"):
        for template in step.mails():
            if template.current_version_id is not None:
                continue
            try:
                publish_template(template, now=now)
            except rendering.TemplateProblems as refused:
                problems += [Problem(f"steps.{step.key}.{template.slug}", str(each)) for each in refused.problems]
    if problems:
        raise PublishRefused(problems)


def pause(sequence: Sequence) -> bool:
    """Hold new entries; people inside go on to their end. False if it was not live."""
    return bool(
        Sequence.objects.filter(pk=sequence.pk, status=Sequence.Status.LIVE).update(status=Sequence.Status.PAUSED)
    )


def resume(sequence: Sequence) -> bool:
    """Let people in again. False if it was not paused."""
    return bool(
        Sequence.objects.filter(pk=sequence.pk, status=Sequence.Status.PAUSED).update(status=Sequence.Status.LIVE)
    )


@transaction.atomic
def stop(sequence: Sequence, *, now: datetime) -> int:
    """End the sequence: nobody enters, everybody inside leaves, nothing of it is sent; how many left."""
    Sequence.objects.filter(pk=sequence.pk).update(status=Sequence.Status.STOPPED)
    inside = sequence.enrollments.filter(state=Enrollment.State.ACTIVE)
    leads = Lead.objects.filter(pk__in=inside.values("lead_id")).order_by("pk")
    list(leads.select_for_update(no_key=True).values_list("pk"))
    ids = list(inside.order_by("pk").values_list("pk", flat=True))
    return len(exits.end([exits.Exit(pk, "sequence stopped") for pk in ids], now=now))


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
    journey = next((each for each in journeys.live() if each.sequence_id == sequence.pk), None)
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
