"""What a broadcast's page is made of: its fields, its mails, its sendings and its history."""

from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from campaigns.admin.broadcast_runs import bar, clicks
from campaigns.admin.windows import WindowField
from campaigns.models import Broadcast, BroadcastChange, BroadcastRun, BroadcastVariant
from leads.rule_fields import VOCABULARY
from lifecycle.core.admin import NewestInline, RuleField, admin_link
from lifecycle.core.admin.spans import SpanField


class BroadcastForm(forms.ModelForm):  # type: ignore[type-arg]
    excluded_rule = RuleField(
        vocabulary=VOCABULARY, label="Leave out by rule", help_text="Whom this rule fits is left out. Empty: nobody."
    )
    window = WindowField(
        label="May leave", help_text="On the person's own clock. No weekday ticked means every day; no hours, any time."
    )
    late_after = SpanField(
        label="Skip when later than",
        help_text="Like 2h. Counted from when the mail was planned. Empty: it is sent however late it is.",
    )
    test_wait = SpanField(label="Try for", required=True, help_text="Like 4h. Then the winner goes to the others.")

    class Meta:
        model = Broadcast
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose

    def clean_excluded_rule(self) -> Any:
        return self.cleaned_data["excluded_rule"] or None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("send_at") and data.get("crontab"):
            self.add_error("send_at", "Choose either a moment or a crontab.")
        return data


class MailInline(TabularInline):
    model = BroadcastVariant
    fields = ["key", "template", "subject", "weight", "position"]
    autocomplete_fields = ["template"]
    extra = 0
    verbose_name = "mail"
    verbose_name_plural = "several mails (instead of the one above): variants, or a series"


class RunTab(NewestInline):
    model = BroadcastRun
    verbose_name_plural = "sendings"
    ordering = ["-occurs_at"]
    fields = ["run_link", "state", "progress", "clicked"]
    readonly_fields = ["run_link", "progress", "clicked"]

    @display(description="Meant for")
    def run_link(self, run: BroadcastRun) -> str:
        return admin_link(run, f"{run.occurs_at:%d %b %Y, %H:%M} UTC")

    @display(description="Recipients")
    def progress(self, run: BroadcastRun) -> str:
        return bar(run)

    @display(description="Clicked")
    def clicked(self, run: BroadcastRun) -> str:
        return clicks(run)


class ChangeTab(NewestInline):
    model = BroadcastChange
    verbose_name_plural = "history"
    ordering = ["-id"]
    fields = ["at", "action", "actor", "reason", "touched"]
    readonly_fields = ["touched"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("actor")

    @display(description="How many")
    def touched(self, change: BroadcastChange) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in change.detail.items()) or "–"
