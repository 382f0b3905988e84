"""What a form asks, question by question. Reading is lenient: forms are checked when they are written (`checking`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec

from leads.questions import patterns

TEXTS = ("text", "email", "tel", "url", "textarea")
CHOICES = ("select", "radio", "multiselect")
TYPES = (*TEXTS, "number", "date", *CHOICES, "checkbox", "hidden")
OPERATORS = ("eq", "ne", "in", "filled")
KEYS = (
    "name", "label", "type", "required", "options", "help", "placeholder", "default", "prefill", "min", "max",
    "min_length", "max_length", "pattern", "message", "show_if",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Condition:
    """The question is asked if another one's answer is so: eq and ne one value, in some values, or filled in at all."""

    field: str
    op: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """`default` and the values of options are text, as a browser sends them; `prefill` takes it from the page's query.

    `minimum` and `maximum` bound a number or a date. `message` is what people read when the pattern does not fit.
    """

    name: str
    label: str = ""
    type: str = "text"
    is_required: bool = False
    options: tuple[Option, ...] = ()
    help: str = ""
    placeholder: str = ""
    default: tuple[str, ...] = ()
    prefill: bool = False
    minimum: float | date | None = None
    maximum: float | date | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    message: str = ""
    show_if: Condition | None = None


EMAIL = Question("email", "Work email", "email", is_required=True)


def read(fields: Sequence[Mapping[str, Any]]) -> tuple[Question, ...]:
    """The questions of a form in order, as its row holds them; what does not read in one is left out of it."""
    return _read(msgspec.json.encode(fields))


def asked(questions: Iterable[Question]) -> tuple[Question, ...]:
    """With the address first, if the form does not say where it comes."""
    there = tuple(questions)
    return there if any(question.name == "email" for question in there) else (EMAIL, *there)


@lru_cache(maxsize=256)  # a form is posted again and again
def _read(fields: bytes) -> tuple[Question, ...]:
    rows = msgspec.json.decode(fields)
    named = [row for row in rows if isinstance(row, dict) and row.get("name")] if isinstance(rows, list) else []
    return tuple(_question(row) for row in named)


def _question(row: dict[str, Any]) -> Question:
    kind = row.get("type") if row.get("type") in TYPES else "text"
    name = str(row["name"])
    if name == "email":
        kind = "email"
    return Question(
        name=name,
        label=str(row.get("label") or name.replace("_", " ").capitalize()),
        type=str(kind),
        is_required=bool(row.get("required")) or name == "email",
        options=_options(row.get("options")),
        help=_text(row.get("help")),
        placeholder=_text(row.get("placeholder")),
        default=texts(row.get("default")),
        prefill=bool(row.get("prefill")),
        minimum=bound(kind, row.get("min")),
        maximum=bound(kind, row.get("max")),
        min_length=_count(row.get("min_length")),
        max_length=_count(row.get("max_length")),
        pattern=_pattern(row.get("pattern")),
        message=_text(row.get("message")),
        show_if=_condition(row.get("show_if")) if name != "email" else None,
    )


def texts(value: object) -> tuple[str, ...]:
    """A value or a list of them as browsers send them: yes is “true”, 3 is “3”."""
    several = value if isinstance(value, list | tuple) else [value]
    return tuple(_word(one) for one in several if isinstance(one, str | int | float) and _word(one) != "")


def bound(kind: object, value: object) -> float | date | None:
    """The limit of a number or a date; None for none, and for one that does not read."""
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "date" and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None


def _word(value: str | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(rows: object) -> tuple[Option, ...]:
    found = []
    for row in rows if isinstance(rows, list) else []:
        value, label = (row.get("value"), row.get("label")) if isinstance(row, dict) else (row, row)
        if isinstance(value, str | int | float):
            found.append(Option(_word(value), str(label if label not in (None, "") else value)))
    return tuple(found)


def _condition(row: object) -> Condition | None:
    if not isinstance(row, dict) or not isinstance(row.get("field"), str) or row.get("op", "eq") not in OPERATORS:
        return None
    return Condition(row["field"], row.get("op", "eq"), texts(row.get("value")))


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not value:
        return ""
    try:
        patterns.read(value)
    except patterns.PatternError:
        return ""
    return value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
