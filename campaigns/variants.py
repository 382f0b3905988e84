"""Which variant a person gets. Pure and stable: the same lead meets the same variant on re-entry."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    key: str
    weight: int
    template_id: int


def choose(variants: Sequence[Variant], *, experiment: str, lead_id: int) -> Variant:
    """The variant of `lead_id`, by a hash of experiment and lead spread over the weights (their sum must be > 0)."""
    if len(variants) == 1:
        return variants[0]
    total = sum(variant.weight for variant in variants)
    digest = hashlib.sha256(f"{experiment}:{lead_id}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") % total
    for variant in variants:
        point -= variant.weight
        if point < 0:
            return variant
    raise AssertionError("a point below the total lies inside one of the weights")
