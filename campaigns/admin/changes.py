"""A sequence's history, the trial of a canary, and the people whom a launch lets in."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from campaigns import launching
from campaigns.admin.releases import release_url
from campaigns.editing import canary, guarding
from campaigns.editing.canary import Figures
from campaigns.editing.publishing import PublishRefused
from campaigns.launching import LaunchRefused
from campaigns.models import Backfill, BackfillEntry, Sequence, SequenceChange, SequenceVersion
from lifecycle.core import clock
from lifecycle.core.admin import InsertOnlyAdmin, NewestInline, admin_link, dialog, table
from lifecycle.core.admin.frames import reload_page


class ChangeTab(NewestInline):
    model = SequenceChange
    verbose_name_plural = "history"
    ordering = ["-at", "-id"]
    fields = ["at", "action", "version_link", "who", "reason", "figures"]
    readonly_fields = ["version_link", "who", "figures"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("actor", "version__sequence")

    @display(description="Version")
    def version_link(self, line: SequenceChange) -> str:
        return admin_link(line.version, line.version.number if line.version else "")

    @display(description="By")
    def who(self, line: SequenceChange) -> str:
        return line.actor.get_username() if line.actor else "the system"

    @display(description="In figures")
    def figures(self, line: SequenceChange) -> str:
        shown = {name.replace("_", " "): value for name, value in line.detail.items() if value not in (None, "", 0)}
        return ", ".join(f"{name} {value}" for name, value in shown.items()) or "–"


class BackfillTab(NewestInline):
    model = Backfill
    verbose_name_plural = "launches"
    ordering = ["-created_at"]
    fields = ["began", "mode", "matched", "standing"]
    readonly_fields = ["began", "standing"]

    @display(description="Begun")
    def began(self, backfill: Backfill) -> str:
        return admin_link(backfill, f"{backfill.created_at:%Y-%m-%d %H:%M}")

    @display(description="So far")
    def standing(self, backfill: Backfill) -> str:
        return so_far(backfill)


def so_far(backfill: Backfill) -> str:
    done = launching.progress(backfill)
    return f"{done.entered:,} entered · {done.waiting:,} wait for their turn · {done.refused:,} refused"


class EntryTab(NewestInline):
    model = BackfillEntry
    verbose_name_plural = "people"
    ordering = ["due_at", "id"]
    fields = ["lead_link", "state", "reason", "since", "due_at"]
    readonly_fields = ["lead_link"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("lead")

    @display(description="Lead")
    def lead_link(self, entry: BackfillEntry) -> str:
        return admin_link(entry.lead)


@admin.register(Backfill)
class BackfillAdmin(InsertOnlyAdmin):
    """Reached from its sequence."""

    inlines = [EntryTab]
    actions_detail = ["stop"]
    fieldsets = [
        (None, {"fields": [("sequence_link", "mode"), ("sample", "per_hour"), ("created_at", "stopped_at")]}),
        ("How far it is", {"fields": ["standing", "refusals"]}),
    ]
    readonly_fields = ["sequence_link", "standing", "refusals"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        return redirect("admin:campaigns_sequence_changelist")

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("sequence")

    @display(description="Sequence")
    def sequence_link(self, backfill: Backfill) -> str:
        return admin_link(backfill.sequence)

    @display(description="So far")
    def standing(self, backfill: Backfill) -> str:
        return f"{backfill.matched:,} matched · {so_far(backfill)}"

    @display(description="Refused because")
    def refusals(self, backfill: Backfill) -> str:
        rows = [[reason, f"{count:,}"] for reason, count in launching.progress(backfill).refusals.items()]
        return table(["Reason", "People"], rows) if rows else "Nobody was refused."

    def has_stop_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """By a method: a permission named in full would be looked up in the database before it is there."""
        return request.user.has_perm("campaigns.change_sequence")

    @action(
        description="Stop letting people in",
        url_path="stop",
        icon="stop_circle",
        permissions=["stop"],
        dialog=dialog("Stop letting people in", "Nobody else enters. Who is inside stays.", "Stop"),
    )
    def stop(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        backfill = Backfill.objects.select_related("sequence").get(pk=object_id)
        left = launching.stop(backfill, actor=request.user, now=clock.now())  # type: ignore[arg-type]
        messages.success(request, f"Stopped; {left:,} were still waiting." if left else "Nobody was waiting any more.")
        return reload_page(request, backfill)


class WithdrawDialog(BaseDialogForm):
    people = forms.ChoiceField(
        choices=[
            ("back", "They go on in the current version"),
            ("stay", "They end on the version that was tried"),
            ("exit", "Their runs end"),
        ],
        widget=UnfoldAdminSelectWidget,
        label="The people inside it",
    )
    reason = forms.CharField(max_length=250, required=False, widget=UnfoldAdminTextInputWidget)


class LetInDialog(BaseDialogForm):
    mode = forms.ChoiceField(choices=Backfill.Mode.choices, widget=UnfoldAdminSelectWidget, label="Who")
    sample = forms.IntegerField(
        min_value=1, required=False, widget=UnfoldAdminIntegerFieldWidget, label="Size of the sample"
    )
    per_hour = forms.IntegerField(
        min_value=1, required=False, widget=UnfoldAdminIntegerFieldWidget, label="At most so many an hour"
    )


LABELS = {"current": "Current", "canary": "On trial"}


def figures_table(shown: dict[str, Figures]) -> SafeString:
    """Versions side by side, with each figure's share of the mails."""

    def share(found: Figures, name: str) -> str:
        return f"{getattr(found, name):,} ({found.rate(name):.1%})"

    names = ("clicked", "bounced", "complained", "unsubscribed")
    rows = [
        [LABELS[name], f"{each.entered:,}", f"{each.sent:,}", *(share(each, figure) for figure in names)]
        for name, each in shown.items()
    ]
    return table(["Version", "Entered", "Mails", "Clicked", "Hard bounces", "Complaints", "Opt-outs"], rows)


