"""Points and stages as rules that a marketer edits; each is shown as the sentence it means."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from leads.models import ScoreEntry, ScoreGroup, ScoreRule, StageRule
from leads.models.lead import Stage
from leads.rule_fields import VOCABULARY
from lifecycle.core.admin import EditAdmin, InsertOnlyAdmin, RuleField, WhereField, admin_link, english

CONDITION_HELP = (
    'A rule as JSON; {} is always. Field test: {"field": "company_size", "op": "between", "value": [50, 500]}. '
    'Event test: {"event": "pricing.viewed", "at_least": 3, "within": "7d"}. Joined by all, any, not.'
)
WHERE_HELP = (
    'Tests on the event\'s properties: [{"property": "plan", "op": "eq", "value": "pro"}]. Empty fits every one.'
)


def trigger_in_words(kind: str, where: Any, condition: Any) -> str:
    """What must happen and hold, as one sentence."""
    happens = english({"event": kind, "where": where or []}, VOCABULARY) if kind else ""
    holds = english(condition, VOCABULARY) if condition else ""
    return ", and ".join(part for part in (happens, holds) if part) or "Always"


class ConditionForm(forms.ModelForm):  # type: ignore[type-arg]
    where = WhereField(vocabulary=VOCABULARY, label="Where", help_text=WHERE_HELP)
    condition = RuleField(vocabulary=VOCABULARY, label="Condition", help_text=CONDITION_HELP)


class ScoreRuleForm(ConditionForm):
    class Meta:
        model = ScoreRule
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        group = data.get("group")
        if group and group.dimension == "intent" and not data.get("event_kind"):
            raise ValidationError({"event_kind": "Intent is earned by something that happens: name the event."})
        if group and group.dimension == "fit" and data.get("event_kind"):
            raise ValidationError({"event_kind": "Fit is what somebody is, not what they do: leave the event empty."})
        if (data.get("limit_times") is None) != (data.get("limit_days") is None):
            raise ValidationError({"limit_days": "A limit needs both numbers: so many times in so many days."})
        return data


@admin.register(ScoreRule)
class ScoreRuleAdmin(EditAdmin):
    form = ScoreRuleForm
    list_display = ["name", "signed", "group", "in_words", "limit", "is_active"]
    list_select_related = ["group"]
    list_filter = ["group", "is_active"]
    search_fields = ["name", "slug", "event_kind"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["in_words"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "group", "points", "is_active"]}),
        ("When", {"fields": ["event_kind", "where", "condition", "in_words"]}),
        ("Limit", {"fields": [("limit_times", "limit_days")]}),
    ]

    @display(description="Points", ordering="points")
    def signed(self, rule: ScoreRule) -> str:
        return f"{rule.points:+d}"

    @display(description="In words")
    def in_words(self, rule: ScoreRule) -> str:
        return trigger_in_words(rule.event_kind, rule.where, rule.condition)

    @display(description="Limit")
    def limit(self, rule: ScoreRule) -> str:
        return f"{rule.limit_times} in {rule.limit_days} days" if rule.limit_times else "–"


@admin.register(ScoreGroup)
class ScoreGroupAdmin(EditAdmin):
    list_display = ["name", "dimension", "cap"]
    prepopulated_fields = {"slug": ["name"]}
    search_fields = ["name"]


@admin.register(ScoreEntry)
class ScoreEntryAdmin(InsertOnlyAdmin):
    list_display = ["lead_link", "signed", "why", "dimension", "at"]
    list_select_related = ["lead", "rule"]
    list_filter = ["dimension", "reason", ("at", RangeDateTimeFilter)]
    search_fields = ["=lead__email_normal"]
    search_help_text = "A whole address."
    ordering = ["-id"]
    fields = ["lead_link", "dimension", "reason", "rule", "event_link", "points", "at"]
    readonly_fields = ["lead_link", "event_link"]

    @display(description="Lead")
    def lead_link(self, entry: ScoreEntry) -> str:
        return admin_link(entry.lead)

    @display(description="Event")
    def event_link(self, entry: ScoreEntry) -> str:
        return admin_link(entry.event)

    @display(description="Points")
    def signed(self, entry: ScoreEntry) -> str:
        return f"{entry.points:+d}"

    @display(description="Reason")
    def why(self, entry: ScoreEntry) -> str:
        return entry.rule.name if entry.rule else entry.get_reason_display()


class StageRuleForm(ConditionForm):
    from_stages = forms.MultipleChoiceField(
        choices=Stage.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Moves a lead that is in one of these.",
    )

    class Meta:
        model = StageRule
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("to") in data.get("from_stages", []):
            raise ValidationError({"from_stages": "A rule cannot move a lead to the stage it is in."})
        return data


@admin.register(StageRule)
class StageRuleAdmin(EditAdmin):
    form = StageRuleForm
    list_display = ["name", "arrow", "in_words", "swept", "is_active", "position"]
    list_filter = ["to", "is_active"]
    search_fields = ["name", "slug", "event_kind"]
    ordering_field = "position"
    hide_ordering_field = True
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["in_words"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "from_stages", "to", "reason", "is_active"]}),
        ("When", {"fields": ["event_kind", "where", "condition", "in_words", "swept"]}),
    ]

    @display(description="Move")
    def arrow(self, rule: StageRule) -> str:
        return f"{', '.join(rule.from_stages)} → {rule.to}"

    @display(description="In words")
    def in_words(self, rule: StageRule) -> str:
        return trigger_in_words(rule.event_kind, rule.where, rule.condition)
