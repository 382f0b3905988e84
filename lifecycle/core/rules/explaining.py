"""Why a rule holds or not, for one lead: a tree of checks that reads as sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import english
from .evaluating import compile_check, compile_count, field_value
from .facts import Facts
from .tree import EventTest, FieldTest, Group, Node, Not


@dataclass(frozen=True, slots=True)
class Check:
    """One test with what it saw: "Company size is between 50 and 500", "120", True. Groups have parts and no value."""

    text: str
    value: str
    outcome: bool
    parts: "tuple[Check, ...]" = ()

    def sentence(self) -> str:
        """The check on one line: "Pricing viewed at least 3 times in the last 7 days: 2 times → no"."""
        seen = f": {self.value}" if self.value else ""
        return f"{self.text}{seen} → {'yes' if self.outcome else 'no'}"

    def lines(self, depth: int = 0) -> Iterator[str]:
        """The whole tree, a line a check, parts indented below their group."""
        yield "  " * depth + self.sentence()
        for part in self.parts:
            yield from part.lines(depth + 1)

    def decisive(self) -> "tuple[Check, ...]":
        """The single tests that made the outcome what it is: of a failed "all of", those that failed."""
        if not self.parts:
            return (self,)
        if len(self.parts) == 1:  # a "not", or a group of one
            return self.parts[0].decisive()
        agreeing = (part for part in self.parts if part.outcome == self.outcome)
        return tuple(test for part in agreeing for test in part.decisive())

    def data(self) -> dict[str, Any]:
        """The tree as compact JSON, to be stored beside a decision."""
        stored: dict[str, Any] = {"check": self.text, "outcome": self.outcome}
        if self.value:
            stored["value"] = self.value
        if self.parts:
            stored["parts"] = [part.data() for part in self.parts]
        return stored


def explain(node: Node, facts: Facts, now: datetime) -> Check:
    """Every test of the rule with its value and outcome, those that did not matter too."""
    outcome = compile_check(node)(facts, now)
    match node:
        case FieldTest():
            return Check(english.sentence(node), english.value(field_value(node, facts)), outcome)
        case EventTest():
            return Check(english.sentence(node), english.times(compile_count(node)(facts, now, None)), outcome)
        case Not():
            return Check("None of this", "", outcome, (explain(node.part, facts, now),))
        case Group():
            return _explain_group(node, facts, now, outcome)


def _explain_group(group: Group, facts: Facts, now: datetime, outcome: bool) -> Check:
    if not group.parts:
        return Check("Everyone", "", outcome)
    parts = tuple(explain(part, facts, now) for part in group.parts)
    if len(parts) == 1:
        return parts[0]
    return Check("All of these" if group.word == "all" else "At least one of these", "", outcome, parts)
