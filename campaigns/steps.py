"""The kinds of steps. Pure: a step looks at where a person stands and says to stay, to pass on, or to end.

A new kind is a dataclass here with `decide`, a row kind in `models.Step.Kind` and a reader in `journeys.py`.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Protocol

from campaigns import variants, windows
from lifecycle.core import rules


@dataclass(frozen=True, slots=True)
class Position:
    """Where an enrollment stands. Times are UTC; `zone` is the person's time zone name."""

    enrollment_id: int
    lead_id: int
    step_key: str
    step_since: datetime
    is_waiting: bool
    due_at: datetime | None
    enrolled_at: datetime
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Queue:
    """Put a mail into the outbox."""

    step_key: str
    variant_key: str
    template_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class SetField:
    step_key: str
    field: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Notify:
    step_key: str
    message: str
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """Nothing to do, something to know: which way a branch went, that a wait is over."""

    step_key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Stay:
    """Wait at a step until `until`; None waits for the step's message to be settled."""

    step_key: str
    step_since: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The run is over."""

    step_key: str
    reason: str
    event_id: int | None = None


Effect = Queue | SetField | Notify | Note
Decision = Effect | Stay | Leave


@dataclass(frozen=True, slots=True)
class Pass:
    """Go on to `to` ('' = the next step), counted as completed at `at`, with an effect on the way."""

    effect: Effect
    at: datetime
    to: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay here until `until`, with an effect the first time."""

    until: datetime | None
    reason: str
    effect: Effect | None = None


class Step(Protocol):
    @property
    def key(self) -> str: ...

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave: ...


@dataclass(frozen=True, slots=True)
class SendStep:
    """Queue a mail, wait until it has its end, pass on. The time of that end is when the step was completed."""

    key: str
    variants: tuple[variants.Variant, ...]
    experiment: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        if at.is_waiting:
            return Pass(Note(self.key, "its mail has an outcome"), at=at.due_at or now)
        chosen = variants.choose(self.variants, experiment=self.experiment, lead_id=at.lead_id)
        reason = f"variant {chosen.key}" if chosen.key else "the step is reached"
        return Hold(None, "waiting for the mail's outcome", Queue(self.key, chosen.key, chosen.template_id, reason))


@dataclass(frozen=True, slots=True)
class WaitStep:
    """Elapsed time: 24 hours are 24 hours, whatever the wall clock does."""

    key: str
    duration: timedelta
    from_enrollment: bool = False

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        start = at.enrolled_at if self.from_enrollment else at.step_since
        until = at.due_at if at.is_waiting and at.due_at else start + self.duration
        if until <= now:
            return Pass(Note(self.key, "the wait is over"), at=now)
        return Hold(until, f"waiting until {until:%Y-%m-%d %H:%M} UTC")


@dataclass(frozen=True, slots=True)
class CalendarStep:
    """The next such hour (of such a weekday) on the person's own wall clock."""

    key: str
    time_of_day: time
    weekday: int | None = None

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        waiting = at.due_at if at.is_waiting else None
        until = waiting or windows.next_instant(
            at.step_since, zone=at.zone, time_of_day=self.time_of_day, weekday=self.weekday
        )
        if until <= now:
            return Pass(Note(self.key, "the hour has come"), at=now)
        return Hold(until, f"waiting until {until:%Y-%m-%d %H:%M} UTC ({at.zone})")


@dataclass(frozen=True, slots=True)
class EventStep:
    """Wait for an event since the enrolment, at most so long. One that already happened passes at once."""

    key: str
    rule: rules.Rule
    event_kind: str
    at_most: timedelta
    then_key: str = ""
    else_key: str = ""

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        if self.rule.matches(facts, now):
            return Pass(Note(self.key, f"{self.event_kind} happened"), at=now, to=self.then_key)
        until = at.step_since + self.at_most
        if until <= now:
            return Pass(Note(self.key, f"{self.event_kind} did not happen in time"), at=now, to=self.else_key)
        return Hold(until, f"waiting for {self.event_kind}, at most until {until:%Y-%m-%d %H:%M} UTC")


@dataclass(frozen=True, slots=True)
class BranchStep:
    key: str
    rule: rules.Rule
    then_key: str = ""
    else_key: str = ""

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        holds = self.rule.matches(facts, now)
        reason = f"{self.rule.english()}: {'yes' if holds else 'no'}"
        return Pass(Note(self.key, reason), at=now, to=self.then_key if holds else self.else_key)


@dataclass(frozen=True, slots=True)
class SetStep:
    key: str
    field: str
    value: Any

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return Pass(SetField(self.key, self.field, self.value, "the step is reached"), at=now)


@dataclass(frozen=True, slots=True)
class NotifyStep:
    key: str
    message: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return Pass(Notify(self.key, self.message, "the step is reached"), at=now)


@dataclass(frozen=True, slots=True)
class EndStep:
    key: str

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        return Leave(self.key, "completed")
