"""What a step is given and what it may answer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from lifecycle.core import rules


@dataclass(frozen=True, slots=True)
class Position:
    """Where an enrollment stands. Times are UTC; `zone` is the person's time zone name.

    `step_since` is when the step before was over by plan, `reached` when it really was (None: as planned).
    `key` and `context`: what the run is about, {event, events}. `assignments` and `promotions`: step key → the variant
    met there before, and the one that new people get.
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
    assignments: Mapping[str, str] = field(default_factory=dict)
    promotions: Mapping[str, str] = field(default_factory=dict)
    is_holdout: bool = False
    late_before: datetime | None = None
    key: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def since(self) -> datetime:
        """When the person really got to this step."""
        return self.reached or self.step_since


@dataclass(frozen=True, slots=True)
class Queue:
    """Put a mail into the outbox: not before `due_at`, not after `expires_at`. `is_shadow`: of the control group.

    `assigns`: the person meets a variant of this step for the first time, to be remembered.
    """

    step_key: str
    variant_key: str
    template_id: int
    reason: str
    due_at: datetime | None = None
    is_shadow: bool = False
    assigns: bool = False
    expires_at: datetime | None = None


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
class RequestTask:
    """Something for sales to do."""

    step_key: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class CallWebhook:
    step_key: str
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProposeEntry:
    """Propose the person for another sequence."""

    step_key: str
    sequence: str
    reason: str


@dataclass(frozen=True, slots=True)
class TakeOut:
    """End the person's runs of another sequence."""

    step_key: str
    sequence: str
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


Effect = Queue | SetField | Notify | RequestTask | CallWebhook | ProposeEntry | TakeOut | Note
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


def passing(at: Position, effect: Effect, to: str = "") -> Pass:
    """A step that takes no time leaves both the plan and the real time as they are."""
    return Pass(effect, planned=at.step_since, at=at.since, to=to)


class Step(Protocol):
    @property
    def key(self) -> str: ...

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave: ...
