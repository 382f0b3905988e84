"""The six ways to share a conversion among the touches that led to it. Pure: a path in, whole-number weights out.

Weights are integers, so a share is an exact fraction; `apportion` gives the credits, which always sum to the whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

# How fine time decay weighs: a touch 40 half-lives older than the newest gets nothing.
_SCALE = 1 << 40
FIRST, LAST, CREATED, OPPORTUNITY = "first touch", "last touch", "created the lead", "before the opportunity"


class Path(NamedTuple):
    """The touches that count for a conversion, oldest first: their times in seconds, and where two of them stand.

    `created`: the touch by which the person told who they are. `opportunity`: the last one before they became SQL, or
    before the conversion if that came first. None where no touch of the path did that.
    """

    times: Sequence[float]
    created: int | None = None
    opportunity: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One way to share. `by_shape`: the weights depend on the places of the touches alone, not on their times."""

    name: str
    label: str
    explanation: str
    weigh: Callable[[Path, float], tuple[int, ...]]
    by_shape: bool = True


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """`total`, not negative, in whole units by weight: by largest remainder, and to the earlier touch of equal ones."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares, remainders = [], []
    for weight in weights:
        share, remainder = divmod(total * weight, whole)
        shares.append(share)
        remainders.append(remainder)
    left = total - sum(shares)
    if left:
        for place in sorted(range(len(shares)), key=remainders.__getitem__, reverse=True)[:left]:
            shares[place] += 1
    return shares


def roles(path: Path) -> list[list[str]]:
    """What each touch of a path was, in words; most were nothing in particular."""
    words: list[list[str]] = [[] for _ in path.times]
    for place, word in ((0, FIRST), (path.created, CREATED), (path.opportunity, OPPORTUNITY), (-1, LAST)):
        if place is not None and words:
            words[place].append(word)
    return words


def _first(path: Path, half_life: float) -> tuple[int, ...]:
    return (1, *_none(len(path.times) - 1))


def _last(path: Path, half_life: float) -> tuple[int, ...]:
    return (*_none(len(path.times) - 1), 1)


def _linear(path: Path, half_life: float) -> tuple[int, ...]:
    return (1,) * len(path.times)


def _position(path: Path, half_life: float) -> tuple[int, ...]:
    return _ends(len(path.times))


def _w_shaped(path: Path, half_life: float) -> tuple[int, ...]:
    return _three(len(path.times), path.created, path.opportunity)


def _time_decay(path: Path, half_life: float) -> tuple[int, ...]:
    """From the newest touch on: the ratios are those of the ages, and the newest always counts."""
    newest = path.times[-1]
    return tuple([int(_SCALE * 0.5 ** ((newest - at) / half_life)) for at in path.times])


@lru_cache(maxsize=1024)
def _none(count: int) -> tuple[int, ...]:
    return (0,) * count


@lru_cache(maxsize=1024)
def _ends(count: int) -> tuple[int, ...]:
    """40 % to each end and 20 % to all between; halves of two."""
    if count <= 2:
        return (1,) * count
    between = count - 2
    return (2 * between, *(1,) * between, 2 * between)


@lru_cache(maxsize=65_536)
def _three(count: int, created: int | None, opportunity: int | None) -> tuple[int, ...]:
    """30 % for each of three parts and 10 % to all other touches.

    One touch may play several parts. A part that nobody plays is left out, and so are the 10 % when there is no other
    touch; what remains keeps its proportions.
    """
    parts = [0] * count
    for place in (0, created, opportunity):
        if place is not None:
            parts[place] += 1
    others = parts.count(0)
    return tuple([3 * part * others if part else 1 for part in parts]) if others else tuple(parts)


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("first", "First touch", "Everything to the touch that brought the person here first.", _first),
        Model("last", "Last touch", "Everything to the last touch before the conversion.", _last),
        Model("linear", "Linear", "The same to every touch.", _linear),
        Model(
            "position",
            "Position",
            "40 % to the first touch, 40 % to the last, 20 % shared by those between. Two touches get half each.",
            _position,
        ),
        Model(
            "w_shaped",
            "W-shaped",
            "30 % each to the first touch, to the one that created the lead (their first form), and to the last one "
            "before they became SQL; 10 % shared by the others. A part that no touch played is left out and the rest "
            "keeps its proportions.",
            _w_shaped,
        ),
        Model(
            "time_decay",
            "Time decay",
            "The later the more: a touch counts half as much for each half-life that it lies further back.",
            _time_decay,
            by_shape=False,
        ),
    )
}
