"""Which variant a person gets, and who is held out. Pure and stable: the same lead, the same answer, for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from lifecycle.core import lots


@dataclass(frozen=True, slots=True)
class Variant:
    """`subject`: instead of the mail's own, '' for that. `time_of_day`: leave at the next such hour of the person."""

    key: str
    weight: int
    template_id: int
    subject: str = ""
    time_of_day: time | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The variant, and why this one."""

    variant: Variant
    reason: str


def choice(variants: Sequence[Variant], *, experiment: str, lead_id: int, met: str = "", promoted: str = "") -> Choice:
    """What `lead_id` gets: what they met before, else what was promoted, else their share.

    A stored `met` outlives every change of weights, and a promotion is for new people only. A key that is gone counts
    for nothing.
    """
    by_key = {variant.key: variant for variant in variants}
    if met in by_key and len(variants) > 1:
        return Choice(by_key[met], f"experiment: variant {met}, met before")
    if promoted in by_key and len(variants) > 1:
        return Choice(by_key[promoted], f"experiment: variant {promoted}, promoted")
    chosen = choose(variants, experiment=experiment, lead_id=lead_id)
    return Choice(chosen, f"experiment: variant {chosen.key}" if chosen.key else "the step is reached")


def choose(variants: Sequence[Variant], *, experiment: str, lead_id: int) -> Variant:
    """The variant of `lead_id`, by a hash of experiment and lead spread over the weights (their sum must be > 0)."""
    if len(variants) == 1:
        return variants[0]
    return variants[lots.share(f"{experiment}:{lead_id}", [variant.weight for variant in variants])]


def is_held_out(*, sequence: str, lead_id: int, percent: int) -> bool:
    """Whether the lead is in the control group. One who is stays there when the share grows."""
    return lots.point(f"holdout:{sequence}:{lead_id}", 10_000) < percent * 100


def lot(name: str, *, lead_id: int) -> int:
    """The lead's number from 0 to 99 in a lottery of that name."""
    return lots.point(f"{name}:{lead_id}", 100)
