"""The judgement: once, when the sample that was set in advance is complete. Looking earlier changes nothing."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from campaigns.editing import audit
from campaigns.experiments import results
from campaigns.models import Experiment
from lifecycle.core import sql, statistics, ticks

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

logger = logging.getLogger(__name__)


_RUNNING = """
    SELECT e.id FROM campaigns_experiment e JOIN campaigns_sequence s ON s.id = e.sequence_id
    WHERE e.state = 'running' AND s.status <> 'draft'
"""


class NoSuchVariant(ValueError):
    """The published step has no such variant."""


@ticks.when(f"EXISTS ({_RUNNING})")
def judge_due(*, now: datetime) -> int:
    """Judge each experiment whose sample is complete; how many were. One that cannot be read holds up no other."""
    judged = 0
    for (pk,) in sql.fetch(_RUNNING):
        try:
            judged += judge(pk, now=now)
        except (ValueError, LookupError, TypeError):
            logger.exception("experiment %s cannot be judged", pk)
    return judged


@transaction.atomic
def judge(pk: int, *, now: datetime) -> bool:
    """Judge one running experiment; False if it is not complete yet, or another worker does it."""
    experiment = Experiment.objects.select_for_update(skip_locked=True, of=["self"]).filter(pk=pk).first()
    if experiment is None or experiment.state != Experiment.State.RUNNING:
        return False
    standing = results.standing(experiment, now=now)
    if not standing.may_be_judged(now):
        return False
    judgement = statistics.judge(standing.arms)
    experiment.state, experiment.decided_at = Experiment.State.DECIDED, now
    experiment.winner_key = judgement.winner
    experiment.result = statistics.as_json(standing.arms, judgement)
    if experiment.auto_promote and judgement.winner:
        experiment.promoted_key = judgement.winner
    experiment.save()
    _note(experiment, "experiment decided", None, judgement.sentence, now)
    return True


@transaction.atomic
def promote(experiment: Experiment, key: str, *, actor: "AbstractBaseUser | None", now: datetime) -> None:
    """Everybody new gets this variant; '' shares them out by weight again. Those who met one keep it."""
    if key and key not in results.arms_of(experiment):
        raise NoSuchVariant(f"the published step has no variant {key!r} with a weight")
    changed = Experiment.objects.filter(pk=experiment.pk).exclude(promoted_key=key).update(promoted_key=key)
    if changed:
        experiment.promoted_key = key
        says = f"new people get variant {key}" if key else "new people are shared out again"
        _note(experiment, "variant promoted" if key else "promotion ended", actor, says, now)


def _note(experiment: Experiment, action: str, actor: "AbstractBaseUser | None", reason: str, now: datetime) -> None:
    audit.note(experiment.sequence, action, actor=actor, reason=f"{experiment.step_key}: {reason}", now=now)
