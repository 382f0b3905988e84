"""The values that pass through publishing: what was written, what came of it, what is wrong with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Where = Literal["subject", "preheader", "body", "text", "attachment"]


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """What a marketer wrote. `text` replaces the text part that we would make from the body."""

    format: Literal["mjml", "html"]
    subject: str
    preheader: str
    body: str
    message_class: Literal["marketing", "transactional"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """Ready to be filled in; every value is JSON. `links` are the destinations that were fixed at publish, by slot."""

    subject: str
    preheader: str
    html: str
    text: str
    links: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(**stored)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `line` counts from 1 in the part that `where` names; 0 is the part as a whole."""

    where: Where
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.where}, line {self.line}: {self.message}" if self.line else f"{self.where}: {self.message}"


class TemplateProblems(ValueError):
    """A template cannot be published; `problems` says everything that is wrong, in the order of the parts."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = list(problems)
