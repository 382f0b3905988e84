"""Which variant goes to those who waited. Pure. It says so when the numbers do not tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifecycle.core.statistics import Arm, judge


@dataclass(frozen=True, slots=True)
class Chosen:
    key: str
    reason: str


def choose(arms: Sequence[Arm], weights: Mapping[str, int]) -> Chosen:
    """The variant that was clicked most, if that is no accident; else the one with most weight, the first of equals."""
    numbers = ", ".join(f"{arm.key} {arm.conversions:,} of {arm.people:,}" for arm in arms)
    winner = judge(arms).winner if len(arms) > 1 and all(arm.people for arm in arms) else ""
    if winner:
        return Chosen(winner, f"experiment: {winner} was clicked more, and not by chance ({numbers})")
    usual = max(arms, key=lambda arm: weights[arm.key])
    return Chosen(usual.key, f"experiment: no clear winner, so {usual.key}, which has most weight ({numbers})")
