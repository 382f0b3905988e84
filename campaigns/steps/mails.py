"""The kind of step that sends."""

from dataclasses import dataclass
from datetime import datetime

from campaigns import variants
from campaigns.steps.contract import Hold, Leave, Note, Pass, Position, Queue
from lifecycle.core import rules


@dataclass(frozen=True, slots=True)
class SendStep:
    """Queue a mail, wait until it has its end, pass on."""

    key: str
    variants: tuple[variants.Variant, ...]
    experiment: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        if at.is_waiting:
            return Pass(Note(self.key, "its mail has an outcome"), planned=at.step_since, at=at.due_at or now)
        chosen = variants.choose(self.variants, experiment=self.experiment, lead_id=at.lead_id)
        reason = f"variant {chosen.key}" if chosen.key else "the step is reached"
        return Hold(None, "waiting for the mail's outcome", Queue(self.key, chosen.key, chosen.template_id, reason))
