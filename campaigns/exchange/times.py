"""Windows, late policies and waits for a date, from a file's words to columns and back. Pure."""

from typing import Any

from campaigns.engine import windows
from campaigns.exchange.refusing import ImportRefused, duration, offset, only
from campaigns.exchange.schema import StepFile
from campaigns.models import Step
from lifecycle.core import durations


def window(where: str, given: Any) -> Any:
    """The column of a window: as it was written, once it is known to be one."""
    if given is None:
        return None
    for path, message in windows.problems(given):
        raise ImportRefused(f"{where}.{path}: {message}" if path else f"{where}: {message}")
    return given


def of_send(given: StepFile) -> dict[str, Any]:
    """Columns of a mail's own window and its late policy."""
    where = f"steps.{given.id}"
    late = duration(f"{where}.late_after", given.late_after) if given.late_after is not None else None
    return {"window": window(f"{where}.window", given.window), "late_after": late}


def refuse_elsewhere(given: StepFile) -> None:
    """Only mails have a window and can be late."""
    for name in ("window", "late_after"):
        if getattr(given, name) is not None:
            raise ImportRefused(f"steps.{given.id}.{name}: only a step that sends has one")


def date(where: str, wait: dict[str, Any]) -> dict[str, Any]:
    """Columns of `date: {field: attributes.renewal_date, offset: -30d}`, and of `else` beside it."""
    only(where, wait, {"date", "else"})
    if not isinstance(wait.get("else") or "", str):
        raise ImportRefused(f"{where}.else: name the step to go on with when that time is past already")
    given = wait["date"]
    if not isinstance(given, dict):
        raise ImportRefused(f"{where}.date: write {{field: attributes.renewal_date, offset: -30d}}")
    only(f"{where}.date", given, {"field", "property", "offset"})
    for name in ("field", "property"):
        if not isinstance(given.get(name, ""), str):
            raise ImportRefused(f"{where}.date.{name}: must be a text")
    if "offset" not in given:
        raise ImportRefused(f"{where}.date.offset: say how far from it: -1h before, 3d after, 0d at it")
    return {
        "kind": Step.Kind.WAIT_DATE,
        "date_field": given.get("field", ""),
        "date_property": given.get("property", ""),
        "offset": offset(f"{where}.date.offset", given["offset"]),
        "else_key": wait.get("else") or "",
    }


def write_date(step: Step) -> dict[str, Any]:
    """What `date` reads."""
    named = {"field": step.date_field, "property": step.date_property}
    far = {"offset": durations.format_signed(step.offset)} if step.offset is not None else {}
    other = {"else": step.else_key} if step.else_key else {}
    return {"wait": {"date": {**{name: value for name, value in named.items() if value}, **far}, **other}}


def write_send(step: Step) -> dict[str, Any]:
    """What `of_send` reads: {} is a window, the empty one."""
    written = {"window": step.window} if step.window is not None else {}
    return {**written, "late_after": durations.format(step.late_after)} if step.late_after else written
