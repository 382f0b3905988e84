"""Which mail works better, and whether mail works at all, in numbers with their intervals and in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.experiments import holdouts, results
from campaigns.models import Experiment, Sequence, SequenceVersion
from lifecycle.core import statistics


@dataclass(frozen=True, slots=True)
class ArmReport:
    """One variant. `low` to `high`: where its true rate lies. `missing`: people still needed before it is judged."""

    key: str
    people: int
    conversions: int
    rate: float
    low: float
    high: float
    missing: int


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """The best arm against the next: difference of the rates with its interval."""

    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """A comparison. While it runs there is no `comparison`: it is judged once, when the sample is complete."""

    sequence: str
    step: str
    goal: str
    within: timedelta
    minimum_sample: int
    auto_promote: bool
    state: str
    started_at: datetime
    decided_at: datetime | None
    winner: str
    promoted: str
    verdict: str
    arms: list[ArmReport]
    comparison: ComparisonReport | None


@dataclass(frozen=True, slots=True)
class HoldoutReport:
    """Those who got the mail of a sequence against those held out."""

    sequence: str
    percent: int
    treated: ArmReport
    held_out: ArmReport
    comparison: ComparisonReport
    verdict: str


def experiments(*, now: datetime) -> list[ExperimentReport]:
    """All comparisons by sequence and step; three queries for each that runs."""
    rows = Experiment.objects.select_related("sequence").order_by("sequence__slug", "step_key")
    return [experiment_report(row, now=now) for row in rows]


def experiment_report(experiment: Experiment, *, now: datetime) -> ExperimentReport:
    arms, comparison, verdict = _decided(experiment) if experiment.result else _running(experiment, now)
    return ExperimentReport(
        sequence=experiment.sequence.slug,
        step=experiment.step_key,
        goal=experiment.goal,
        within=experiment.goal_within,
        minimum_sample=experiment.minimum_sample,
        auto_promote=experiment.auto_promote,
        state=experiment.state,
        started_at=experiment.started_at,
        decided_at=experiment.decided_at,
        winner=experiment.winner_key,
        promoted=experiment.promoted_key,
        verdict=verdict,
        arms=arms,
        comparison=comparison,
    )


Found = tuple[list[ArmReport], ComparisonReport | None, str]


def _decided(experiment: Experiment) -> Found:
    kept: dict[str, Any] = experiment.result or {}
    arms = [ArmReport(missing=0, **arm) for arm in kept["arms"]]
    comparison = ComparisonReport(kept["difference"], kept["low"], kept["high"], kept["p"])
    return arms, comparison, kept["sentence"]


def _running(experiment: Experiment, now: datetime) -> Found:
    standing = results.standing(experiment, now=now)
    arms = [arm_report(arm, missing=standing.missing(arm)) for arm in standing.arms]
    return arms, None, standing.in_words(now)


def arm_report(arm: statistics.Arm, *, missing: int = 0) -> ArmReport:
    return ArmReport(missing=missing, **statistics.arm_as_json(arm))


def control_groups() -> list[HoldoutReport]:
    """Of every sequence that ever held somebody out, by slug. Four queries."""
    holding = SequenceVersion.objects.filter(holdout_percent__gt=0).values("sequence_id")
    sequences = list(Sequence.objects.filter(pk__in=holding).select_related("current_version").order_by("slug"))
    found = holdouts.control_groups([sequence.pk for sequence in sequences])
    return list(_holdouts(sequences, found))


def _holdouts(sequences: Iterable[Sequence], found: dict[int, holdouts.ControlGroup]) -> Iterable[HoldoutReport]:
    for sequence in sequences:
        group = found.get(sequence.pk)
        if group is not None:
            interval = group.comparison.interval
            yield HoldoutReport(
                sequence=sequence.slug,
                percent=sequence.current_version.holdout_percent if sequence.current_version else 0,
                treated=arm_report(group.treated),
                held_out=arm_report(group.held_out),
                comparison=ComparisonReport(
                    group.comparison.difference, interval.low, interval.high, group.comparison.p
                ),
                verdict=group.sentence,
            )
