"""Who is in which sequence, and what became of each mail."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from campaigns.actions import exit_enrollment
from campaigns.admin import badges
from campaigns.broadcasts import control
from campaigns.models import Enrollment, Message
from campaigns.running import pausing
from campaigns.sending import outbox
from lifecycle.core import clock
from lifecycle.core.admin import InsertOnlyAdmin, admin_link, asking


class ExitQuestion(forms.Form):
    reason = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget, help_text="Kept as the exit reason of each run."
    )


@admin.register(Enrollment)
class EnrollmentAdmin(InsertOnlyAdmin):
    list_display = ["lead_link", "sequence", "state_badge", "step_key", "due_at", "enrolled_at", "exit_reason"]
    list_select_related = ["lead", "sequence"]
    list_filter = [
        ("sequence", AutocompleteSelectFilter),
        ("state", ChoicesDropdownFilter),
        ("enrolled_at", RangeDateTimeFilter),
    ]
    search_fields = ["=lead__email_normal", "=key"]
    search_help_text = "A whole address, or the key of the run."
    ordering = ["-id"]
    actions = ["exit"]
    fieldsets = [
        (None, {"fields": [("lead_link", "sequence"), ("state_badge", "version"), ("key", "enrolled_at")]}),
        ("Where it stands", {"fields": [("step_key", "step_since"), ("due_at", "is_waiting")]}),
        ("How it ended", {"fields": [("ended_at", "exit_reason"), "exit_link"]}),
        ("How it began", {"fields": [("entry_link", "goal_since"), "context"]}),
    ]
    readonly_fields = ["lead_link", "state_badge", "exit_link", "entry_link"]

    @display(description="Lead")
    def lead_link(self, run: Enrollment) -> str:
        return admin_link(run.lead)

    @display(description="State", label=badges.ENROLLMENT)
    def state_badge(self, run: Enrollment) -> str:
        return run.get_state_display()

    @display(description="Ended by the event")
    def exit_link(self, run: Enrollment) -> str:
        return admin_link(run.exit_event)

    @display(description="Begun by the event")
    def entry_link(self, run: Enrollment) -> str:
        return admin_link(run.entry_event)

    @admin.action(description="Take out of the sequence …", permissions=["act"])
    @asking(ExitQuestion, title="Take these people out of their sequence", submit="Take out")
    def exit(self, request: HttpRequest, rows: "QuerySet[Enrollment]", form: ExitQuestion) -> None:
        now = clock.now()
        running = rows.filter(state=Enrollment.State.ACTIVE)
        ended = sum(exit_enrollment(run, reason=form.cleaned_data["reason"], now=now) for run in running)
        messages.success(request, f"{ended} left their sequence. Nothing of it is sent to them any more.")

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_enrollment")


@admin.register(Message)
class MessageAdmin(InsertOnlyAdmin):
    list_display = ["lead_link", "what", "sequence", "state_badge", "reason", "due_at", "sent_at"]
    list_select_related = ["lead", "sequence", "template_version__template"]
    list_filter = [
        ("state", ChoicesDropdownFilter),
        "is_held",
        ("message_class", ChoicesDropdownFilter),
        ("sequence", AutocompleteSelectFilter),
        ("due_at", RangeDateTimeFilter),
    ]
    search_fields = ["=lead__email_normal", "=key", "=provider_id"]
    search_help_text = "A whole address, message key or the provider's id."
    ordering = ["-id"]
    actions = ["send_again", "hold", "let_go"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("lead_link", "what"),
                    ("state_badge", "reason"),
                    ("sequence", "step_key"),
                    ("variant_key", "message_class"),
                ]
            },
        ),
        ("When", {"fields": [("created_at", "due_at"), ("sent_at", "expires_at"), ("claimed_at", "settled_at")]}),
        ("How", {"fields": [("attempts", "provider_id"), ("key", "template_version"), "context"]}),
    ]
    readonly_fields = ["lead_link", "what", "state_badge"]

    @display(description="Lead")
    def lead_link(self, message: Message) -> str:
        return admin_link(message.lead)

    @display(description="Mail")
    def what(self, message: Message) -> str:
        return message.subject or message.template_version.template.name

    @display(description="State", label=badges.MESSAGE)
    def state_badge(self, message: Message) -> str:
        return message.get_state_display()

    @admin.action(description="Hold (only what waits to be sent)", permissions=["act"])
    def hold(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        count = pausing.hold(list(rows.values_list("pk", flat=True)))
        messages.success(request, f"{count} held until somebody lets them go.")

    @admin.action(description="Let go (only what is held by hand)", permissions=["act"])
    def let_go(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        ids = list(rows.values_list("pk", flat=True))
        count = pausing.let_go(ids) + control.let_go(ids)
        messages.success(request, f"{count} go on. What a sequence or broadcast holds goes on with it.")

    @admin.action(description="Send again (only what failed or is unknown)", permissions=["act"])
    def send_again(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        ids = list(rows.values_list("pk", flat=True))
        count = outbox.requeue(ids, now=clock.now())
        skipped = len(ids) - count
        messages.success(
            request, f"{count} will be sent again." + (f" {skipped} had another state and stay." if skipped else "")
        )

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_message")
