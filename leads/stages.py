"""The lifecycle: which moves exist, and which rule moves a lead first. Pure: values in, values out."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

# From each stage, where a lead may go. Only a lapse ends being a customer; that somebody was one may come out late.
ARROWS: dict[str, frozenset[str]] = {
    "cold": frozenset({"mql", "sql", "customer", "recycled", "former"}),
    "mql": frozenset({"cold", "sql", "customer", "recycled", "former"}),
    "sql": frozenset({"mql", "customer", "recycled", "former"}),
    "customer": frozenset({"former"}),
    "recycled": frozenset({"cold", "mql", "sql", "customer", "former"}),
    "former": frozenset({"mql", "sql", "customer", "recycled"}),
}


class IllegalMove(ValueError):
    """The lifecycle has no arrow between the two stages; the message says which there are."""


class Arrow(Protocol):
    @property
    def to(self) -> str: ...
    @property
    def from_stages(self) -> frozenset[str]: ...


R = TypeVar("R", bound=Arrow)


def may_move(before: str, after: str) -> bool:
    return after in ARROWS.get(before, frozenset())


def check(before: str, after: str) -> None:
    """IllegalMove if no arrow leads there."""
    if after not in ARROWS:
        raise IllegalMove(f"there is no stage {after!r}; there are {', '.join(ARROWS)}")
    if not may_move(before, after):
        raise IllegalMove(f"a lead cannot go from {before} to {after}; from {before} it can go to {_list(before)}")


def first_move(stage: str, rules: Iterable[R], holds: Callable[[R], bool]) -> R | None:
    """The first rule, in their order, that leaves this stage by a legal arrow and holds."""
    for rule in rules:
        if stage in rule.from_stages and may_move(stage, rule.to) and holds(rule):
            return rule
    return None


def _list(stage: str) -> str:
    return ", ".join(sorted(ARROWS.get(stage, ()))) or "nowhere"
