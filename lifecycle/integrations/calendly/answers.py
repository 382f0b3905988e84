"""What people answer when they book, and which field of the lead it fills, by a table that marketers edit."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leads import claiming
from lifecycle.integrations import people
from lifecycle.integrations.calendly.reading import CALENDLY
from lifecycle.integrations.models import AnswerRule
from lifecycle.integrations.webhook import meaning

Answers = Sequence[Mapping[str, str]]


class Rule(Protocol):
    """The columns of AnswerRule that are read here."""

    question: str
    event_name: str
    target: str
    only_if_empty: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What answers say of a lead: field → value, which of them replace what is known, and what no rule could read."""

    values: Mapping[str, str]
    over: Collection[str] = ()
    refused: Sequence[str] = ()


def read(rules: Iterable[Rule], answers: Answers, event_name: str) -> Said:
    """What the answers given for this kind of meeting mean. Of several rules for a field the first counts that fits and
    whose answer a lead takes."""
    values: dict[str, str] = {}
    over: set[str] = set()
    refused: dict[str, None] = {}
    for rule in rules:
        answer = _answer(rule, answers, event_name)
        if not answer or rule.target in values:
            continue
        if meaning.refusal(rule.target, answer):
            refused[rule.target] = None
            continue
        values[rule.target] = answer
        if not rule.only_if_empty:
            over.add(rule.target)
    return Said(values, over, [name for name in refused if name not in values])


def take_over(lead_id: int, answers: Answers, *, event_name: str = "", is_newest: bool, now: datetime) -> list[str]:
    """Fill in the lead, whose lock is taken; the fields whose answers were refused.

    Answers of another booking than the newest replace nothing. Never fails for what somebody wrote.
    """
    if not answers:
        return []
    said = read(AnswerRule.objects.filter(is_active=True), answers, event_name)
    if not said.values:
        return list(said.refused)
    row = claiming.hold([lead_id])[lead_id]
    left = people.fill(row, said.values, over=said.over if is_newest else (), source=CALENDLY, now=now)
    return [*said.refused, *left]


def _answer(rule: Rule, answers: Answers, event_name: str) -> str:
    """To the first question that the rule means, "" if none was asked."""
    if rule.event_name and _plain(rule.event_name) != _plain(event_name):
        return ""
    asked = _plain(rule.question)
    return next((row["answer"] for row in answers if asked in _plain(row["question"])), "")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
