"""The kind of step that sends."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns import variants, windows
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
        met, promoted = at.assignments.get(self.key, ""), at.promotions.get(self.key, "")
        choice = variants.choice(
            self.variants, experiment=self.experiment, lead_id=at.lead_id, met=met, promoted=promoted
        )
        chosen = choice.variant
        queue = Queue(
            self.key,
            chosen.key,
            chosen.template_id,
            choice.reason,
            due_at=_at_its_hour(chosen, at.zone, now),
            is_shadow=at.is_holdout,
            assigns=len(self.variants) > 1 and chosen.key != met,
        )
        return Hold(None, "waiting for the mail's outcome", queue)


def _at_its_hour(variant: variants.Variant, zone: str, now: datetime) -> datetime | None:
    """The next such hour of the variant on the person's clock, this very moment included; None without one."""
    if variant.time_of_day is None:
        return None
    just_before = now - timedelta(microseconds=1)
    return windows.next_instant(just_before, zone=zone, time_of_day=variant.time_of_day)
