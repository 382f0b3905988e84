"""Variables of templates that are one person's own, such as links: makers by name, which other apps register.

A template that says `{{ name.… }}` gets what its maker says; makers are asked once a batch, and only if it is wanted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.rendering import register_root

# One answer for each of these leads, in their order. A query or two for all of them, no more.
Maker = Callable[[Sequence[int], datetime], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Kind:
    make: Maker
    sample: Mapping[str, Any]


_kinds: dict[str, Kind] = {}


def register(name: str, maker: Maker, *, sample: Mapping[str, Any]) -> None:
    """Let templates use the members of `sample`, which previews show. Called when an app is ready."""
    register_root(name, frozenset(sample))
    _kinds[name] = Kind(maker, sample)


def samples() -> dict[str, Mapping[str, Any]]:
    """For somebody who does not exist."""
    return {name: kind.sample for name, kind in _kinds.items()}


def make(wanted: Iterable[tuple[int, Sequence[str]]], *, now: datetime) -> dict[int, dict[str, Any]]:
    """By lead what the variables that their mails name say, of those that are registered here."""
    by_name: dict[str, set[int]] = defaultdict(set)
    for lead_id, variables in wanted:
        for name in _kinds.keys() & {variable.partition(".")[0] for variable in variables}:
            by_name[name].add(lead_id)
    made: dict[int, dict[str, Any]] = defaultdict(dict)
    for name, found in by_name.items():
        lead_ids = sorted(found)
        for lead_id, value in zip(lead_ids, _kinds[name].make(lead_ids, now), strict=True):
            made[lead_id][name] = value
    return made
