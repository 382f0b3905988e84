"""Who gets a lead, and what sales was told."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from leads.rule_fields import VOCABULARY
from lifecycle.core.admin import EditAdmin, InsertOnlyAdmin, RuleField, admin_link, english
from lifecycle.sales.models import Alert, AssignmentRule


class AssignmentRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    condition = RuleField(vocabulary=VOCABULARY, label="For leads", help_text="A rule as JSON; {} fits every lead.")
    reps = forms.ModelMultipleChoiceField(
        queryset=get_user_model().objects.none(),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="They get these leads in turn.",
    )

    class Meta:
        model = AssignmentRule
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reps" in self.fields:
            staff = get_user_model().objects.filter(is_active=True, is_staff=True).order_by("username")
            self.fields["reps"].queryset = staff  # type: ignore[attr-defined]


@admin.register(AssignmentRule)
class AssignmentRuleAdmin(EditAdmin):
    form = AssignmentRuleForm
    list_display = ["name", "in_words", "who", "turns", "is_active", "position"]
    ordering_field = "position"
    hide_ordering_field = True
    readonly_fields = ["in_words", "turns"]
    fieldsets = [(None, {"fields": ["name", "is_active", "condition", "in_words", "reps", "turns"]})]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("reps")

    @display(description="In words")
    def in_words(self, rule: AssignmentRule) -> str:
        return english(rule.condition, VOCABULARY)

    @display(description="In turn to")
    def who(self, rule: AssignmentRule) -> str:
        return ", ".join(str(rep) for rep in rule.reps.all()) or "nobody"


@admin.register(Alert)
class AlertAdmin(InsertOnlyAdmin):
    list_display = ["headline", "kind", "lead_link", "to_email", "state_badge", "created_at", "sent_at"]
    list_select_related = ["lead"]
    list_filter = [
        ("kind", ChoicesDropdownFilter),
        ("state", ChoicesDropdownFilter),
        ("created_at", RangeDateTimeFilter),
    ]
    search_fields = ["=lead__email_normal", "=to_email"]
    search_help_text = "A whole address, the lead's or the rep's."
    ordering = ["-id"]
    fields = [
        "headline",
        "kind",
        "lead_link",
        "why",
        "to_email",
        "state",
        "attempts",
        "detail",
        "created_at",
        "due_at",
        "sent_at",
    ]
    readonly_fields = ["lead_link", "why"]

    @display(description="Lead")
    def lead_link(self, alert: Alert) -> str:
        return admin_link(alert.lead)

    @display(description="State", label={"Sent": "success", "Failed": "danger", "Unknown": "danger", "Ready": "info"})
    def state_badge(self, alert: Alert) -> str:
        return alert.get_state_display()

    @display(description="Reasons")
    def why(self, alert: Alert) -> str:
        return " · ".join(str(reason) for reason in alert.reasons) or "–"
