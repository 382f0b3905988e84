"""Reads a form post against its form: what is the person's profile, what are further answers, what is wrong. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads import addresses, profile, questions
from leads.questions import Answer, Question
from leads.questions.answers import LONGEST_ANSWER

# What a body calls them → the lead's column. Known for every form, whether it asks for them or not.
PROFILE = {"company": "company_name"} | {column: column for column in profile.LIMITS}
ALWAYS = {name: Question(name) for name in (*PROFILE, "company_size")} | {
    "message": Question("message", type="textarea")
}
MOST_FIELDS = 100
# Where a post goes, and nothing about who sent it.
ROUTES = frozenset({"webinar"})


@dataclass(frozen=True, slots=True)
class Intake:
    """`unasked`: names of questions that this person was not asked; what came under them is not kept anywhere."""

    address: addresses.Address
    profile: dict[str, Any]
    attributes: dict[str, Answer]
    answers: dict[str, Answer] = field(default_factory=dict)
    unasked: frozenset[str] = frozenset()


class IntakeError(ValueError):
    """What the person has to mend: field → a sentence for them."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = dict(fields)
        super().__init__("; ".join(f"{name}: {message}" for name, message in self.fields.items()))


def read(fields: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> Intake:
    """A posted body as an intake; IntakeError names every field that is wrong, at once.

    Unknown members are left alone (they stay in the stored submission), and empty ones count as not sent.
    """
    problems: dict[str, str] = {}
    if len(data) > MOST_FIELDS:
        raise IntakeError({"": f"At most {MOST_FIELDS} fields can be sent."})
    address = _address(data, problems)
    asked = questions.read(fields)
    unasked = questions.hidden(questions.asked(asked), data)
    defined = {question.name: question for question in asked if question.name != "email"}
    answers: dict[str, Answer] = {}
    for name, question in {**defined, **{name: one for name, one in ALWAYS.items() if name not in defined}}.items():
        if name not in unasked:
            _take(question, data.get(name), answers, problems)
    if problems or address is None:
        raise IntakeError(problems)
    return Intake(address, profile_columns(answers), attributes(answers), answers, unasked)


def attributes(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers that are no part of everybody's profile."""
    return {name: answer for name, answer in answers.items() if name not in ALWAYS and name not in ROUTES}


def profile_columns(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The lead's columns that these answers fill; only those with something in them."""
    columns = {column: str(answers[name]) for name, column in PROFILE.items() if answers.get(name) not in (None, "")}
    if "timezone" in columns and not profile.zone(columns["timezone"]):
        del columns["timezone"]
    found: dict[str, Any] = dict(columns)
    if size := profile.company_size(answers.get("company_size")):
        found["company_size"] = size
    return found


def _address(data: Mapping[str, Any], problems: dict[str, str]) -> addresses.Address | None:
    try:
        return addresses.read(data.get("email", ""))
    except addresses.AddressError as error:
        problems["email"] = str(error)
        return None


def _take(question: Question, sent: object, answers: dict[str, Answer], problems: dict[str, str]) -> None:
    longest = profile.LIMITS.get(PROFILE.get(question.name, ""), LONGEST_ANSWER)
    try:
        answer = questions.answer(question, sent, longest=longest)
    except ValueError as error:
        problems[question.name] = str(error)
        return
    if question.is_required and (answer is None or answer is False):
        problems[question.name] = "Please tick this." if question.type == "checkbox" else "Please fill this in."
    elif answer is not None:
        answers[question.name] = answer