def is_halted(sequence: Sequence) -> bool:
    """Whether the watch over reports stopped something of it that nobody has looked at yet."""
    return any(line.sequence_id == sequence.pk for line in guarding.standing(now=clock.now()))


class ChangingActions:
    """What a sequence's page offers besides pausing: publishing, the trial of a version, letting people in."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """What stopped by itself is said on the list until somebody has looked at it."""
        for line in guarding.standing(now=clock.now()) if request.method == "GET" else ():
            what = "its trial was ended" if line.detail.get("what") == "canary" else "stopped by itself"
            messages.error(request, f"{line.sequence.name}: {what}. {line.reason}.")
        return super().changelist_view(request, extra_context)  # type: ignore[misc]

    @display(description="Trial")
    def trial(self, sequence: Sequence) -> SafeString:
        version = sequence.canary_version
        assert version is not None
        return format_html(
            "<p>{} is tried on {} % of the people who enter, since {}. "
            '<a class="text-link" href="{}">Promote it …</a></p>{}',
            admin_link(version, f"Version {version.number}"),
            sequence.canary_percent,
            f"{sequence.canary_since:%Y-%m-%d %H:%M}",
            release_url(version),
            figures_table(canary.side_by_side(sequence)),
        )

    @display(description="Needs a look")
    def halted(self, sequence: Sequence) -> SafeString:
        lines = [line for line in guarding.standing(now=clock.now()) if line.sequence_id == sequence.pk]
        said = ((f"{line.at:%Y-%m-%d %H:%M}", line.reason) for line in lines)
        return format_html_join("", "<p><strong>{}</strong> {}</p>", said)

    @action(description="Publish …", url_path="publish", icon="publish", permissions=["change"])
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        draft = SequenceVersion.objects.filter(sequence_id=object_id, state=SequenceVersion.State.DRAFT).first()
        if draft is None:
            messages.warning(request, "There is no draft to publish. Edit the draft first.")
            return redirect("admin:campaigns_sequence_change", object_id)
        return redirect(release_url(draft))

    @action(description="Promote the trial …", url_path="promote", icon="verified", permissions=["trial"])
    def promote(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        sequence = Sequence.objects.select_related("canary_version").get(pk=object_id)
        if sequence.canary_version is None:
            messages.warning(request, "No version is being tried.")
            return redirect("admin:campaigns_sequence_change", object_id)
        return redirect(release_url(sequence.canary_version))

    @action(
        description="Withdraw the trial",
        url_path="withdraw",
        icon="undo",
        permissions=["trial"],
        dialog=dialog("Withdraw the trial", "Everybody enters the current version again.", "Withdraw", WithdrawDialog),
    )
    def withdraw(self, request: HttpRequest, form: WithdrawDialog, object_id: str) -> HttpResponseBase:
        sequence, given = Sequence.objects.get(pk=object_id), form.cleaned_data
        try:
            canary.withdraw(
                sequence,
                people=given["people"],
                reason=given["reason"],
                actor=request.user,  # type: ignore[arg-type]
                now=clock.now(),
            )
            messages.success(request, "The trial is over. Everybody enters the current version.")
        except PublishRefused as refused:
            messages.error(request, str(refused))
        return reload_page(request, sequence)

    @action(
        description="Let in who matches already",
        url_path="let-in",
        icon="group_add",
        permissions=["change"],
        dialog=dialog(
            "Let in who matches already",
            "People for whom a trigger came before, or who are in its segment. Filters, re-entry and groups apply.",
            "Let them in",
            LetInDialog,
        ),
    )
    def let_in(self, request: HttpRequest, form: LetInDialog, object_id: str) -> HttpResponseBase:
        sequence, given = Sequence.objects.get(pk=object_id), form.cleaned_data
        try:
            begun = launching.start(
                sequence,
                mode=given["mode"],
                sample=given["sample"],
                per_hour=given["per_hour"],
                actor=request.user,  # type: ignore[arg-type]
                now=clock.now(),
            )
            messages.success(request, f"{begun.matched:,} people enter in their turn.")
        except LaunchRefused as refused:
            messages.error(request, f"Nobody was let in. {refused}")
        return reload_page(request, sequence)

    def has_trial_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        tried = Sequence.objects.filter(pk=object_id or 0, canary_version__isnull=False).exists()
        return tried and request.user.has_perm("campaigns.change_sequence")
