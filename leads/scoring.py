"""How many points, and how warm that makes a lead. Pure: values in, values out.

Fit is a state: the points that the profile is worth now, booked as differences. Intent adds up event by event; every
grant fades with its own age, and what a group gives never exceeds its cap, counted on what is left after fading.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FIT_CAP = 55
INTENT_CAP = 45


@dataclass(frozen=True, slots=True)
class Limit:
    times: int
    span: timedelta


@dataclass(frozen=True, slots=True)
class Group:
    slug: str
    cap: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    warm: int
    hot: int


@dataclass(slots=True)
class Grants:
    """What a rule has given a lead so far: the faded sum, and the times that its limit still looks at."""

    faded: float = 0.0
    times: list[datetime] = field(default_factory=list)


def temperature(score: int, thresholds: Thresholds) -> str:
    if score >= thresholds.hot:
        return "hot"
    return "warm" if score >= thresholds.warm else "cold"


def faded(points: float, age: timedelta, half_life: timedelta) -> float:
    """What is left of points after this age; points of the future count in full."""
    left: float = 0.5 ** (max(age, timedelta(0)) / half_life)
    return points * left


def intent_target(sums: Iterable[float]) -> int:
    """The intent score that the faded grants amount to."""
    return min(max(round(sum(sums)), 0), INTENT_CAP)


def fit_points(matching: Iterable[tuple[int, int, Group]]) -> dict[int, int]:
    """(rule id, points, group) of the rules that hold → points for each, after the caps of groups and of fit.

    Rules come in the order they are listed; the first ones fill the group.
    """
    by_group: dict[str, int] = {}
    total = 0
    granted: dict[int, int] = {}
    for rule_id, points, group in matching:
        given = by_group.get(group.slug, 0)
        fitting = _fit_in(points, given, group.cap, total, FIT_CAP)
        if fitting:
            granted[rule_id] = fitting
            by_group[group.slug] = given + fitting
            total += fitting
    return granted


def intent_points(points: int, *, group_now: float, cap: int, score_now: int) -> int:
    """How much of a grant still fits under the group's cap and the cap of intent; never below zero in all."""
    room = min(int(cap - group_now + 1e-9), INTENT_CAP - score_now)
    return max(min(points, max(room, 0)), -score_now)


def within_limit(times: Sequence[datetime], at: datetime, limit: Limit | None) -> bool:
    """Whether one more grant at this moment keeps to "at most `times` in any `span`", whatever order events come in."""
    if limit is None:
        return True
    near = sum(at - limit.span < time <= at or at <= time < at + limit.span for time in times)
    return near < limit.times


def group_sum(grants: Mapping[int, Grants], rule_ids: Iterable[int]) -> float:
    return sum(grants[rule_id].faded for rule_id in rule_ids if rule_id in grants)


def _fit_in(points: int, group_total: int, group_cap: int, total: int, cap: int) -> int:
    return max(min(points, group_cap - group_total, cap - total), -group_total)
