"""The kinds of waits: for a time to pass, for an hour of the wall clock, for an event."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from campaigns.engine import windows
from campaigns.engine.steps.contract import Hold, Leave, Note, Pass, Position
from lifecycle.core import rules

# A tick that is late by no more than this part of a wait does not move the plan; after a real outage the wait counts
# from when its person really got there, so that nothing bursts.
FORGIVEN = 0.1
# From here on a wait is over with the minute it ends in: who counts in hours does not count seconds.
ROUNDED_FROM = timedelta(hours=1)


def beginning(at: Position, span: timedelta) -> datetime:
    """Where a wait of `span` counts from. Somebody whose late mails are skipped stays on the plan."""
    if at.late_before is not None and at.step_since < at.late_before:
        return at.step_since
    return at.step_since if at.since - at.step_since <= span * FORGIVEN else at.since


def ending(start: datetime, span: timedelta) -> datetime:
    """When a wait of `span` from `start` is over."""
    until = start + span
    return until.replace(second=0, microsecond=0) if span >= ROUNDED_FROM else until


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
