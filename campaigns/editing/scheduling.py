"""What is wrong with windows, late policies and dates, said before anything is published, with its place."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.engine import windows
from campaigns.engine.windows import Window
from campaigns.models import SequenceVersion, Step
from campaigns.sending import timing
from leads.models import Workspace
from leads.rule_fields import VOCABULARY

Complaint = tuple[str, str]
# From some Monday on, to see whether two rules of the clock are ever open together.
A_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def of_windows(version: SequenceVersion, steps: Iterable[Step]) -> Iterator[Complaint]:
    """Windows of the version and of its mails, with the whole place. A query if there is any window."""
    given = [("window", version.window), *((f"steps.{step.key}.window", step.window) for step in steps)]
    given = [(where, data) for where, data in given if data]
    quiet = timing.quiet(Workspace.load()) if given else None
    for where, data in given:
        yield from ((f"{where}.{path}" if path else where, message) for path, message in _window(data, quiet))


def _window(data: Any, quiet: Window | None) -> Iterator[Complaint]:
    found = windows.problems(data)
    yield from found
    window = None if found else windows.parse(data)
    if window and quiet and windows.next_open([window, quiet.complement], A_MONDAY, zone="UTC") is None:
        yield "", f"never opens outside the workspace's quiet hours ({quiet.words()}), so no marketing mail would leave"


def of_lateness(step: Step) -> Iterator[Complaint]:
    if step.late_after is not None and step.late_after <= timedelta(0):
        yield "late_after", "say how late is too late, for instance 2h; leave it out to send late"


def of_date(step: Step) -> Iterator[Complaint]:
    """A wait for a date: one date, and how far from it."""
    if step.date_field and step.date_property:
        yield "date", "either a field of the person or a property of the event, not both"
    elif step.date_field:
        yield from _field(step.date_field)
    elif not step.date_property:
        yield "date", "name a field of the person, like attributes.renewal_date, or a property of the event"
    if step.offset is None:
        yield "date.offset", "say how far from it: -1h before, 3d after, 0d at it"


def _field(name: str) -> Iterator[Complaint]:
    field = VOCABULARY.get(name)
    if field is None:
        known = ", ".join(each.name for each in VOCABULARY if each.type == "datetime")
        yield "date.field", f"there is no field {name}; use attributes.<name> or {known}"
    elif field.type not in ("datetime", "json"):
        yield "date.field", f"{name} is a {field.type}, not a date"
