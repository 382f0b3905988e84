"""What people sent through forms, readable, with whether they confirmed it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from leads import questions
from leads.attribution import KEYS
from leads.models import Submission
from leads.questions.conditions import TRUE
from lifecycle.core.admin import InsertOnlyAdmin, admin_link, table

CONFIRMED, WAITING, NEITHER = "Confirmed", "Waiting", "Not asked"


class ConfirmedFilter(admin.SimpleListFilter):
    title = "double opt-in"
    parameter_name = "confirmed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", CONFIRMED), ("waiting", WAITING), ("none", NEITHER)]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Submission]") -> "QuerySet[Submission]":
        match self.value():
            case "yes":
                return queryset.filter(confirmation__confirmed_at__isnull=False)
            case "waiting":
                return queryset.filter(confirmation__isnull=False, confirmation__confirmed_at__isnull=True)
            case "none":
                return queryset.filter(confirmation__isnull=True)
        return queryset


@admin.register(Submission)
class SubmissionAdmin(InsertOnlyAdmin):
    nothing_yet = "What people send by forms stands here, as they wrote it."
    list_display = ["form", "lead_link", "gist", "confirmed", "received_at"]
    list_select_related = ["form", "lead", "confirmation"]
    list_filter = ["form", ConfirmedFilter, ("received_at", RangeDateTimeFilter)]
    search_fields = ["=lead__email_normal"]
    search_help_text = "A whole address."
    ordering = ["-id"]
    fields = ["form", "lead_link", "received_at", "confirmed", "confirmation_times", "answers", "came_from"]
    readonly_fields = ["lead_link", "confirmed", "confirmation_times", "answers", "came_from"]

    @display(description="Lead")
    def lead_link(self, submission: Submission) -> str:
        return admin_link(submission.lead)

    @display(description="Said")
    def gist(self, submission: Submission) -> str:
        said = " · ".join(text for name, text in _answers(submission) if name != "email")
        return f"{said[:100]}…" if len(said) > 100 else said or "–"

    @display(description="Double opt-in", label={CONFIRMED: "success", WAITING: "warning", NEITHER: ""})
    def confirmed(self, submission: Submission) -> str:
        confirmation = getattr(submission, "confirmation", None)
        return NEITHER if confirmation is None else CONFIRMED if confirmation.confirmed_at else WAITING

    @display(description="When")
    def confirmation_times(self, submission: Submission) -> str:
        confirmation = getattr(submission, "confirmation", None)
        if confirmation is None:
            return "–"
        mailed, done = confirmation.mailed_at, confirmation.confirmed_at
        asked = f"mail asked for {mailed:%Y-%m-%d %H:%M} UTC" if mailed else "no mail: another one waits for its answer"
        return f"{asked}; confirmed {done:%Y-%m-%d %H:%M} UTC" if done else asked

    @display(description="Answers")
    def answers(self, submission: Submission) -> str:
        asked = {question.name: question for question in questions.read(submission.form.fields)}
        rows = [
            (asked[name].label, _read(asked[name], text)) if name in asked else (name, text)
            for name, text in _answers(submission)
        ]
        return table(["Question", "Answer"], rows)

    @display(description="Came from")
    def came_from(self, submission: Submission) -> str:
        found = [(name, value) for name, value in _texts(submission.data) if name in KEYS]
        return table(["Field", "Value"], found) if found else "–"


def _answers(submission: Submission) -> list[tuple[str, str]]:
    """In the order of the form, then what it did not ask."""
    said = {name: text for name, text in _texts(submission.data) if name not in KEYS}
    order = [question.name for question in questions.asked(questions.read(submission.form.fields))]
    return [(name, said.pop(name)) for name in order if name in said] + list(said.items())


def _read(question: questions.Question, text: str) -> str:
    """An answer in the words that the person chose."""
    if question.type == "checkbox":
        return "Yes" if text.lower() in TRUE else "No"
    words = {option.value: option.label for option in question.options}
    return words.get(text) or ", ".join(words.get(part, part) for part in text.split(", ")) if words else text


def _texts(data: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in data.items():
        text = ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
        if text:
            yield name, text
