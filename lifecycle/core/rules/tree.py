"""The parts of a rule: immutable, hashable, already checked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from .vocabulary import Field

CountWord = Literal["at_least", "at_most", "exactly"]
Kind = Literal["text", "number", "boolean", "datetime", "choice", "presence"]
Operand = str | int | float | bool | datetime | timedelta | tuple[str | int | float | bool, ...] | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator and its operand. `kind` is what the value must be to pass, which a JSON value may not."""

    kind: Kind
    op: str
    value: Operand = None


@dataclass(frozen=True, slots=True)
class FieldTest:
    field: Field
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class PropertyTest:
    name: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class EventTest:
    """The number of matching events lies in low..high (None: no upper bound), said with `count_word`."""

    kind: str
    where: tuple[PropertyTest, ...]
    count_word: CountWord
    count: int
    within: timedelta | None = None
    since_enrollment: bool = False

    @property
    def low(self) -> int:
        return 0 if self.count_word == "at_most" else self.count

    @property
    def high(self) -> int | None:
        return None if self.count_word == "at_least" else self.count


@dataclass(frozen=True, slots=True)
class Group:
    """All of the parts, or any of them. All of no parts is the rule that always holds; no other group is empty."""

    word: Literal["all", "any"]
    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


Node = FieldTest | EventTest | Group | Not

ALWAYS = Group("all", ())
