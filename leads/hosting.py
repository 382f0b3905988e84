"""A form as a page draws it: questions with their values and problems, words, hidden fields. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leads import intake, pace, questions
from leads.forms import OpenForm
from leads.questions import Question, patterns
from leads.questions.definition import texts

HONEYPOT = "website_url"
GENERAL = ("", "non_field_errors")
LONGEST_VALUE = 5_000
_COMPLETE = {
    "email": "email",
    "first_name": "given-name",
    "last_name": "family-name",
    "company": "organization",
    "job_title": "organization-title",
    "phone": "tel",
    "country": "country-name",
}
# How HTML calls an <input>; the other types have elements of their own.
_INPUTS = frozenset({"text", "email", "tel", "url", "number", "date"})


@dataclass(frozen=True, slots=True)
class Choice:
    id: str
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Control:
    """A question as it is drawn. `kind`: input, textarea, select, radio, checkboxes or checkbox.

    `condition`: JSON of when it is asked, "" for always. `described`: ids of the lines that explain it.
    """

    id: str
    question: Question
    kind: str
    value: str
    choices: tuple[Choice, ...]
    attributes: dict[str, str]
    condition: str
    problem: str = ""

    @property
    def is_group(self) -> bool:
        return self.kind in ("radio", "checkboxes")


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in a form already: answers as they were sent, what is wrong with them, and further hidden fields."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    is_posted: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    slug: str
    action: str
    title: str
    intro: str
    button: str
    consent: str
    has_consent_box: bool
    controls: tuple[Control, ...]
    hidden: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


def draw(opened: OpenForm, given: Given, *, action: str, prefix: str = "q") -> Drawn:
    """The form with what is given in it. Nothing that was sent is lost: what the form does not ask stays hidden in it.

    `given.answers` of a page's query fill only questions that allow it; those of a post all. `prefix`: of the ids,
    where several forms share a page.
    """
    form = opened.form
    asked = _with_problems(questions.asked(questions.read(form.fields)), given.problems)
    visible = [question for question in asked if question.type != "hidden"]
    return Drawn(
        slug=form.slug,
        action=action,
        title=opened.shown(form.title or form.name),
        intro=opened.shown(form.intro),
        button=form.button or "Send",
        consent=opened.shown(form.consent_text),
        has_consent_box=any(question.name == "consent" for question in visible),
        controls=tuple(_control(question, given, prefix) for question in visible),
        hidden=tuple(_hidden(asked, given)),
        problems=tuple(given.problems[name] for name in GENERAL if given.problems.get(name)),
    )


def _with_problems(asked: Sequence[Question], problems: Mapping[str, str]) -> list[Question]:
    """Also what the form does not ask but takes, if it is wrong: nobody can mend what they do not see."""
    names = {question.name for question in asked}
    further = [intake.ALWAYS[name] for name in problems if name in intake.ALWAYS and name not in names]
    labels = {question.name: question.name.replace("_", " ").capitalize() for question in further}
    return [*asked, *(Question(one.name, labels[one.name], one.type) for one in further)]


def _control(question: Question, given: Given, prefix: str) -> Control:
    values = _values(question, given)
    html_id = f"{prefix}-{question.name}"
    kind = _kind(question)
    problem = given.problems.get(question.name, "")
    chosen = set(values)
    choices = tuple(
        Choice(f"{html_id}-{at}", option.value, option.label, option.value in chosen)
        for at, option in enumerate(question.options)
    )
    value = values[-1] if values else ""
    if kind == "checkbox":
        value = "true" if value.lower() in questions.conditions.TRUE else ""
    condition = question.show_if
    written = {"field": condition.field, "op": condition.op, "value": list(condition.values)} if condition else None
    return Control(
        html_id,
        question,
        kind,
        value,
        choices,
        _attributes(question, kind, html_id, problem),
        json.dumps(written) if written else "",
        problem,
    )


def _kind(question: Question) -> str:
    if question.type in _INPUTS:
        return "input"
    if question.type == "multiselect":
        return "checkboxes" if question.options else "input"
    return question.type if question.options or question.type in ("textarea", "checkbox") else "input"


def _values(question: Question, given: Given) -> tuple[str, ...]:
    may = given.is_posted or question.prefill
    sent = texts(given.answers.get(question.name)) if may else ()
    return tuple(value[:LONGEST_VALUE] for value in sent) if sent or given.is_posted else question.default


def _attributes(question: Question, kind: str, html_id: str, problem: str) -> dict[str, str]:
    """Of the control's element. A question that may not be asked is not required without a script."""
    found: dict[str, str] = {}
    if kind == "input":
        found["type"] = question.type if question.type in _INPUTS else "text"
        found |= _bounds(question)
    if question.is_required and kind != "checkboxes":
        found["required" if question.show_if is None else "data-required"] = ""
    if question.placeholder and kind in ("input", "textarea"):
        found["placeholder"] = question.placeholder
    if question.name in _COMPLETE and kind in ("input", "select"):
        found["autocomplete"] = _COMPLETE[question.name]
    if kind in ("input", "textarea"):
        lengths = {"minlength": question.min_length, "maxlength": question.max_length}
        found |= {name: str(value) for name, value in lengths.items() if value is not None}
    described = [f"{html_id}-help"] * bool(question.help) + [f"{html_id}-problem"] * bool(problem)
    if described:
        found["aria-describedby"] = " ".join(described)
    if problem:
        found["aria-invalid"] = "true"
    return found


def _bounds(question: Question) -> dict[str, str]:
    found = {"step": "any"} if question.type == "number" else {}
    for name, value in (("min", question.minimum), ("max", question.maximum)):
        if value is not None:
            found[name] = f"{value:g}" if isinstance(value, float) else value.isoformat()
    if question.pattern and (browser := patterns.read(question.pattern).browser):
        found |= {"pattern": browser, "title": question.message or "Please write it as asked."}
    return found


def _hidden(asked: Sequence[Question], given: Given) -> list[tuple[str, str]]:
    """Hidden questions, what the page adds, and of a post everything that no control shows."""
    found = [
        (question.name, value)
        for question in asked
        if question.type == "hidden"
        for value in _values(question, given)[-1:]
    ]
    names = {question.name for question in asked}
    ours = {HONEYPOT, pace.FIELD, *given.hidden}
    if given.is_posted:
        for name, sent in given.answers.items():
            if name not in names | ours:
                found += [(name, value[:LONGEST_VALUE]) for value in texts(sent)]
    return [*found, *given.hidden.items()]
