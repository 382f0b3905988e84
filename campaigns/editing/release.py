"""From draft to live: publishing a version, and going back to an older one."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from campaigns import rendering
from campaigns.editing import audit, moving, tombstones
from campaigns.editing.drafts import draft_from
from campaigns.editing.mails import publish_template
from campaigns.editing.publishing import Problem, PublishRefused, check
from campaigns.experiments import starting
from campaigns.models import Enrollment, Sequence, SequenceVersion, Step

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

# So many chunks of people are moved before a publish answers; the tick does the rest.
MOVED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class InFlight:
    """What becomes of people inside: "stay" on their version, "move" to the new one (those not past the step
    `not_past`; None: all of them), or "exit"."""

    policy: str = moving.STAY
    not_past: str | None = None


def publish(
    version: SequenceVersion,
    *,
    in_flight: str = moving.STAY,
    not_past: str | None = None,
    actor: "AbstractBaseUser | None" = None,
    now: datetime,
) -> SequenceVersion:
    """Make a draft the version that people enter from now on; `in_flight` says what becomes of those inside.

    stay: they end on their version. move: those not past the step `not_past` (None: all) go on in the new one. exit:
    their runs end. Mails that were never published are published along. The sequence goes live.
    Raises PublishRefused with every problem and its place.
    """
    moving.finish(version.sequence_id, now=now)  # whoever is still on the way to an earlier version arrives first
    version = _published(version, InFlight(in_flight, not_past), "published", actor, now)
    moving.finish(version.sequence_id, now=now, most=MOVED_AT_ONCE)
    return version


def revert(
    to: SequenceVersion,
    *,
    in_flight: str = moving.STAY,
    not_past: str | None = None,
    actor: "AbstractBaseUser | None" = None,
    now: datetime,
) -> SequenceVersion:
    """Publish a new version that equals the older one `to`: numbers only grow. Raises DraftExists, PublishRefused."""
    moving.finish(to.sequence_id, now=now)
    with transaction.atomic():
        draft = draft_from(to)
        draft.note = f"as version {to.number}"
        draft.save(update_fields=["note"])
        version = _published(draft, InFlight(in_flight, not_past), "reverted", actor, now)
    moving.finish(version.sequence_id, now=now, most=MOVED_AT_ONCE)
    return version


@transaction.atomic
def _published(
    version: SequenceVersion, choice: InFlight, action: str, actor: "AbstractBaseUser | None", now: datetime
) -> SequenceVersion:
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=version.sequence_id)
    version = SequenceVersion.objects.select_for_update().get(pk=version.pk)
    if version.state == SequenceVersion.State.PUBLISHED:
        return version
    freeze(version, choice, now=now)
    starting.follow(sequence.current_version, version, now=now)
    sequence.current_version = version
    if sequence.status in (Sequence.Status.DRAFT, Sequence.Status.STOPPED):
        sequence.status = Sequence.Status.LIVE
    sequence.save(update_fields=["current_version", "status"])
    inside = sequence.enrollments.filter(state=Enrollment.State.ACTIVE).count()
    detail = {"in_flight": choice.policy, "not_past": choice.not_past, "inside": inside}
    audit.note(sequence, action, actor=actor, now=now, version=version, reason=version.note, detail=detail)
    if inside:
        send_on(sequence, version, choice, actor)
    version.refresh_from_db()
    return version


def send_on(
    sequence: Sequence, version: SequenceVersion, choice: InFlight, actor: "AbstractBaseUser | None" = None
) -> None:
    """Begin what was chosen for the people in flight, in the caller's transaction; `moving.finish` goes on with it."""
    if choice.policy == moving.STAY:
        return
    reason = f"exit: replaced by version {version.number}"
    going = moving.Going(version.pk, choice.policy, choice.not_past, actor=actor.pk if actor else None, reason=reason)
    moving.begin(sequence, going)


def freeze(version: SequenceVersion, choice: InFlight, *, now: datetime) -> None:
    """Make a draft immutable, with its tombstones and its mails. Raises PublishRefused; the caller's transaction."""
    check(version)
    check_choice(version.sequence, choice)
    if version.sequence.canary_version_id is not None:
        raise PublishRefused([Problem("canary", "a canary version is being tried: promote or withdraw it first")])
    _publish_mails(version, now=now)
    tombstones.bury(version)
    SequenceVersion.objects.filter(pk=version.pk).update(state=SequenceVersion.State.PUBLISHED, published_at=now)


def check_choice(sequence: Sequence, choice: InFlight) -> None:
    """Raise PublishRefused for a policy or a step that nobody knows."""
    problems = []
    if choice.policy not in (moving.STAY, moving.MOVE, moving.EXIT):
        problems.append(Problem("in_flight", f"{choice.policy!r} is not known: stay, move or exit"))
    known = Step.objects.filter(version__sequence=sequence, key=choice.not_past)
    if choice.not_past is not None and not known.exists():
        problems.append(Problem("not_past", f"there is no step {choice.not_past}"))
    if problems:
        raise PublishRefused(problems)


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
