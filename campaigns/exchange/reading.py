"""From a file's text to values that the models take. Pure; every complaint names the place."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import yaml

from campaigns.exchange import times
from campaigns.exchange.refusing import ImportRefused, duration, only, time_of_day
from campaigns.exchange.schema import KINDS, SequenceFile, SplitFile, StepFile, VariantFile
from campaigns.models import Step
from lifecycle.core import sql

Shape = TypeVar("Shape")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class _Loader(yaml.SafeLoader):
    """Dates stay texts, as the rules write them: with and without quotes they are the same."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class VariantValues:
    """Columns of a Variant, and the slug of its mail."""

    columns: dict[str, Any]
    template: str


@dataclass
class StepValues:
    """Columns of a Step, and the slugs of its mails."""

    columns: dict[str, Any]
    template: str = ""
    variants: list[VariantValues] = field(default_factory=list)


def read(text: str) -> SequenceFile:
    """The content of a sequence's file, checked for its shape. Raises ImportRefused."""
    return read_as(SequenceFile, text)


def read_as(shape: type[Shape], text: str) -> Shape:
    """A file's content as the struct that describes it. Raises ImportRefused."""
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader that knows less
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        raise ImportRefused(f"{where}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ImportRefused(f"not valid YAML: {error}") from error
    except RecursionError as error:
        raise ImportRefused("not valid YAML: nested too deep") from error
    _check_plain(data, "$")
    try:
        return msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        raise ImportRefused(str(error)) from error


def _check_plain(value: Any, where: str) -> None:
    """Refuse what YAML knows and a database's JSON does not: bytes, sets, NaN, NUL, keys that are no texts."""
    match value:
        case dict():
            for name, part in value.items():
                if not isinstance(name, str):
                    raise ImportRefused(f"{where}: the key {name!r} must be a text; put it in quotes")
                _check_plain(part, f"{where}.{name}")
        case list():
            for place, part in enumerate(value):
                _check_plain(part, f"{where}[{place}]")
        case str() if sql.storable(value) != value:
            raise ImportRefused(f"{where}: the text has a character that cannot be stored")
        case float() if not math.isfinite(value):
            raise ImportRefused(f"{where}: {value} is no number that can be stored")
        case None | str() | int() | float():
            pass
        case _:
            raise ImportRefused(f"{where}: a text, a number, true or false is expected, not a {type(value).__name__}")


def reentry(given: str | dict[str, str]) -> dict[str, Any]:
    """Columns of the version for `reentry: never | after_exit | once_per_key | {after: 7d}`."""
    if isinstance(given, dict):
        if set(given) != {"after"}:
            raise ImportRefused("entry.reentry: write never, after_exit, once_per_key or {after: 7d}")
        return {"reentry": "after", "reentry_after": duration("entry.reentry.after", given["after"])}
    if given not in ("never", "after_exit", "once_per_key"):
        raise ImportRefused(f"entry.reentry: {given!r} is not known; never, after_exit, once_per_key or {{after: 7d}}")
    return {"reentry": given, "reentry_after": None}


def step(given: StepFile) -> StepValues:
    """One step's columns. Raises ImportRefused with the step's id."""
    named = [kind for kind in KINDS if getattr(given, kind) is not None]
    if len(named) != 1:
        said = " and ".join(named) or "nothing"
        raise ImportRefused(f"steps.{given.id}: says {said}; each step does exactly one of {', '.join(KINDS)}")
    values = _READERS[named[0]](given)
    if named[0] != "send":
        times.refuse_elsewhere(given)
    values.columns |= {"key": given.id, "journey_stage": given.journey_stage}
    return values


def _send(given: StepFile) -> StepValues:
    columns = {"kind": Step.Kind.SEND, **times.of_send(given)}
    if isinstance(given.send, SplitFile):
        variants = [_variant(f"steps.{given.id}.send.variants", v) for v in given.send.variants]
        return StepValues(columns, variants=variants)
    return StepValues(columns, template=given.send or "")


def _variant(where: str, given: VariantFile) -> VariantValues:
    at = time_of_day(f"{where}.{given.key}.time", given.time) if given.time != "" else None
    columns = {"key": given.key, "weight": given.weight, "subject": given.subject, "time_of_day": at}
    return VariantValues(columns, given.template)


def experiment(given: StepFile) -> dict[str, Any] | None:
    """Columns of the step's Experiment, None if it compares nothing."""
    if given.experiment is None:
        return None
    if not isinstance(given.send, SplitFile):
        raise ImportRefused(f"steps.{given.id}.experiment: compares variants; write send: {{variants: [...]}}")
    return {
        "goal": given.experiment.goal,
        "goal_where": given.experiment.where,
        "goal_within": duration(f"steps.{given.id}.experiment.within", given.experiment.within),
        "minimum_sample": given.experiment.minimum_sample,
        "auto_promote": given.experiment.auto_promote,
    }


def _wait(given: StepFile) -> StepValues:
    where, wait = f"steps.{given.id}.wait", given.wait
    if isinstance(wait, str):
        return StepValues({"kind": Step.Kind.WAIT, "duration": duration(where, wait)})
    assert wait is not None
    if "elapsed" in wait:
        only(where, wait, {"elapsed", "from"})
        if wait.get("from", "previous") not in ("previous", "enrollment"):
            raise ImportRefused(f"{where}.from: previous or enrollment")
        return StepValues(
            {
                "kind": Step.Kind.WAIT,
                "duration": duration(f"{where}.elapsed", wait["elapsed"]),
                "from_enrollment": wait.get("from") == "enrollment",
            }
        )
    if "calendar" in wait:
        return _calendar(where, wait)
    if "event" in wait:
        return _event(where, wait)
    if "date" in wait:
        return StepValues(times.date(where, wait))
    raise ImportRefused(f"{where}: write a duration like 7d, or elapsed, calendar, event or date")


def _calendar(where: str, wait: dict[str, Any]) -> StepValues:
    only(where, wait, {"calendar"})
    given = wait["calendar"]
    if not isinstance(given, dict):
        raise ImportRefused(f"{where}.calendar: write {{weekday: tuesday, time: '09:00'}}")
    only(f"{where}.calendar", given, {"weekday", "time"})
    weekday = given.get("weekday")
    if weekday is not None and str(weekday).lower() not in WEEKDAYS:
        raise ImportRefused(f"{where}.calendar.weekday: {weekday!r} is no day of the week")
    at = time_of_day(f"{where}.calendar.time", given.get("time", ""))
    return StepValues(
        {
            "kind": Step.Kind.WAIT_CALENDAR,
            "time_of_day": at,
            "weekday": WEEKDAYS.index(str(weekday).lower()) if weekday is not None else None,
        }
    )


def _event(where: str, wait: dict[str, Any]) -> StepValues:
    only(where, wait, {"event", "where", "at_most", "then", "else"})
    if not isinstance(wait["event"], str):
        raise ImportRefused(f"{where}.event: name the event to wait for, like email.clicked")
    return StepValues(
        {
            "kind": Step.Kind.WAIT_EVENT,
            "event_kind": wait["event"],
            "where": wait.get("where") or [],
            "duration": duration(f"{where}.at_most", wait.get("at_most")),
            "then_key": wait.get("then") or "",
            "else_key": wait.get("else") or "",
        }
    )


def _branch(given: StepFile) -> StepValues:
    branch = given.branch or {}
    only(f"steps.{given.id}.branch", branch, {"if", "then", "else"})
    if branch.get("if") is None:
        raise ImportRefused(f"steps.{given.id}.branch: needs a rule under if")
    return StepValues(
        {
            "kind": Step.Kind.BRANCH,
            "condition": branch["if"],
            "then_key": branch.get("then") or "",
            "else_key": branch.get("else") or "",
        }
    )


def _set(given: StepFile) -> StepValues:
    change = given.set or {}
    only(f"steps.{given.id}.set", change, {"field", "value"})
    if "value" not in change:
        raise ImportRefused(f"steps.{given.id}.set.value: say what it is set to; null empties it")
    return StepValues({"kind": Step.Kind.SET, "field": change.get("field") or "", "value": change.get("value")})


def _notify(given: StepFile) -> StepValues:
    notice = given.notify or {}
    only(f"steps.{given.id}.notify", notice, {"message"})
    return StepValues({"kind": Step.Kind.NOTIFY, "message": notice.get("message", "")})


def _one(kind: str, name: str, column: str) -> Callable[[StepFile], StepValues]:
    """Reads a step that says one thing: `task: {title: …}`."""

    def read_one(given: StepFile) -> StepValues:
        said = getattr(given, kind) or {}
        only(f"steps.{given.id}.{kind}", said, {name})
        return StepValues({"kind": kind, column: said.get(name, "")})

    return read_one


def _end(given: StepFile) -> StepValues:
    if not given.end:
        raise ImportRefused(f"steps.{given.id}.end: true ends the run here; without an end, leave the step out")
    return StepValues({"kind": Step.Kind.END})


_READERS: dict[str, Callable[[StepFile], StepValues]] = {
    "send": _send,
    "wait": _wait,
    "branch": _branch,
    "set": _set,
    "notify": _notify,
    "task": _one("task", "title", "message"),
    "webhook": _one("webhook", "url", "url"),
    "enroll": _one("enroll", "sequence", "target"),
    "exit": _one("exit", "sequence", "target"),
    "end": _end,
}
