"""The kinds of steps that take no time: a branch, a field to set, somebody to tell, the end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.engine.steps.contract import Hold, Leave, Note, Notify, Pass, Position, SetField, passing
from lifecycle.core import rules


@dataclass(frozen=True, slots=True)
class BranchStep:
    key: str
    rule: rules.Rule
    then_key: str = ""
    else_key: str = ""

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        holds = self.rule.matches(facts, now)
        reason = f"{self.rule.english()}: {'yes' if holds else 'no'}"
        return passing(at, Note(self.key, reason), to=self.then_key if holds else self.else_key)


@dataclass(frozen=True, slots=True)
class SetStep:
    key: str
    field: str
    value: Any

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return passing(at, SetField(self.key, self.field, self.value, "the step is reached"))


@dataclass(frozen=True, slots=True)
class NotifyStep:
    key: str
    message: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return passing(at, Notify(self.key, self.message, "the step is reached"))


@dataclass(frozen=True, slots=True)
class EndStep:
    key: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return Leave(self.key, "completed")
