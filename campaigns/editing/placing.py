"""Where somebody who stands in one version of a sequence stands in another. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from campaigns.engine.deciding import Journey
from campaigns.engine.steps import EventStep, Position, SendStep, WaitStep

MINUTE = timedelta(minutes=1)


def target(old: Journey, new: Journey, key: str) -> str:
    """The same step in the new version, else the next of the old one that the new one has; '' past the end."""
    if key in new.index:
        return key
    place = old.index.get(key)
    later = () if place is None else old.steps[place + 1 :]
    return next((step.key for step in later if step.key in new.index), "")


def is_past(new: Journey, key: str, not_past: str | None) -> bool:
    """Whether somebody at `key` of the new version has gone beyond the step `not_past`; None: nobody has."""
    if not_past is None:
        return False
    return new.index.get(key, len(new.steps)) > new.index.get(not_past, len(new.steps))


def placed(old: Journey, new: Journey, at: Position, now: datetime) -> Position:
    """The same place in the new version.

    A wait that is set keeps its end unless the step itself changed: then it is looked at afresh, counted from when it
    began. A mail that waits to be sent is waited for as before.
    """
    key = target(old, new, at.step_key)
    before, after = old.step(at.step_key), new.step(key)
    if key != at.step_key or before is None or after is None:
        return replace(at, step_key=key, is_waiting=False, due_at=now)
    if before == after or (isinstance(before, SendStep) and isinstance(after, SendStep)):
        return at
    if isinstance(before, EventStep) and isinstance(after, EventStep):
        return replace(at, due_at=now)
    if isinstance(before, WaitStep) and at.is_waiting:
        at = replace(at, step_since=_began(before, at))
    return replace(at, is_waiting=False, due_at=now)


def _began(wait: WaitStep, at: Position) -> datetime:
    """When a wait began, told from its end: long waits end with their minute, so the plan's time is the better one."""
    if wait.from_enrollment or at.due_at is None:
        return at.step_since
    began = at.due_at - wait.duration
    return at.step_since if abs(began - at.step_since) < MINUTE else began


def sending_steps(journey: Journey) -> list[str]:
    """Ids of the steps that send: queued mails of any other are canceled when their people are moved."""
    return [step.key for step in journey.steps if isinstance(step, SendStep)]
