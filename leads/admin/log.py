"""The log and what hangs on it, to read; and the one thing a person may do to it: replay what failed."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from leads.models import Consent, Event, EventName, PendingEvent, StageChange, Visitor
from lifecycle.core.admin import EditAdmin, InsertOnlyAdmin, admin_link, code


@admin.register(Event)
class EventAdmin(InsertOnlyAdmin):
    list_display = ["kind", "lead_link", "occurred_at", "recorded_at", "source", "depth"]
    list_select_related = ["lead"]
    list_filter = [("occurred_at", RangeDateTimeFilter)]
    search_fields = ["=kind", "=lead__email_normal"]
    search_help_text = "A whole event kind (pricing.viewed) or a whole address."
    ordering = ["-id"]
    fields = ["kind", "lead_link", "properties", "occurred_at", "recorded_at", "source", "key", "depth", "cause_link"]
    readonly_fields = ["lead_link", "cause_link"]

    @display(description="Lead")
    def lead_link(self, event: Event) -> str:
        return admin_link(event.lead)

    @display(description="Caused by")
    def cause_link(self, event: Event) -> str:
        return admin_link(event.cause)


class StillAlive(admin.SimpleListFilter):
    title = "state"
    parameter_name = "dead"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Given up"), ("no", "Waiting")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        match self.value():
            case "yes":
                return queryset.filter(dead_at__isnull=False)
            case "no":
                return queryset.filter(dead_at__isnull=True)
        return queryset


class QueueAdmin(InsertOnlyAdmin):
    """What waits for the engine, one row an event, with the error of what it gave up; that can be tried again."""

    replayed = ""  # what is told after a replay, with the number before it
    list_filter = [StillAlive]
    ordering = ["event_id"]
    actions = ["replay"]

    @display(description="Event", ordering="event_id")
    def event_kind(self, pending: Any) -> str:
        return f"{pending.event.kind} #{pending.event_id}"

    @display(description="Event")
    def event_link(self, pending: Any) -> str:
        return admin_link(pending.event)

    @display(description="State", label={"Given up": "danger", "Retrying": "warning", "Waiting": "info"})
    def state(self, pending: Any) -> str:
        return "Given up" if pending.dead_at else "Retrying" if pending.attempts else "Waiting"

    @display(description="Error")
    def last_line(self, pending: Any) -> str:
        lines = pending.error.strip().splitlines()
        return lines[-1][:120] if lines else "–"

    @display(description="Traceback")
    def traceback(self, pending: Any) -> str:
        return code(pending.error or "No failure so far.")

    @admin.action(description="Replay: try these again from the beginning", permissions=["replay"])
    def replay(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        count = rows.update(dead_at=None, attempts=0)
        messages.success(request, f"{count} {self.replayed}; the engine takes them within seconds.")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"leads.change_{self.opts.model_name}")


@admin.register(PendingEvent)
class PendingEventAdmin(QueueAdmin):
    nothing_yet = "Every event was processed. One that fails five times stays here, with the error."
    replayed = "events wait to be processed again"
    list_display = ["event_kind", "lead_link", "state", "attempts", "last_line", "dead_at"]
    list_select_related = ["event", "lead"]
    fields = ["event_link", "lead_link", "attempts", "dead_at", "traceback"]
    readonly_fields = ["event_link", "lead_link", "traceback"]

    @display(description="Lead")
    def lead_link(self, pending: PendingEvent) -> str:
        return admin_link(pending.lead)


@admin.register(EventName)
class EventNameAdmin(EditAdmin):
    list_display = ["name", "kind"]
    search_fields = ["name", "kind"]


@admin.register(StageChange)
class StageChangeAdmin(InsertOnlyAdmin):
    list_display = ["lead_link", "before", "after", "reason", "actor", "at"]
    list_select_related = ["lead", "actor"]
    list_filter = [("after", ChoicesDropdownFilter), ("at", RangeDateTimeFilter)]
    ordering = ["-id"]
    fields = ["lead_link", "before", "after", "reason", "rule", "actor", "event_link", "at"]
    readonly_fields = ["lead_link", "event_link"]

    @display(description="Lead")
    def lead_link(self, change: StageChange) -> str:
        return admin_link(change.lead)

    @display(description="Event")
    def event_link(self, change: StageChange) -> str:
        return admin_link(change.event)


@admin.register(Consent)
class ConsentAdmin(InsertOnlyAdmin):
    list_display = ["purpose", "granted", "lead_link", "source", "at"]
    list_select_related = ["lead"]
    list_filter = ["granted", ("at", RangeDateTimeFilter)]
    search_fields = ["=address_hash", "=lead__email_normal"]
    ordering = ["-id"]
    fields = ["lead_link", "purpose", "granted", "source", "text", "at", "address_hash"]
    readonly_fields = ["lead_link"]

    @display(description="Lead")
    def lead_link(self, consent: Consent) -> str:
        return admin_link(consent.lead)


@admin.register(Visitor)
class VisitorAdmin(InsertOnlyAdmin):
    list_display = ["__str__", "user_id", "lead_link", "created_at"]
    list_select_related = ["lead"]
    search_fields = ["=anonymous_id", "=user_id"]
    ordering = ["-id"]
    fields = ["anonymous_id", "user_id", "lead_link", "same_as", "created_at"]
    readonly_fields = ["lead_link"]

    @display(description="Lead")
    def lead_link(self, visitor: Visitor) -> str:
        return admin_link(visitor.lead)
