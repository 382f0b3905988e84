"""Draws that come out the same for ever: no dice, but a hash of what is drawn for. Pure."""

import hashlib
from collections.abc import Sequence


def point(name: str, total: int) -> int:
    """The point from 0 to total - 1 that `name` falls on; names are spread evenly."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % total


def share(name: str, weights: Sequence[int]) -> int:
    """The position in `weights` that `name` falls on, in proportion to them. Their sum must be above 0."""
    rest = point(name, sum(weights))
    for position, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return position
    raise AssertionError("a point below the total lies inside one of the weights")
