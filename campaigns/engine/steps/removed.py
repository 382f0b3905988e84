"""A step that an earlier version had. Its id stays taken for ever; whoever stands there goes on."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.engine.steps.contract import Hold, Leave, Note, Pass, Position, passing
from lifecycle.core import rules


@dataclass(frozen=True, slots=True)
class TombstoneStep:
    """Takes no time and does nothing."""

    key: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return passing(at, Note(self.key, "the step was removed"))
