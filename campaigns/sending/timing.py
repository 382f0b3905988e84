"""What the clock says about a mail that is about to leave: its last hour, its dates, its windows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Protocol

from campaigns.engine import windows
from campaigns.engine.deciding import Journey
from campaigns.engine.steps import SendStep
from campaigns.engine.windows import Window
from campaigns.sending.checks import Case
from campaigns.sending.holidays import NONE, Holidays


class Workspace(Protocol):
    quiet_from: time | None
    quiet_until: time | None


class Person(Protocol):
    @property
    def row(self) -> Mapping[str, Any]: ...
    @property
    def fields(self) -> Mapping[str, Any]: ...
    @property
    def zone(self) -> str: ...


class Mail(Protocol):
    """`step_since`: when the step before was over by plan; None if the run has left the mail's step, or there is no
    run: then the last hour that its late policy gave it is the one that it keeps."""

    @property
    def step_key(self) -> str: ...
    @property
    def variant_key(self) -> str: ...
    @property
    def run_context(self) -> Mapping[str, Any] | None: ...
    @property
    def step_since(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Calendar:
    """When marketing rests: the workspace's quiet hours, and the holidays if a window asks for them."""

    quiet: Window | None = None
    holidays: Holidays = NONE


def quiet(workspace: Workspace) -> Window | None:
    """The workspace's quiet hours; None without them."""
    start, until = workspace.quiet_from, workspace.quiet_until
    return windows.hours(start, until) if start is not None and until is not None and start != until else None


def look(case: Case, mail: Mail, journey: Journey | None, person: Person, calendar: Calendar) -> None:
    """Add to the case what the clock says: read anew each time, so that a queued mail follows a date that moves."""
    case.zone, case.quiet = person.zone, calendar.quiet
    step = journey.step(mail.step_key) if journey else None
    if isinstance(step, SendStep):
        case.window = step.window
        if step.anchors:
            _anchored(case, step, mail, person)
    if case.window is not None and case.window.skip_holidays:
        case.holidays = calendar.holidays.of(person.row["country"])


def _anchored(case: Case, step: SendStep, mail: Mail, person: Person) -> None:
    context = mail.run_context or {}
    planned = step.planned(mail.step_since, mail.variant_key, person.zone) if mail.step_since else None
    case.expires_at = step.expiry(planned, person.fields, context, person.zone)
    case.due_from = step.due_from(person.fields, context, person.zone)
