"""The kind of step that sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.engine import variants, windows
from campaigns.engine.anchors import Anchor
from campaigns.engine.steps.contract import Hold, Leave, Note, Pass, Position, Queue, passing
from lifecycle.core import rules


@dataclass(frozen=True, slots=True)
class SendStep:
    """Queue a mail, wait until it has its end, pass on.

    `window`: when it may leave. `late_after`: so long after the plan it is skipped. `anchors`: dates that it reminds
    of, so that it is not sent once they have come.
    """

    key: str
    variants: tuple[variants.Variant, ...]
    experiment: str
    window: windows.Window | None = None
    late_after: timedelta | None = None
    anchors: tuple[Anchor, ...] = ()

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        if at.is_waiting:
            return Pass(Note(self.key, "its mail has an outcome"), planned=at.step_since, at=at.due_at or now)
        if at.late_before is not None and at.step_since < at.late_before:
            return passing(
                at, Note(self.key, f"late: planned for {at.step_since:%Y-%m-%d %H:%M} UTC, while it stood still")
            )
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
            expires_at=self.expiry(self.planned(at.step_since, chosen.key, at.zone), facts.fields, at.context, at.zone),
        )
        return Hold(None, "waiting for the mail's outcome", queue)

    def planned(self, since: datetime, variant_key: str, zone: str) -> datetime:
        """When the mail should leave by plan, for somebody whose step before was over at `since`."""
        chosen = next((variant for variant in self.variants if variant.key == variant_key), None)
        return (_at_its_hour(chosen, zone, since) if chosen else None) or since

    def expiry(
        self, planned: datetime | None, fields: Mapping[str, Any], context: Mapping[str, Any], zone: str
    ) -> datetime | None:
        """After this it is not worth sending, None if it always is: too late by its policy, or its date has come."""
        limits = [planned + self.late_after] if planned and self.late_after is not None else []
        dates = [day for anchor in self.anchors if (day := anchor.date(fields, context, zone)) is not None]
        return min([*limits, *([max(dates)] if dates else [])], default=None)

    def due_from(self, fields: Mapping[str, Any], context: Mapping[str, Any], zone: str) -> datetime | None:
        """Before this it is too early, should its date have moved; None if nothing binds it."""
        days = [(anchor, anchor.date(fields, context, zone)) for anchor in self.anchors]
        return min((anchor.instant(day, zone) for anchor, day in days if day is not None), default=None)


def _at_its_hour(variant: variants.Variant, zone: str, now: datetime) -> datetime | None:
    """The next such hour of the variant on the person's clock, this very moment included; None without one."""
    if variant.time_of_day is None:
        return None
    just_before = now - timedelta(microseconds=1)
    return windows.next_instant(just_before, zone=zone, time_of_day=variant.time_of_day)
