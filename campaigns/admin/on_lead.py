"""What campaigns add to a lead's page: its runs, its mails, and the way into a sequence by hand."""

from collections import Counter
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns.actions import enroll
from campaigns.consent import suppressing
from campaigns.models import Enrollment, Message, Sequence
from leads.admin.lead import LeadAdmin
from leads.models import Lead
from lifecycle.core import clock
from lifecycle.core.admin import NewestInline, asking


class EnrollmentTab(NewestInline):
    model = Enrollment
    verbose_name_plural = "sequences"
    ordering = ["-enrolled_at", "-id"]
    fields = ["sequence_name", "state", "step_key", "due_at", "enrolled_at", "exit_reason"]
    readonly_fields = ["sequence_name"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("sequence")

    @display(description="Sequence")
    def sequence_name(self, run: Enrollment) -> str:
        return run.sequence.name


class MessageTab(NewestInline):
    model = Message
    verbose_name_plural = "mails"
    ordering = ["-id"]
    fields = ["mail", "from_sequence", "state", "reason", "due_at", "sent_at"]
    readonly_fields = ["mail", "from_sequence"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("sequence", "template_version__template")

    @display(description="Mail")
    def mail(self, message: Message) -> str:
        return message.subject or message.template_version.template.name

    @display(description="Sequence")
    def from_sequence(self, message: Message) -> str:
        return message.sequence.name if message.sequence else "–"


class SequenceQuestion(forms.Form):
    sequence = forms.ModelChoiceField(
        queryset=Sequence.objects.filter(status=Sequence.Status.LIVE),
        widget=UnfoldAdminSelectWidget,
        empty_label="Choose a live sequence",
        help_text="Its filters, re-entry rule and exclusive group apply as always.",
    )


@admin.action(description="Put into a sequence …", permissions=["change"])
@asking(SequenceQuestion, title="Put these leads into a sequence", submit="Enroll")
def enroll_chosen(admin: Any, request: HttpRequest, rows: "QuerySet[Lead]", form: SequenceQuestion) -> None:
    now = clock.now()
    outcomes = [enroll(lead, form.cleaned_data["sequence"], now=now) for lead in rows.iterator()]
    for (result, reason), count in Counter((each.result, each.reason) for each in outcomes).most_common(6):
        say = messages.success if result == "enrolled" else messages.warning
        say(request, f"{count} {result}{f': {reason}' if reason else ''}.")


class OptOutQuestion(forms.Form):
    reason = forms.CharField(
        max_length=50, widget=UnfoldAdminTextInputWidget, help_text="Kept with the opt-out, and with what it ends."
    )


@admin.action(description="Opt out for good …", permissions=["change"])
@asking(OptOutQuestion, title="No marketing mail to these people ever again, unless they ask", submit="Opt out")
def opt_out_chosen(admin: Any, request: HttpRequest, rows: "QuerySet[Lead]", form: OptOutQuestion) -> None:
    now, source = clock.now(), f"admin:{request.user.get_username()}"[:60]
    reason = f"by hand: {form.cleaned_data['reason']}"
    new = sum(
        suppressing.suppress(hashed, scope="marketing", reason=reason, source=source, now=now)
        for hashed in rows.values_list("address_hash", flat=True)
    )
    messages.success(
        request, f"{new} opted out. Mail that they asked for themselves still comes." if new else "Opted out already."
    )


LeadAdmin.add_tab(EnrollmentTab)
LeadAdmin.add_tab(MessageTab)
LeadAdmin.add_action(enroll_chosen)
LeadAdmin.add_action(opt_out_chosen)
