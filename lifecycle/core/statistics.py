"""Two proportions compared. Pure.

Intervals are Wilson's for a share and Newcombe's hybrid for a difference (Newcombe 1998, method 10); both behave with
few people and with shares near 0 or 1. The test is the pooled z test. A winner needs both to agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

ALPHA = 0.05
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Arm:
    """People who got a variant, and how many of them did what counts."""

    key: str
    people: int
    conversions: int

    @property
    def rate(self) -> float:
        return self.conversions / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float

    @property
    def has_zero(self) -> bool:
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` is the rate of the second minus that of the first; `level` the confidence of the interval."""

    difference: float
    interval: Interval
    p: float
    level: float

    @property
    def shows_difference(self) -> bool:
        return self.p < 1 - self.level and not self.interval.has_zero


@dataclass(frozen=True, slots=True)
class Judgement:
    """`winner` is '' when no difference is shown. `comparison`: the runner-up against the best."""

    winner: str
    best: Arm
    runner_up: Arm
    comparison: Comparison
    sentence: str


def wilson(arm: Arm, *, level: float = 1 - ALPHA) -> Interval:
    """Where the true share of an arm lies, with `level` confidence; everything from 0 to 1 for nobody."""
    if not arm.people:
        return Interval(0.0, 1.0)
    z, n, rate = _z(level), arm.people, arm.rate
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))


def compare(first: Arm, second: Arm, *, level: float = 1 - ALPHA) -> Comparison:
    """The second arm against the first. Swapped arms give the same with the opposite sign."""
    one, two = wilson(first, level=level), wilson(second, level=level)
    difference = second.rate - first.rate
    low = difference - sqrt((second.rate - two.low) ** 2 + (one.high - first.rate) ** 2)
    high = difference + sqrt((two.high - second.rate) ** 2 + (first.rate - one.low) ** 2)
    return Comparison(difference, Interval(max(-1.0, low), min(1.0, high)), _pooled_p(first, second), level)


def judge(arms: Sequence[Arm]) -> Judgement:
    """The best of two or more arms, if it differs from every other. The more arms, the more it takes (Bonferroni)."""
    if len(arms) < 2:
        raise ValueError("a comparison needs at least two arms")
    level = 1 - ALPHA / (len(arms) - 1)
    ranked = sorted(arms, key=lambda arm: (-arm.rate, arm.key))
    best, runner_up = ranked[0], ranked[1]
    wins = all(compare(other, best, level=level).shows_difference for other in ranked[1:])
    comparison = compare(runner_up, best, level=level)
    return Judgement(
        best.key if wins else "", best, runner_up, comparison, _sentence(best, runner_up, comparison, wins)
    )


def as_json(arms: Sequence[Arm], judgement: Judgement) -> dict[str, Any]:
    """What is kept of a judgement: plain numbers, the arms in their order."""
    comparison = judgement.comparison
    return {
        "arms": [arm_as_json(arm) for arm in arms],
        "best": judgement.best.key,
        "against": judgement.runner_up.key,
        "difference": comparison.difference,
        "low": comparison.interval.low,
        "high": comparison.interval.high,
        "p": comparison.p,
        "level": comparison.level,
        "sentence": judgement.sentence,
    }


def arm_as_json(arm: Arm) -> dict[str, Any]:
    interval = wilson(arm)
    return {
        "key": arm.key,
        "people": arm.people,
        "conversions": arm.conversions,
        "rate": arm.rate,
        "low": interval.low,
        "high": interval.high,
    }


def in_words(comparison: Comparison) -> str:
    """“3.3 points (95 % interval 1.0 to 5.6, p = 0.004)”."""
    low, high = comparison.interval.low * 100, comparison.interval.high * 100
    p = f"p = {comparison.p:.3f}" if comparison.p >= 0.001 else "p < 0.001"
    return f"{points(comparison.difference)} ({comparison.level * 100:.3g} % interval {low:.1f} to {high:.1f}, {p})"


def percent(rate: float) -> str:
    return f"{rate * 100:.1f} %"


def points(difference: float) -> str:
    return f"{difference * 100:.1f} points"


def _sentence(best: Arm, runner_up: Arm, comparison: Comparison, wins: bool) -> str:
    shares = f"{percent(best.rate)} of {best.people:,} people"
    other = f"{percent(runner_up.rate)} of {runner_up.people:,}"
    if wins:
        return f"{best.key} wins: {shares} against {other} with {runner_up.key}, {in_words(comparison)} more."
    return f"No difference shown: {shares} with {best.key}, {other} with {runner_up.key}; {in_words(comparison)} apart."


def _pooled_p(first: Arm, second: Arm) -> float:
    """Two-sided p of the hypothesis that both shares are the same."""
    if not first.people or not second.people:
        return 1.0
    pooled = (first.conversions + second.conversions) / (first.people + second.people)
    spread = sqrt(pooled * (1 - pooled) * (1 / first.people + 1 / second.people))
    if not spread:
        return 1.0
    return 2 * (1 - _NORMAL.cdf(abs(second.rate - first.rate) / spread))


def _z(level: float) -> float:
    return _NORMAL.inv_cdf(1 - (1 - level) / 2)
