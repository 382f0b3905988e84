"""A step's own page: everything a step of its kind can say, and the variants of a mail."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from unfold.admin import TabularInline
from unfold.decorators import display

from campaigns.admin.windows import WindowField
from campaigns.models import SequenceVersion, Step, Variant
from leads.rule_fields import VOCABULARY
from lifecycle.core.admin import EditAdmin, RuleField, WhereField, admin_link, english
from lifecycle.core.admin.rule_fields import CodeField
from lifecycle.core.admin.spans import OffsetField, SpanField

# What the fields of a kind are; the page shows these and no others.
FIELDS_OF_KIND: dict[str, list[str]] = {
    Step.Kind.SEND: ["template", "journey_stage", "window", "late_after"],
    Step.Kind.WAIT: ["duration", "from_enrollment"],
    Step.Kind.WAIT_CALENDAR: ["weekday", "time_of_day"],
    Step.Kind.WAIT_DATE: ["date_field", "date_property", "offset", "else_key"],
    Step.Kind.WAIT_EVENT: ["event_kind", "where", "duration", "then_key", "else_key"],
    Step.Kind.BRANCH: ["condition", "in_words", "then_key", "else_key"],
    Step.Kind.SET: ["field", "value"],
    Step.Kind.NOTIFY: ["message"],
    Step.Kind.TASK: ["message"],
    Step.Kind.WEBHOOK: ["url"],
    Step.Kind.ENROLL: ["target"],
    Step.Kind.EXIT: ["target"],
    Step.Kind.END: [],
}


def is_published(version: SequenceVersion | None) -> bool:
    return version is not None and version.state == SequenceVersion.State.PUBLISHED


class StepForm(forms.ModelForm):  # type: ignore[type-arg]
    duration = SpanField(label="How long", help_text="Like 30m, 2h or 7d. For an event: the longest wait.")
    where = WhereField(
        vocabulary=VOCABULARY, label="Where", help_text="Tests on the event's properties; empty fits all."
    )
    condition = RuleField(vocabulary=VOCABULARY, since_enrollment=True, label="If", help_text="The rule that decides.")
    offset = OffsetField(
        label="How far from it", help_text="-1h is an hour before the date, 3d three days after it, 0d the date itself."
    )
    window = WindowField(
        has_own=True,
        label="May leave",
        help_text="On the person's own clock; marketing only. No weekday ticked means every day.",
    )
    late_after = SpanField(
        label="Skip when later than",
        help_text="Like 2h. Counted from when the mail was planned. Empty: it is sent however late it is.",
    )
    value = CodeField(empty=None, rows=2, label="Value", help_text='As JSON: true, 5, "text".')

    class Meta:
        model = Step
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose
        labels = {"date_field": "A date of the person", "date_property": "Or a date of the event"}
        help_texts = {
            "field": "A field of the lead, attributes.<name>, or sunset: true lets marketing mail rest until the "
            "person acts (never for clients), false lets it come again.",
            "date_field": "Like attributes.renewal_date. Without an hour it is midnight on the person's clock.",
            "date_property": "A property of what enrolled, like starts_at. A later event that moves it moves the wait.",
            "else_key": "Step when false, when time ran out, or when the date was past already. Empty: next.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Without the fields of other kinds: what the page does not show must not be asked for."""
        super().__init__(*args, **kwargs)
        for name in self.fields.keys() - {"key", "kind", *FIELDS_OF_KIND.get(self.instance.kind, [])}:
            del self.fields[name]


class VariantInline(TabularInline):
    model = Variant
    fields = ["key", "weight", "template", "subject", "time_of_day"]
    autocomplete_fields = ["template"]
    extra = 0
    verbose_name_plural = "variants (instead of the one mail above; shares by weight)"


@admin.register(Step)
class StepAdmin(EditAdmin):
    """Reached from its sequence's draft; there is no list of all steps."""

    form = StepForm
    autocomplete_fields = ["template"]
    readonly_fields = ["sequence_link", "in_words"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        own = FIELDS_OF_KIND.get(obj.kind, []) if obj else []
        return [
            (None, {"fields": ["sequence_link", ("key", "kind")]}),
            *([("What it does", {"fields": own})] if own else []),
        ]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return [VariantInline] if obj and obj.kind == Step.Kind.SEND else []

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("version__sequence", "template")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        return redirect("admin:campaigns_sequence_changelist")

    def response_post_save_change(self, request: HttpRequest, obj: Step) -> HttpResponseBase:
        return redirect("admin:campaigns_sequenceversion_change", obj.version_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # steps are added in their draft

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and is_published(obj.version))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and is_published(obj.version))

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {}

    @display(description="Of")
    def sequence_link(self, step: Step) -> str:
        return admin_link(step.version) if step.pk else "–"

    @display(description="In words")
    def in_words(self, step: Step) -> str:
        return english(step.condition, VOCABULARY, since_enrollment=True)
