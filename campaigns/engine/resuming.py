"""Going on with a run that a goal ended, when that goal came to nothing: a booking that is canceled. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from campaigns.engine.deciding import Journey

USUALLY_WITHIN = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Left:
    """How an ended run stood. `goal`: the kind of event that ended it, "" if none did. `sent_at`: when the mail of the
    step where it stood left, None if it did not. `context`: what its mails are filled with."""

    ended_at: datetime
    goal: str
    step_key: str
    step_since: datetime
    enrolled_at: datetime
    sent_at: datetime | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


class Place(NamedTuple):
    """Where the new run begins, as if it had been `since` then that the step before was over."""

    step_key: str
    since: datetime
    enrolled_at: datetime


def place(journey: Journey, left: Left, now: datetime) -> Place | None:
    """The step after the last mail that left, with what remained of a wait; None if nothing is left to go on with."""
    if left.step_key not in journey.index:
        return None
    pause = now - left.ended_at
    step_key, since = left.step_key, left.step_since
    if left.sent_at is not None:
        step_key, since = journey.after(step_key), left.sent_at
    return Place(step_key, since + pause, left.enrolled_at + pause) if step_key else None


def objection(journey: Journey, left: Left | None, wanted: "Resuming", now: datetime) -> str:
    """Why a run does not go on, "" if it does."""
    if left is None or left.goal != wanted.goal:
        return f"resume: no run of theirs was ended by {wanted.goal}"
    if now - left.ended_at > wanted.within:
        return f"resume: it ended more than {wanted.within.days} days ago"
    if place(journey, left, now) is None:
        return "resume: it was at its end"
    return ""


@dataclass(frozen=True, slots=True)
class Resuming:
    """A trigger that begins no run, but goes on with one that this goal ended not longer ago than that."""

    goal: str
    within: timedelta = USUALLY_WITHIN
