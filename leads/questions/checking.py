"""What is wrong with the questions of a form as somebody wrote them: every fault with its place. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from leads.questions import patterns
from leads.questions.answers import read as read_answer
from leads.questions.definition import CHOICES, KEYS, OPERATORS, TEXTS, TYPES, bound, read, texts

MOST_QUESTIONS = 50
MOST_OPTIONS = 300
LONGEST_OPTION = 200
LONGEST = {"label": 300, "help": 500, "placeholder": 200, "message": 200}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}", re.ASCII)
# What the door itself reads, and what the event says beside the answers.
RESERVED = frozenset({"website_url", "lc_t", "context", "landing_variant", "landing_browser", "form", "submission"})
# Which members belong to which types; the others are for all.
_ONLY: dict[str, tuple[str, ...]] = {
    "options": CHOICES,
    "min": ("number", "date"),
    "max": ("number", "date"),
    "min_length": TEXTS,
    "max_length": TEXTS,
    "pattern": ("text", "tel", "url", "email"),
    "message": ("text", "tel", "url", "email"),
    "placeholder": (*TEXTS, "number"),
}

Row = Mapping[str, Any]
Fault = tuple[str, str]


def faults(fields: object) -> list[str]:
    """Lines like “[2].options: …”, none for a sound list."""
    if not isinstance(fields, list):
        return ['A list is expected: [{"name": "company", "label": "Company"}].']
    if len(fields) > MOST_QUESTIONS:
        return [f"At most {MOST_QUESTIONS} questions."]
    found: list[str] = []
    earlier: dict[str, Row] = {}
    for at, row in enumerate(fields):
        if not isinstance(row, dict):
            found.append(f'[{at}]: a question is written like {{"name": "company", "label": "Company"}}.')
            continue
        found += [f"[{at}]{'.' + member if member else ''}: {what}" for member, what in _of(row, earlier)]
        if isinstance(row.get("name"), str):
            earlier[row["name"]] = row
    return found


def _of(row: Row, earlier: Mapping[str, Row]) -> Iterator[Fault]:
    yield from _name(row, earlier)
    unknown = [member for member in row if member not in KEYS]
    yield from ((str(member), f"not known; known are {', '.join(KEYS)}.") for member in unknown)
    kind = row.get("type", "text")
    if kind not in TYPES:
        yield "type", f"not known; known are {', '.join(TYPES)}."
        return
    yield from _words(row, kind)
    yield from (
        (member, f"only for {', '.join(kinds)}.")
        for member, kinds in _ONLY.items()
        if member in row and kind not in kinds
    )
    for check in (_switches, _options, _bounds, _lengths, _pattern, _condition_of(earlier)):
        yield from check(row, kind)
    yield from _default(row, kind)


def _name(row: Row, earlier: Mapping[str, Row]) -> Iterator[Fault]:
    name = row.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield "name", "a name of letters, digits and underscores, at most 60."
    elif name in RESERVED:
        yield "name", f"“{name}” is ours; take another name."
    elif name in earlier:
        yield "name", f"“{name}” is asked twice."


def _words(row: Row, kind: str) -> Iterator[Fault]:
    if kind != "hidden" and not row.get("label"):
        yield "label", "what do people read? A label is missing."
    for member, longest in LONGEST.items():
        value = row.get(member, "")
        if not isinstance(value, str) or len(value) > longest:
            yield member, f"a text of at most {longest} characters."


def _switches(row: Row, kind: str) -> Iterator[Fault]:
    for member in ("required", "prefill"):
        if not isinstance(row.get(member, False), bool):
            yield member, "true or false."
    if kind == "hidden" and row.get("required"):
        yield "required", "people cannot fill in what they do not see."
    if row.get("name") == "email" and kind != "email":
        yield "type", "the address is of type email."


def _options(row: Row, kind: str) -> Iterator[Fault]:
    if kind not in CHOICES:
        return
    rows = row.get("options")
    if not isinstance(rows, list) or not rows:
        yield "options", 'a list of choices: ["Small", {"value": "l", "label": "Large"}].'
        return
    if len(rows) > MOST_OPTIONS:
        yield "options", f"at most {MOST_OPTIONS} choices."
    seen: set[str] = set()
    for at, option in enumerate(rows):
        value = option.get("value") if isinstance(option, dict) and option.keys() <= {"value", "label"} else option
        if not isinstance(value, str | int | float) or str(value).strip() == "" or len(str(value)) > LONGEST_OPTION:
            yield f"options[{at}]", f"a text of at most {LONGEST_OPTION} characters, or {{value, label}}."
        elif str(value) in seen:
            yield f"options[{at}]", f"“{value}” is there twice."
        seen.add(str(value))


def _bounds(row: Row, kind: str) -> Iterator[Fault]:
    if kind not in ("number", "date"):
        return
    example = "a number." if kind == "number" else "a day like 2026-03-31."
    bounds = {member: bound(kind, row[member]) for member in ("min", "max") if member in row}
    yield from ((member, example) for member, value in bounds.items() if value is None)
    low, high = bounds.get("min"), bounds.get("max")
    if isinstance(low, float) and isinstance(high, float) and high < low:
        yield "max", "lower than min."
    if isinstance(low, date) and isinstance(high, date) and high < low:
        yield "max", "before min."


def _lengths(row: Row, kind: str) -> Iterator[Fault]:
    lengths = {member: row[member] for member in ("min_length", "max_length") if member in row}
    for member, value in lengths.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 5_000:
            yield member, "a number of characters, 0 to 5000."
            return
    if len(lengths) == 2 and lengths["max_length"] < lengths["min_length"]:
        yield "max_length", "lower than min_length."


def _pattern(row: Row, kind: str) -> Iterator[Fault]:
    if "pattern" not in row:
        return
    try:
        patterns.read(row["pattern"]) if isinstance(row["pattern"], str) else _refuse("A text is expected.")
    except patterns.PatternError as error:
        yield "pattern", str(error)


def _refuse(why: str) -> None:
    raise patterns.PatternError(why)


def _condition_of(earlier: Mapping[str, Row]) -> Callable[[Row, str], Iterator[Fault]]:
    def check(row: Row, kind: str) -> Iterator[Fault]:
        if "show_if" not in row:
            return
        condition = row["show_if"]
        if row.get("name") == "email":
            yield "show_if", "the address is always asked."
        elif not isinstance(condition, dict) or not {"field"} <= condition.keys() <= {"field", "op", "value"}:
            yield "show_if", 'write {"field": "role", "op": "eq", "value": "Student"}.'
        elif condition["field"] != "email" and condition["field"] not in earlier:
            yield "show_if.field", "the name of a question above this one."
        else:
            yield from _test(condition, earlier.get(condition["field"], {"type": "email"}))

    return check


def _test(condition: Row, trigger: Row) -> Iterator[Fault]:
    op, value = condition.get("op", "eq"), condition.get("value")
    if op not in OPERATORS:
        yield "show_if.op", f"not known; known are {', '.join(OPERATORS)}."
        return
    if op == "filled":
        if "value" in condition:
            yield "show_if.value", "“filled” needs no value."
        return
    wanted = texts(value)
    if not wanted or (isinstance(value, list) != (op == "in")):
        yield "show_if.value", "a list of values." if op == "in" else "one value."
        return
    options = {option.value for question in read([{**trigger, "name": "it"}]) for option in question.options}
    strange = [one for one in wanted if options and one not in options]
    if strange:
        yield "show_if.value", f"“{strange[0]}” is none of the choices of that question."


def _default(row: Row, kind: str) -> Iterator[Fault]:
    """A default must be an answer that the question takes."""
    if row.get("default") in (None, ""):
        return
    value = row["default"]
    if isinstance(value, list) != (kind == "multiselect") or isinstance(value, dict):
        yield "default", "a list of choices." if kind == "multiselect" else "one value."
        return
    try:
        for question in read([{**row, "name": "it"}]):
            read_answer(question, value)
    except ValueError as error:
        yield "default", str(error)
