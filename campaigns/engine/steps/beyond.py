"""The kinds of steps that reach beyond their own run: a task for sales, another system, another sequence. Pure."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.engine.steps.contract import (
    CallWebhook,
    Hold,
    Leave,
    Pass,
    Position,
    ProposeEntry,
    RequestTask,
    TakeOut,
    passing,
)
from lifecycle.core import rules

REACHED = "the step is reached"


@dataclass(frozen=True, slots=True)
class TaskStep:
    """Ask sales for a task; whose it is, they decide."""

    key: str
    title: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return passing(at, RequestTask(self.key, self.title, REACHED))


@dataclass(frozen=True, slots=True)
class WebhookStep:
    """Tell another system; the run does not wait for its answer."""

    key: str
    url: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return passing(at, CallWebhook(self.key, self.url, REACHED))


@dataclass(frozen=True, slots=True)
class EnrollStep:
    """Propose the person for another sequence, whose own rules decide; a refusal stops nothing here."""

    key: str
    sequence: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return passing(at, ProposeEntry(self.key, self.sequence, REACHED))


@dataclass(frozen=True, slots=True)
class ExitStep:
    """End the person's runs of another sequence."""

    key: str
    sequence: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return passing(at, TakeOut(self.key, self.sequence, REACHED))
