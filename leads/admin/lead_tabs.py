"""The tabs of a lead's page: what the caches on the lead were made of. History, so none of it is edited."""

from typing import Any

from django.utils.html import format_html
from unfold.decorators import display

from leads.models import Event, ScoreEntry, SegmentMember, StageChange, Touch, Visitor
from lifecycle.core.admin import NewestInline


class TouchTab(NewestInline):
    model = Touch
    verbose_name_plural = "touches"
    ordering = ["-occurred_at", "-id"]
    fields = ["occurred_at", "kind", "source", "medium", "campaign", "by", "where_from", "landing_path", "device"]
    readonly_fields = ["by", "where_from"]

    @display(description="Form or mail")
    def by(self, touch: Touch) -> str:
        return touch.form or touch.mail or "–"

    @display(description="Referrer")
    def where_from(self, touch: Touch) -> str:
        return touch.referrer or "–"


class ScoreTab(NewestInline):
    model = ScoreEntry
    verbose_name_plural = "score"
    ordering = ["-at", "-id"]
    fields = ["at", "signed", "why", "dimension", "event_kind"]
    readonly_fields = ["signed", "why", "event_kind"]

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("rule", "event")

    @display(description="Points")
    def signed(self, entry: ScoreEntry) -> str:
        return format_html('<b class="{}">{}</b>', "up" if entry.points > 0 else "down", f"{entry.points:+d}")

    @display(description="Reason")
    def why(self, entry: ScoreEntry) -> str:
        return entry.rule.name if entry.rule else entry.get_reason_display()

    @display(description="Event")
    def event_kind(self, entry: ScoreEntry) -> str:
        return entry.event.kind if entry.event else "–"


class StageTab(NewestInline):
    model = StageChange
    verbose_name_plural = "stages"
    ordering = ["-at", "-id"]
    fields = ["at", "before", "after", "reason", "who"]
    readonly_fields = ["who"]

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("actor", "rule")

    @display(description="By")
    def who(self, change: StageChange) -> str:
        return change.actor.get_username() if change.actor else f"rule: {change.rule}" if change.rule else "engine"


class EventTab(NewestInline):
    model = Event
    fk_name = "lead"
    verbose_name_plural = "timeline"
    ordering = ["-occurred_at", "-id"]
    fields = ["occurred_at", "kind", "source", "what"]
    readonly_fields = ["what"]

    @display(description="Properties")
    def what(self, event: Event) -> str:
        pairs = [f"{name}: {value}" for name, value in event.properties.items()]
        text = " · ".join(pairs)
        return text if len(text) <= 240 else f"{text[:239]}…"


class SegmentTab(NewestInline):
    model = SegmentMember
    verbose_name_plural = "segments"
    ordering = ["-entered_at"]
    fields = ["segment", "entered_at"]
    readonly_fields = ["segment"]

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("segment")


class VisitorTab(NewestInline):
    model = Visitor
    verbose_name_plural = "browsers and user ids"
    ordering = ["-created_at"]
    fields = ["user_id", "anonymous_id", "created_at"]
