"""Which questions are asked, given the answers so far. Pure.

`static/js/questions.js` says the same in the browser; tests/leads/show_if.json is the table that holds both to it. A
question without a condition is always asked. One that hangs on a question which is not asked is not asked either.
"""

import re
from collections.abc import Iterable, Mapping

from leads.questions.definition import Condition, Question, texts

TRUE = frozenset({"true", "on", "yes", "1"})
_AROUND = re.compile(r"^[ \t\r\n]+|[ \t\r\n]+$")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def hidden(questions: Iterable[Question], data: Mapping[str, object]) -> frozenset[str]:
    """The names of the questions that are not asked, by what was sent so far."""
    known: dict[str, Question] = {}
    absent: set[str] = set()
    for question in questions:
        condition = question.show_if
        trigger = known.get(condition.field) if condition else None
        if condition and trigger and (trigger.name in absent or not holds(condition, trigger, data.get(trigger.name))):
            absent.add(question.name)
        known[question.name] = question
    return frozenset(absent)


def holds(condition: Condition, trigger: Question, sent: object) -> bool:
    """Whether what was sent for `trigger` is as the condition wants it."""
    given = _canonical(trigger, texts(sent))
    if condition.op == "filled":
        return given == ["true"] if trigger.type == "checkbox" else bool(given)
    wanted = _canonical(trigger, condition.values)
    meets = any(value in wanted for value in given)
    return not meets if condition.op == "ne" else meets


def _canonical(trigger: Question, values: Iterable[str]) -> list[str]:
    """Answers in a spelling that compares: yes and no, numbers by their value, text without space around it."""
    trimmed = [_AROUND.sub("", value.replace("\r\n", "\n")) for value in values]
    if trigger.type == "checkbox":
        return ["true" if any(value.lower() in TRUE for value in trimmed) else "false"]
    if trigger.type == "number":
        return [str(float(number)) for value in trimmed if _NUMBER.fullmatch(number := value.replace(",", "."))]
    return [value for value in trimmed if value]
