"""Setting up a comparison, and starting it over when what it compares is no longer the same."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from campaigns.editing import audit
from campaigns.models import Experiment, Sequence, SequenceVersion, Variant

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

RULES = ("goal", "goal_where", "goal_within", "minimum_sample", "auto_promote")
# What may change without making it another comparison: who takes the winner is not part of what is measured.
_HARMLESS = {"auto_promote"}
Mails = set[tuple[Any, ...]]


@transaction.atomic
def set_up(
    sequence: Sequence,
    step_key: str,
    rules: Mapping[str, Any],
    *,
    actor: "AbstractBaseUser | None" = None,
    now: datetime,
) -> Experiment:
    """The experiment of a step under these rules; one that measured something else starts over."""
    experiment = Experiment.objects.select_for_update().filter(sequence=sequence, step_key=step_key).first()
    if experiment is None:
        made = Experiment(sequence=sequence, step_key=step_key, started_at=now, **rules)
        made.full_clean()
        made.save()
        return made
    changed = {name for name in RULES if getattr(experiment, name) != rules[name]}
    for name in changed:
        setattr(experiment, name, rules[name])
    experiment.full_clean()
    experiment.save()
    if changed - _HARMLESS:
        start_over(experiment, actor=actor, reason="its rules changed", now=now)
    return experiment


@transaction.atomic
def start_over(
    experiment: Experiment, *, actor: "AbstractBaseUser | None", reason: str = "", now: datetime
) -> Experiment:
    """Forget the judgement and count from now on. A promotion ends: everybody new is shared out again."""
    experiment.state, experiment.started_at, experiment.decided_at = Experiment.State.RUNNING, now, None
    experiment.winner_key, experiment.promoted_key, experiment.result = "", "", None
    experiment.save()
    audit.note(
        experiment.sequence,
        "experiment restarted",
        actor=actor,
        reason=f"{experiment.step_key}: {reason}" if reason else experiment.step_key,
        now=now,
    )
    return experiment


def follow(before: SequenceVersion | None, after: SequenceVersion, *, now: datetime) -> None:
    """Start over each running experiment whose mails a new version changes. Shares may change: they are no mails."""
    if before is None:
        return
    old, new = _mails(before), _mails(after)
    running = Experiment.objects.filter(sequence_id=after.sequence_id, state=Experiment.State.RUNNING)
    for experiment in running.filter(step_key__in=old).select_related("sequence"):
        if old[experiment.step_key] != new.get(experiment.step_key):
            start_over(experiment, actor=None, reason="its variants changed", now=now)


def _mails(version: SequenceVersion) -> dict[str, Mails]:
    """Step key → its variants without their weights."""
    mails: dict[str, Mails] = {}
    variants = Variant.objects.filter(step__version=version).select_related("step")
    for variant in variants:
        content = (variant.key, variant.template_id, variant.subject, variant.time_of_day)
        mails.setdefault(variant.step.key, set()).add(content)
    return mails
