"""A version of a sequence: entry, exits and steps. Drafts are edited, published ones only read."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Max
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import display

from campaigns.admin import badges
from campaigns.admin.rehearsals import RehearseActions
from campaigns.admin.releases import ReleaseActions
from campaigns.admin.steps import is_published
from campaigns.admin.windows import WindowField
from campaigns.editing.publishing import problems_of
from campaigns.engine.outline import Line, date_words, outline, window_words
from campaigns.models import SequenceVersion, Step
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations
from lifecycle.core.admin import EditAdmin, RuleField, admin_link, english, table
from lifecycle.core.admin.rule_fields import CodeField
from lifecycle.core.admin.spans import OffsetField, SpanField

PLACES = {
    "entry.triggers": "triggers",
    "entry.filters": "filters",
    "entry.reentry": "reentry",
    "entry.key": "key_property",
    "holdout": "holdout_percent",
    "window": "window",
    "entry.second_trigger": "second_trigger",
    "entry.grace": "grace",
}


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    triggers = CodeField(
        empty=[],
        label="Who enters",
        help_text='Any of: {"event": "form.submitted", "where": [{"property": "form", "op": "eq", "value": "contact"}]}'
        ', {"segment": "hot-leads"}, {"date": "attributes.renewal_date", "offset": "-30d"} (also created_at and other '
        'dates). With "updates": true an event enrols nobody, it only tells the news to who is inside under its key. '
        'With "resumes": "meeting.booked" it goes on with a run which that goal ended, where it stopped (at most 90 '
        'days later, or "within": "30d"). '
        "Empty: only by hand or over the API.",
    )
    filters = RuleField(
        vocabulary=VOCABULARY, label="Only if", help_text="A rule that must hold at entry; {} is always."
    )
    exits = CodeField(
        empty=[],
        label="Who leaves",
        help_text='Goals and rules: {"goal": "meeting.booked"}, '
        '{"when": {"field": "stage", "op": "eq", "value": "customer"}, "reason": "customer"}. '
        'A goal may have to be about the same thing: "match": "key", or "match": {"property": "demo"}; with '
        '"company": true a colleague\'s goal counts too. Looked at with every event and again before each mail.',
    )
    grace = OffsetField(
        required=True,
        label="Tried again for",
        help_text="For how long, like 30m, when a trigger comes before “only if” holds. 0d: not at all.",
    )
    window = WindowField(
        label="Mails may leave",
        help_text="On each person's own clock; for marketing mail. Leave the hours empty for the whole day, tick no "
        "weekday for every day. What falls outside waits for the next opening. A mail may have its own hours.",
    )
    reentry_after = SpanField(label="Again after", help_text="For “some time after the last entry”: 7d.")

    class Meta:
        model = SequenceVersion
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def _post_clean(self) -> None:
        """Name every fault of entry and exits at its field; the steps are checked when it is published."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors or not self.instance.pk:
            return
        for problem in problems_of(self.instance):
            place = (
                "exits"
                if problem.where.startswith("exits")
                else next((name for start, name in PLACES.items() if problem.where.startswith(start)), None)
            )
            if place in self.fields:
                self.add_error(place, str(problem))


class StepInlineForm(forms.ModelForm):  # type: ignore[type-arg]
    duration = SpanField(label="How long")

    class Meta:
        model = Step
        fields = ["key", "kind", "template", "duration", "journey_stage", "position"]


