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
    """Where an enrollment stands. Times are UTC; `zone` is the person's time zone name.

    `step_since` is when the step before was over by plan, `reached` when it really was (None: as planned).
    """

    enrollment_id: int
    lead_id: int
    step_key: str
    step_since: datetime
    is_waiting: bool
    due_at: datetime | None
    enrolled_at: datetime
    zone: str = "UTC"
    reached: datetime | None = None

    @property
    def since(self) -> datetime:
        """When the person really got to this step."""
        return self.reached or self.step_since


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
    """Go on to `to` ('' = the next step): over by plan at `planned`, really at `at`, with an effect on the way."""

    effect: Effect
    planned: datetime
    at: datetime
    to: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay here until `until`, with an effect the first time. `since`: where the wait counts from, once chosen."""

    until: datetime | None
    reason: str
    effect: Effect | None = None
    since: datetime | None = None


# A tick that is late by no more than this part of a wait does not move the plan; after a real outage the wait counts
# from when its person really got there, so that nothing bursts.
FORGIVEN = 0.1
# From here on a wait is over with the minute it ends in: who counts in hours does not count seconds.
ROUNDED_FROM = timedelta(hours=1)


def beginning(at: Position, span: timedelta) -> datetime:
    """Where a wait of `span` counts from."""
    return at.step_since if at.since - at.step_since <= span * FORGIVEN else at.since


def passing(at: Position, effect: Effect, to: str = "") -> Pass:
    """A step that takes no time leaves both the plan and the real time as they are."""
    return Pass(effect, planned=at.step_since, at=at.since, to=to)


def ending(start: datetime, span: timedelta) -> datetime:
    """When a wait of `span` from `start` is over."""
    until = start + span
    return until.replace(second=0, microsecond=0) if span >= ROUNDED_FROM else until


class Step(Protocol):
    @property
    def key(self) -> str: ...

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave: ...


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


@dataclass(frozen=True, slots=True)
class WaitStep:
    """Elapsed time: 24 hours are 24 hours, whatever the wall clock does."""

    key: str
    duration: timedelta
    from_enrollment: bool = False

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        until = at.due_at if at.is_waiting else None
        if until is None:
            start = at.enrolled_at if self.from_enrollment else beginning(at, self.duration)
            until = ending(start, self.duration)
        if until <= now:
            return Pass(Note(self.key, "the wait is over"), planned=until, at=now)
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
            at.since, zone=at.zone, time_of_day=self.time_of_day, weekday=self.weekday
        )
        if until <= now:
            return Pass(Note(self.key, "the hour has come"), planned=until, at=now)
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
            return Pass(Note(self.key, f"{self.event_kind} happened"), planned=now, at=now, to=self.then_key)
        since = at.step_since if at.is_waiting else beginning(at, self.at_most)
        until = ending(since, self.at_most)
        if until <= now:
            missed = Note(self.key, f"{self.event_kind} did not happen in time")
            return Pass(missed, planned=until, at=now, to=self.else_key)
        reason = f"waiting for {self.event_kind}, at most until {until:%Y-%m-%d %H:%M} UTC"
        return Hold(until, reason, since=since)


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
