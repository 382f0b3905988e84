"""Sequences: how each is doing, and every way to change its course."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns import actions, exchange
from campaigns.admin import badges, versions
from campaigns.admin.arms import arms_table
from campaigns.admin.changes import BackfillTab, ChangeTab, ChangingActions, is_halted
from campaigns.admin.pausing import PausingActions
from campaigns.admin.rehearsals import RehearseActions
from campaigns.engine.outline import sending_days
from campaigns.experiments.holdouts import control_groups
from campaigns.models import Enrollment, ExclusiveGroup, Message, Sequence, SequenceVersion
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, NewestInline, admin_link, dialog
from lifecycle.core.admin.frames import reload_at


class ImportDialog(BaseDialogForm):
    text = forms.CharField(
        label="YAML",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16, "class": "code-box"}),
        help_text="One sequence with the mails it uses, as exported. A known slug gets a new draft.",
    )


class VersionTab(NewestInline):
    model = SequenceVersion
    verbose_name_plural = "versions"
    ordering = ["-number"]
    fields = ["number_link", "state", "published_at"]
    readonly_fields = ["number_link"]

    @display(description="Version")
    def number_link(self, version: SequenceVersion) -> str:
        return admin_link(version, f"Version {version.number}")


@admin.register(Sequence)
class SequenceAdmin(ChangingActions, PausingActions, RehearseActions, EditAdmin):
    list_display = ["name", "status_badge", "group", "priority", "inside", "left", "sent"]
    list_select_related = ["group"]
    list_filter = [("status", ChoicesDropdownFilter), "group"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [VersionTab, ChangeTab, BackfillTab]
    actions_list = ["import_yaml"]
    actions_detail = [
        "edit_draft",
        "publish",
        "rehearse",
        {"title": "Hold or go on", "icon": "pause", "items": ["pause", "freeze", "resume", "drain", "stop"]},
        {"title": "More", "icon": "more_horiz", "items": ["promote", "withdraw", "let_in", "export_yaml"]},
    ]
    fieldsets = [
        (None, {"fields": [("name", "slug"), "description", ("group", "priority")]}),
        ("How it is doing", {"fields": [("status_badge", "live_version"), "numbers"]}),
        ("Calendar", {"fields": ["days", "calendar"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = ["status_badge", "live_version", "numbers", "days", "calendar", "control_group", "trial", "halted"]
        return ["slug", *shown] if obj else shown

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.fieldsets[:1]
        compared = [("Does the mail work?", {"fields": ["control_group"]})] if control_groups([obj.pk]) else []
        halted = [("Stopped by itself", {"fields": ["halted"]})] if is_halted(obj) else []
        tried = [("On trial", {"fields": ["trial"]})] if obj.canary_version_id else []
        return [*halted, *self.fieldsets[:2], *tried, *compared, *self.fieldsets[2:]]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("group", "current_version", "canary_version")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        count(changes.result_list)
        return changes

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only what was never published: the history of the others stays."""
        return super().has_delete_permission(request, obj) and bool(obj and obj.current_version_id is None)

    @display(description="Status", label=badges.SEQUENCE)
    def status_badge(self, sequence: Sequence) -> str:
        return sequence.get_status_display()

    @display(description="Inside")
    def inside(self, sequence: Any) -> str:
        return f"{sequence.active_count:,}"

    @display(description="Ended")
    def left(self, sequence: Any) -> str:
        return f"{sequence.ended_count:,}"

    @display(description="Mails sent")
    def sent(self, sequence: Any) -> str:
        return f"{sequence.sent_count:,}"

    @display(description="So far")
    def numbers(self, sequence: Any) -> str:
        count([sequence])
        return f"{sequence.active_count:,} inside · {sequence.ended_count:,} ended · {sequence.sent_count:,} mails sent"

    @display(description="Version that people enter")
    def live_version(self, sequence: Sequence) -> str:
        version = sequence.current_version
        return admin_link(version, f"Version {version.number}") if version else "Not published yet"

    @display(description="Against the control group")
    def control_group(self, sequence: Sequence) -> SafeString:
        group = control_groups([sequence.pk])[sequence.pk]
        return format_html("{}{}", arms_table([group.treated, group.held_out], "People"), group.sentence)

    @display(description="Mails leave on")
    def days(self, sequence: Sequence) -> str:
        version = shown_version(sequence)
        return (sending_days(version.living_steps()) if version else "") or "No mails yet"

    @display(description="Steps")
    def calendar(self, sequence: Sequence) -> str:
        version = shown_version(sequence)
        return versions.calendar(version) if version else "Edit the draft to add steps."

    @action(
        description="Edit draft",
        url_path="draft",
        icon="edit",
        variant=ActionVariant.PRIMARY,
        permissions=["change"],
        dialog=dialog(
            "Edit the draft",
            "A draft is a copy of the published version. Nothing changes for anyone until you publish it.",
            "Open the draft",
        ),
    )
    def edit_draft(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponseBase:
        draft = actions.new_draft(Sequence.objects.get(pk=object_id))
        return reload_at(reverse("admin:campaigns_sequenceversion_change", args=[draft.pk]))

    @action(description="Export as YAML", url_path="export", icon="download", permissions=["view"])
    def export_yaml(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        sequence = Sequence.objects.get(pk=object_id)
        text = exchange.export_sequence(sequence.slug)
        return HttpResponse(
            text,
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{sequence.slug}.yaml"'},
        )

    @action(
        description="Import YAML",
        url_path="import",
        icon="upload",
        permissions=["add"],
        dialog=dialog("Import a sequence", "", "Import", ImportDialog),
    )
    def import_yaml(self, request: HttpRequest, form: ImportDialog) -> HttpResponseBase:
        try:
            sequence = exchange.import_sequence(form.cleaned_data["text"], now=clock.now())
            messages.success(request, f"{sequence} is imported.")
        except ValueError as refused:
            for problem in getattr(refused, "problems", [refused]):
                messages.error(request, f"Not imported. {problem}")
        return reload_at(reverse("admin:campaigns_sequence_changelist"))


def shown_version(sequence: Sequence) -> SequenceVersion | None:
    """The version people enter, else the draft."""
    return sequence.current_version or sequence.versions.first()


def count(sequences: Any) -> None:
    """Set the three counts on each sequence: two grouped queries for all of them."""
    ids = [sequence.pk for sequence in sequences]
    runs = Enrollment.objects.filter(sequence_id__in=ids).values("sequence_id")
    inside = Count("pk", filter=Q(state=Enrollment.State.ACTIVE))
    by_sequence = {row["sequence_id"]: row for row in runs.annotate(inside=inside, all=Count("pk"))}
    mails = Message.objects.filter(sequence_id__in=ids, state=Message.State.SENT).values_list("sequence_id")
    sent = dict(mails.annotate(Count("pk")))
    for sequence in sequences:
        row = by_sequence.get(sequence.pk, {"inside": 0, "all": 0})
        sequence.active_count = row["inside"]
        sequence.ended_count = row["all"] - row["inside"]
        sequence.sent_count = sent.get(sequence.pk, 0)


@admin.register(ExclusiveGroup)
class ExclusiveGroupAdmin(EditAdmin):
    list_display = ["name", "slug", "members"]
    prepopulated_fields = {"slug": ["name"]}
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("sequences")

    @display(description="Sequences, the strongest first")
    def members(self, group: ExclusiveGroup) -> str:
        ranked = sorted(group.sequences.all(), key=lambda sequence: -sequence.priority)
        return ", ".join(f"{sequence.name} ({sequence.priority})" for sequence in ranked) or "–"
