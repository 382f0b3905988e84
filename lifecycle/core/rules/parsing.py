"""From untrusted JSON or YAML to a rule. All faults are collected, each with its place; nothing is ever executed."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from lifecycle.core import durations

from . import operands
from .operators import OF_TYPE, OPERATORS
from .problems import Problem, RuleError
from .rule import VERSION, Rule
from .tree import ALWAYS, Comparison, CountWord, EventTest, FieldTest, Group, Node, Not, PropertyTest
from .vocabulary import FieldType, Vocabulary

MAX_DEPTH = 8
MAX_TESTS = 200
MAX_NAME = 100
MAX_COUNT = 1000
MAX_PROBLEMS = 20

_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_TYPE_WORDS: dict[FieldType, str] = {
    "text": "a text",
    "number": "a number",
    "boolean": "a yes/no field",
    "datetime": "a time",
    "choice": "a choice",
    "json": "a free value",
}
_COUNT_WORDS: tuple[CountWord, ...] = ("at_least", "at_most", "exactly")


def parse(data: object, vocabulary: Vocabulary, *, since_enrollment: bool = False) -> Rule:
    """The rule that the data spells. RuleError lists what is wrong.

    `since_enrollment` allows `"since": "enrollment"`: only where an enrollment is at hand, as in a sequence's exits.
    """
    parser = _Parser(vocabulary, since_enrollment)
    root = parser.top(data)
    if parser.problems or root is None:
        raise RuleError(parser.problems)
    return Rule(root)


def validate(data: object, vocabulary: Vocabulary, *, since_enrollment: bool = False) -> list[Problem]:
    """What is wrong with the data; an empty list if it is a rule."""
    try:
        parse(data, vocabulary, since_enrollment=since_enrollment)
    except RuleError as error:
        return error.problems
    return []


class _Parser:
    """One pass over the data. A method returns None when it has noted a problem, so that the pass can find the next."""

    def __init__(self, vocabulary: Vocabulary, since_enrollment: bool) -> None:
        self.vocabulary = vocabulary
        self.since_enrollment = since_enrollment
        self.problems: list[Problem] = []
        self.tests = 0

    def note(self, path: str, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(path, message))

    def top(self, data: object) -> Node | None:
        if not isinstance(data, Mapping):
            self.note("", f"a rule is an object, not {_type_of(data)}; {{}} means always")
            return None
        version = data.get("version", VERSION)
        if version != VERSION or isinstance(version, bool):
            self.note("version", f"unknown version {_shown(version)}; this is version {VERSION}")
        rest = {key: value for key, value in data.items() if key != "version"}
        return self.node(rest, "", 1) if rest else ALWAYS

    def node(self, data: object, path: str, depth: int) -> Node | None:
        if not isinstance(data, Mapping):
            self.note(path, f"a condition is an object, not {_type_of(data)}")
            return None
        if depth > MAX_DEPTH:
            self.note(path, f"conditions are nested deeper than {MAX_DEPTH}")
            return None
        heads = [key for key in ("all", "any", "not", "field", "event") if key in data]
        if len(heads) != 1:
            found = f"not {' and '.join(heads)} together" if heads else f"not {_keys(data)}"
            self.note(path, f"a condition has exactly one of all, any, not, field, event; {found}")
            return None
        match heads[0]:
            case "all" | "any" as word:
                return self.group(data, word, path, depth)
            case "not":
                self.known_keys(data, ("not",), path)
                part = self.node(data["not"], _join(path, "not"), depth + 1)
                return None if part is None else Not(part)
        self.tests += 1
        if self.tests > MAX_TESTS:
            if self.tests == MAX_TESTS + 1:
                self.note(path, f"the rule has more than {MAX_TESTS} tests")
            return None
        return self.field_test(data, path) if heads[0] == "field" else self.event_test(data, path)

    def group(self, data: Mapping[Any, object], word: Literal["all", "any"], path: str, depth: int) -> Node | None:
        self.known_keys(data, (word,), path)
        parts, here = data[word], _join(path, word)
        if not isinstance(parts, list | tuple) or not parts:
            self.note(here, "give a list with at least one condition")
            return None
        if len(parts) > MAX_TESTS:
            self.note(here, f"the list has more than {MAX_TESTS} conditions")
            return None
        nodes = [self.node(part, f"{here}[{index}]", depth + 1) for index, part in enumerate(parts)]
        return Group(word, tuple(node for node in nodes if node is not None))

    def field_test(self, data: Mapping[Any, object], path: str) -> FieldTest | None:
        self.known_keys(data, ("field", "op", "value"), path)
        name = self.name(data["field"], _join(path, "field"))
        if name is None:
            return None
        field = self.vocabulary.get(name)
        if field is None:
            meant = self.vocabulary.closest(name)
            self.note(_join(path, "field"), f"unknown field {name!r}" + (f"; did you mean {meant}?" if meant else ""))
            return None
        test = self.comparison(data, field.type, path, field.choices)
        return None if test is None else FieldTest(field, test)

    def comparison(
        self, data: Mapping[Any, object], field_type: FieldType, path: str, choices: tuple[str, ...] | None = None
    ) -> Comparison | None:
        op, known = data.get("op"), OF_TYPE[field_type]
        if not isinstance(op, str) or op not in known:
            what = "no operator" if "op" not in data else f"unknown operator {_shown(op)}"
            self.note(_join(path, "op"), f"{what} for {_TYPE_WORDS[field_type]}; use one of {', '.join(known)}")
            return None
        takes_value = OPERATORS[op].takes != "nothing"
        if takes_value != ("value" in data):
            fault = "needs a value" if takes_value else "takes no value; leave it out"
            self.note(_join(path, "value"), f"{op} {fault}")
            return None
        try:
            return operands.comparison(op, data.get("value"), field_type, choices)
        except operands.OperandError as error:
            self.note(_join(path, "value"), str(error))
            return None

    def event_test(self, data: Mapping[Any, object], path: str) -> EventTest | None:
        self.known_keys(data, ("event", "where", *_COUNT_WORDS, "within", "since"), path)
        kind = self.name(data["event"], _join(path, "event"))
        if kind is not None and not _KIND.fullmatch(kind):
            self.note(_join(path, "event"), f"{kind!r} is not an event's name; write it like pricing.viewed")
        where = self.where(data.get("where", ()), _join(path, "where"))
        count = self.count(data, path)
        within = self.within(data, path)
        since = self.since(data, path)
        if kind is None or count is None:
            return None
        return EventTest(kind, where, count[0], count[1], within, since)

    def where(self, data: object, path: str) -> tuple[PropertyTest, ...]:
        if not isinstance(data, list | tuple):
            self.note(path, f"give a list of property tests, not {_type_of(data)}")
            return ()
        tests = (self.property_test(one, f"{path}[{index}]") for index, one in enumerate(data[: MAX_TESTS + 1]))
        return tuple(test for test in tests if test is not None)

    def property_test(self, data: object, path: str) -> PropertyTest | None:
        if not isinstance(data, Mapping) or "property" not in data:
            self.note(path, 'a property test is an object like {"property": "plan", "op": "eq", "value": "pro"}')
            return None
        self.tests += 1
        if self.tests > MAX_TESTS:
            self.note(path, f"the rule has more than {MAX_TESTS} tests")
            return None
        self.known_keys(data, ("property", "op", "value"), path)
        name = self.name(data["property"], _join(path, "property"))
        test = self.comparison(data, "json", path)
        return None if name is None or test is None else PropertyTest(name, test)

    def count(self, data: Mapping[Any, object], path: str) -> tuple[CountWord, int] | None:
        given = [word for word in _COUNT_WORDS if word in data]
        if not given:
            return "at_least", 1
        word, count = given[0], data[given[0]]
        lowest = 1 if word == "at_least" else 0
        if len(given) > 1:
            self.note(_join(path, given[1]), f"use only one of {', '.join(_COUNT_WORDS)}")
        elif not isinstance(count, int) or isinstance(count, bool) or not lowest <= count <= MAX_COUNT:
            self.note(_join(path, word), f"give a whole number from {lowest} to {MAX_COUNT}, not {_shown(count)}")
        else:
            return word, count
        return None

    def within(self, data: Mapping[Any, object], path: str) -> Any:
        if "within" not in data:
            return None
        try:
            return durations.parse(data["within"])
        except durations.DurationError as error:
            self.note(_join(path, "within"), str(error))
            return None

    def since(self, data: Mapping[Any, object], path: str) -> bool:
        if "since" not in data:
            return False
        if data["since"] != "enrollment":
            self.note(_join(path, "since"), f'the only start is "enrollment", not {_shown(data["since"])}')
        elif not self.since_enrollment:
            self.note(_join(path, "since"), "there is no enrollment here; use within")
        elif "within" in data:
            self.note(_join(path, "since"), "use either within or since")
        return True

    def name(self, value: object, path: str) -> str | None:
        if not isinstance(value, str) or not value or len(value) > MAX_NAME or not operands.storable(value):
            self.note(path, f"a name is a text of 1 to {MAX_NAME} characters, not {_shown(value)}")
            return None
        return value

    def known_keys(self, data: Mapping[Any, object], known: Iterable[str], path: str) -> None:
        for key in data:
            if key not in known:
                self.note(_join(path, str(key)[:MAX_NAME]), f"unknown key; known here: {', '.join(known)}")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _keys(data: Mapping[Any, object]) -> str:
    return ", ".join(str(key)[:MAX_NAME] for key in list(data)[:5]) or "an empty object"


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _type_of(value: object) -> str:
    names = {list: "a list", tuple: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
