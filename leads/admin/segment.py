"""Segments: a rule, the sentence it means, and how many people it holds right now."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from leads.admin.scoring import CONDITION_HELP
from leads.models import Event, Lead, Segment, SegmentMember
from leads.rule_fields import VOCABULARY
from lifecycle.core import clock, rules
from lifecycle.core.admin import EditAdmin, RuleField, admin_link, counted, english, table

PREVIEWED = 10


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    rule = RuleField(vocabulary=VOCABULARY, label="Rule", help_text=CONDITION_HELP)

    class Meta:
        model = Segment
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose


def matching(segment: Segment) -> "QuerySet[Lead] | None":
    """The people the stored rule holds for now; None when the rule cannot be used."""
    try:
        rule = rules.parse(segment.rule, VOCABULARY)
    except rules.RuleError:
        return None
    return Lead.objects.filter(rule.q(clock.now(), events=Event.objects.all()))


@admin.register(Segment)
class SegmentAdmin(EditAdmin):
    form = SegmentForm
    list_display = ["name", "in_words", "member_count", "refreshed_at", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["in_words", "preview", "version", "refreshed_at"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "is_active"]}),
        ("Who belongs to it", {"fields": ["rule", "in_words"]}),
        ("People", {"fields": ["preview", ("version", "refreshed_at")]}),
    ]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Segment]":
        return super().get_queryset(request).annotate(members_now=counted(SegmentMember.objects.all(), "segment"))

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        if change and "rule" in form.changed_data:
            obj.renew()
        if "is_active" in form.changed_data:
            obj.refreshed_at = None  # the next tick lets its members in, or go
        super().save_model(request, obj, form, change)

    @display(description="In words")
    def in_words(self, segment: Segment) -> str:
        return english(segment.rule, VOCABULARY)

    @display(description="Members", ordering="members_now")
    def member_count(self, segment: Any) -> str:
        return f"{segment.members_now:,}"

    @display(description="By the saved rule, right now")
    def preview(self, segment: Segment) -> str:
        people = matching(segment) if segment.pk else None
        if people is None:
            return "Save the segment to see who belongs to it."
        count = people.count()
        newest = people.select_related(None).order_by("-pk")[:PREVIEWED]
        rows = [[admin_link(lead), lead.full_name or "–", lead.get_stage_display(), lead.score] for lead in newest]
        return table([f"{count:,} people, for example", "Name", "Stage", "Score"], rows) if count else "Nobody yet."