class StepInline(TabularInline):
    """The steps in their order, moved by dragging; further settings of a step are on its own page."""

    model = Step
    form = StepInlineForm
    fields = ["position", "key", "kind", "template", "duration", "journey_stage", "does"]
    readonly_fields = ["does"]
    autocomplete_fields = ["template"]
    ordering_field = "position"
    hide_ordering_field = True
    ordering = ["position", "id"]
    show_change_link = True
    extra = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        living = super().get_queryset(request).filter(is_tombstone=False)
        return living.select_related("template", "version").prefetch_related("variants__template")

    @display(description="Does")
    def does(self, step: Step) -> str:
        return format_html("{} {}", in_words(step), admin_link(step, "Settings")) if step.pk else ""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and not is_published(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not is_published(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not is_published(obj)


def in_words(step: Step) -> str:
    """What a step does that its other columns do not say."""
    match step.kind:
        case Step.Kind.SEND:
            parts = [f"{each.key} {each.weight}: {each.template.name}" for each in step.variants.all()]
            return ", ".join([*parts, *sending_words(step)])
        case Step.Kind.WAIT:
            return "counted from the enrolment" if step.from_enrollment else ""
        case Step.Kind.WAIT_CALENDAR:
            return (
                f"{step.get_weekday_display() or 'any day'} {step.time_of_day:%H:%M}"
                if step.time_of_day
                else "no time set"
            )
        case Step.Kind.WAIT_EVENT:
            return f"{step.event_kind}, then {step.then_key or 'next'}, else {step.else_key or 'next'}"
        case Step.Kind.WAIT_DATE:
            return date_words(step) + (f", past already: {step.else_key}" if step.else_key else "")
        case Step.Kind.BRANCH:
            rule = english(step.condition, VOCABULARY, since_enrollment=True)
            return f"{rule}: then {step.then_key or 'next'}, else {step.else_key or 'next'}"
        case Step.Kind.SET:
            return f"{step.field} = {step.value}"
        case Step.Kind.WEBHOOK:
            return step.url
        case Step.Kind.ENROLL | Step.Kind.EXIT:
            return step.target
    return step.message


def sending_words(step: Step) -> list[str]:
    """What a mail's own window and late policy say."""
    own = [] if step.window is None else [window_words(step.window) or "at any time"]
    late = [f"skipped when more than {durations.words(step.late_after)} late"] if step.late_after else []
    return own + late


def calendar(version: SequenceVersion) -> str:
    """The steps that do something, with the day each comes on."""
    steps = {
        step.key: step
        for step in version.living_steps().select_related("template").prefetch_related("variants__template")
    }
    lines = outline(steps.values(), version.window)
    rows = [[when(line), line.key, what(steps[line.key])] for line in lines]
    return table(["When", "Step", "What"], rows) if rows else "No steps yet."


def when(line: Line) -> str:
    """When a step comes, and in which hours of the person's clock it may leave."""
    return f"{line.when} ({line.hours}, on the person's clock)" if line.hours else line.when


def what(step: Step) -> str:
    if step.kind != Step.Kind.SEND:
        return f"{step.get_kind_display()} {in_words(step)}"
    return " / ".join(each.template.name for each in step.variants.all()) or (
        step.template.name if step.template else "no mail chosen"
    )


@admin.register(SequenceVersion)
class SequenceVersionAdmin(ReleaseActions, RehearseActions, EditAdmin):
    """Reached from its sequence; there is no list of all versions."""

    form = VersionForm
    inlines = [StepInline]
    actions_detail = ["publish", "promote", "rehearse", "go_back"]
    readonly_fields = ["sequence_link", "state_badge", "filters_in_words", "problems", "calendar"]
    fieldsets = [
        (None, {"fields": [("sequence_link", "state_badge"), "problems"]}),
        (
            "Entry",
            {
                "fields": [
                    "triggers",
                    "filters",
                    "filters_in_words",
                    ("reentry", "reentry_after"),
                    ("key_property", "second_trigger"),
                    "grace",
                ]
            },
        ),
        ("Exit", {"fields": ["exits"]}),
        ("Control group", {"fields": ["holdout_percent"]}),
        ("Send window", {"fields": ["window"]}),
        ("Calendar of the saved steps", {"fields": ["calendar"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("sequence")

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """A step that was added and not dragged anywhere comes last."""
        steps = form.instance.steps
        for added in formset.extra_forms:
            if added.has_changed() and steps.filter(position=added.instance.position).exists():
                last = steps.aggregate(last=Max("position"))["last"]
                added.instance.position = last + 1 + formset.extra_forms.index(added)
        super().save_formset(request, form, formset, change)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        return redirect("admin:campaigns_sequence_changelist")

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # drafts are made on the sequence's page

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        published = is_published(obj) if isinstance(obj, SequenceVersion) else False
        return super().has_change_permission(request) and not published

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        published = is_published(obj) if isinstance(obj, SequenceVersion) else False
        return super().has_delete_permission(request) and not published

    @display(description="Sequence")
    def sequence_link(self, version: SequenceVersion) -> str:
        return admin_link(version.sequence)

    @display(description="State", label=badges.VERSION)
    def state_badge(self, version: SequenceVersion) -> str:
        return version.get_state_display()

    @display(description="In words")
    def filters_in_words(self, version: SequenceVersion) -> str:
        return english(version.filters, VOCABULARY)

    @display(description="To mend before it can be published")
    def problems(self, version: SequenceVersion) -> str:
        if is_published(version):
            return "Published. A version never changes; edit a draft on the sequence's page."
        found = problems_of(version)
        return (
            table(["Where", "What"], [[each.where, each.message] for each in found])
            if found
            else "Nothing: it can be published."
        )

    @display(description="Calendar")
    def calendar(self, version: SequenceVersion) -> str:
        return calendar(version)
