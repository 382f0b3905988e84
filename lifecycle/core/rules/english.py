"""Rules in plain English, for marketers and for "why"."""

from datetime import datetime, timedelta
from typing import Any

from lifecycle.core import durations

from .operators import OPERATORS
from .tree import Comparison, EventTest, FieldTest, Group, Node, Not


def sentence(node: Node) -> str:
    """The rule as one sentence, without its full stop."""
    return capitalised(phrase(node))


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def phrase(node: Node, *, nested: bool = False) -> str:
    """The node inside a sentence; a group within another one is set in brackets."""
    match node:
        case FieldTest():
            return f"{node.field.label} {comparison(node.comparison)}"
        case EventTest():
            return _event_phrase(node)
        case Not():
            return f"not ({phrase(node.part)})"
        case Group():
            return _group_phrase(node, nested)


def comparison(test: Comparison) -> str:
    """The operator and its operand: "is between 50 and 500"."""
    return OPERATORS[test.op].words.format(_operand(test))


def value(shown: Any) -> str:
    """A fact as it is shown beside the test."""
    match shown:
        case None | "":
            return "unknown"
        case bool():
            return "yes" if shown else "no"
        case datetime():
            return _moment(shown)
        case str():
            return shown if len(shown) <= 80 else f"{shown[:77]}…"
        case int() | float():
            return _number(shown)
    return value(str(shown))


def times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _operand(test: Comparison) -> str:
    operand: Any = test.value
    if test.op == "between":
        return f"{_number(operand[0])} and {_number(operand[1])}"
    if isinstance(operand, tuple):
        return _listed([_literal(one, test.kind) for one in operand])
    return _literal(operand, test.kind)


def _literal(operand: Any, kind: str) -> str:
    match operand:
        case timedelta():
            return durations.words(operand)
        case str():
            return operand.replace("_", " ") if kind == "choice" else f"“{operand}”"
    return value(operand)


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else repr(number)


def _moment(moment: datetime) -> str:
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        return f"{moment.day} {moment:%b %Y}"
    return f"{moment.day} {moment:%b %Y %H:%M} {moment.tzname()}"


def _event_phrase(test: EventTest) -> str:
    words = [test.kind.replace(".", " ").replace("_", " ")]
    if test.where:
        words.append("with " + " and ".join(_property_phrase(where.name, where.comparison) for where in test.where))
    if count := _count_phrase(test):
        words.append(count)
    if test.within is not None:
        words.append(f"in the last {durations.words(test.within)}")
    elif test.since_enrollment:
        words.append("since the enrollment")
    return " ".join(words)


def _property_phrase(name: str, test: Comparison) -> str:
    return f"{name.replace('_', ' ')} {comparison(test)}"


def _count_phrase(test: EventTest) -> str:
    match test.count_word, test.count:
        case "at_least", 1:
            return ""
        case (("at_most" | "exactly"), 0):
            return "not once"
        case word, count:
            return f"{word.replace('_', ' ')} {times(count)}"


def _group_phrase(group: Group, nested: bool) -> str:
    if not group.parts:
        return "everyone"
    if len(group.parts) == 1:
        return phrase(group.parts[0], nested=nested)
    joined = (" and " if group.word == "all" else " or ").join(phrase(part, nested=True) for part in group.parts)
    return f"({joined})" if nested else joined
