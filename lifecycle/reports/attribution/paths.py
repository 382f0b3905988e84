"""Which of a person's touches count for a conversion. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from lifecycle.reports.attribution.models import Path

# What a touch is besides its time; bits, as the query sends them.
TELLS_WHO, IS_DIRECT = 1, 2


class Journey(NamedTuple):
    """All touches of a person that were read, oldest first, side by side."""

    times: Sequence[float]
    traits: Sequence[int]


class Counted(NamedTuple):
    """The places in the journey of the touches that count, and the path that they make."""

    places: Sequence[int]
    path: Path


def counted(
    journey: Journey, *, at: float, became_sql: float | None, lookback: float | None, skip_direct: bool
) -> Counted | None:
    """The touches not after `at` and at most `lookback` seconds before it; None if there are none.

    `skip_direct` leaves out touches without any origin as long as there is another. What such a touch did passes to
    the one before it.
    """
    times, traits = journey
    end = bisect_right(times, at)
    start = 0 if lookback is None else bisect_left(times, at - lookback, 0, end)
    if start >= end:
        return None
    created = next((place for place in range(start, end) if traits[place] & TELLS_WHO), None)
    moment = at if became_sql is None or became_sql > at else became_sql
    before = bisect_right(times, moment, start, end) - 1
    opportunity = before if before >= start else None
    if skip_direct:
        indirect = [place for place in range(start, end) if not traits[place] & IS_DIRECT]
        if indirect:
            stand = (_standing(indirect, created), _standing(indirect, opportunity))
            return Counted(indirect, Path([times[place] for place in indirect], *stand))
    created = None if created is None else created - start
    opportunity = None if opportunity is None else opportunity - start
    return Counted(range(start, end), Path(times[start:end], created, opportunity))


def _standing(places: Sequence[int], place: int | None) -> int | None:
    """Where a touch stands among those that count: it, or the one before it, or else the first."""
    return None if place is None else max(0, bisect_right(places, place) - 1)
