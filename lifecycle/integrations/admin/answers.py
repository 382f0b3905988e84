"""Which answers of a booking in Calendly fill which fields of the lead: a small table."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from lifecycle.core.admin import EditAdmin, table
from lifecycle.integrations.calendly.reading import CALENDLY
from lifecycle.integrations.models import AnswerRule
from lifecycle.integrations.webhook import meaning
from lifecycle.integrations.webhook.meaning import ATTRIBUTE
from lifecycle.sales.models import Meeting

# As the form names fields; the column's own name of the company is the same field.
FIELDS = sorted(meaning.FIELDS - {"company_name"})
LATEST_MEETINGS = 200
MOST_QUESTIONS = 30


def label(field: str) -> str:
    """A field as people call it: Company size."""
    words = field.removeprefix(ATTRIBUTE)
    return f"Attribute “{words}”" if words != field else words.replace("_", " ").capitalize()


class AnswerRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    field = forms.ChoiceField(
        label="Field of the lead",
        choices=[*((name, label(name)) for name in FIELDS), (ATTRIBUTE, "An attribute (name it in the next field)")],
        widget=UnfoldAdminSelectWidget,
    )
    attribute = forms.CharField(
        required=False,
        max_length=meaning.LONGEST_NAME,
        help_text="Only with “An attribute”: its name, as team_size. Rules know it as attributes.team_size.",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = AnswerRule
        exclude = ["target"]  # noqa: DJ006  it is made of two fields here

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target: str = self.instance.target
        if target.startswith(ATTRIBUTE):
            self.initial.update(field=ATTRIBUTE, attribute=target.removeprefix(ATTRIBUTE))
        else:
            self.initial["field"] = "company" if target == "company_name" else target

    def clean_question(self) -> str:
        return " ".join(self.cleaned_data["question"].split())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        field, attribute = cleaned.get("field"), cleaned.get("attribute")
        if field == ATTRIBUTE and not attribute:
            self.add_error("attribute", "Name the attribute, as team_size.")
        elif field and field != ATTRIBUTE and attribute:
            self.add_error("attribute", f"Leave this empty, or choose “An attribute” instead of “{label(field)}”.")
        elif field:
            self.instance.target = f"{field}{attribute or ''}"
        return cleaned

    def validate_unique(self) -> None:
        """The target is part of it, though it is no field of this form."""
        try:
            self.instance.validate_constraints()
        except forms.ValidationError:
            self.add_error("question", "There is such a rule already.")


@admin.register(AnswerRule)
class AnswerRuleAdmin(EditAdmin):
    """From top to bottom; for each field the first rule counts whose question was answered."""

    form = AnswerRuleForm
    nothing_yet = "Ask for something when people book in Calendly, then say here which field the answer fills."
    list_display = ["question", "fills", "event_shown", "only_if_empty", "position", "is_active"]
    list_editable = ["position", "is_active"]
    list_filter = ["is_active", "only_if_empty"]
    search_fields = ["question__icontains", "event_name__icontains", "target__icontains"]
    ordering = ["position", "id"]
    readonly_fields = ["heard"]
    fieldsets = [
        (None, {"fields": ["question", ("field", "attribute"), "event_name", "only_if_empty"]}),
        (None, {"fields": [("position", "is_active")]}),
        ("What Calendly asked lately", {"fields": ["heard"]}),
    ]

    @display(description="Fills", ordering="target")
    def fills(self, rule: AnswerRule) -> str:
        return label(rule.target)

    @display(description="Event type", ordering="event_name")
    def event_shown(self, rule: AnswerRule) -> str:
        return rule.event_name or "All"

    @display(description="Questions")
    def heard(self, rule: AnswerRule) -> SafeString | str:
        """So that nobody has to look them up: as they stand in the newest bookings."""
        newest = Meeting.objects.filter(provider=CALENDLY).exclude(answers=[]).order_by("-pk")[:LATEST_MEETINGS]
        asked = dict.fromkeys(
            (row.get("question", ""), name)
            for name, answers in newest.values_list("event_name", "answers")
            for row in answers
        )
        rows = list(asked)[:MOST_QUESTIONS]
        return table(["Question", "Event type"], rows) if rows else "No booking with an answer came so far."
