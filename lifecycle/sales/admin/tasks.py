"""The reps' list of what there is to do, and the same beside the lead."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from leads.admin.lead import LeadAdmin
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, NewestInline, admin_link
from lifecycle.sales import tasking
from lifecycle.sales.models import Task


class OpenFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Open"), ("mine", "Open and mine"), ("no", "Done")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Task]") -> "QuerySet[Task]":
        match self.value():
            case "yes":
                return queryset.filter(done_at=None)
            case "mine":
                return queryset.filter(done_at=None, owner=request.user.pk)
            case "no":
                return queryset.filter(done_at__isnull=False)
        return queryset


@admin.register(Task)
class TaskAdmin(EditAdmin):
    list_display = ["title", "lead_link", "owner", "state_badge", "due_at", "created_at", "source"]
    list_select_related = ["lead", "owner"]
    list_filter = [OpenFilter, "owner", ("due_at", RangeDateTimeFilter)]
    search_fields = ["=lead__email_normal", "title"]
    search_help_text = "A whole address, or words of the title."
    ordering = ["done_at", "due_at", "id"]
    autocomplete_fields = ["lead"]
    actions = ["finish", "reopen"]
    fieldsets = [
        (None, {"fields": ["title", ("lead", "owner"), "due_at"]}),
        ("History", {"fields": [("source", "created_at"), ("done_at", "done_by")]}),
    ]
    readonly_fields = ["source", "created_at", "done_at", "done_by"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:1]

    def save_model(self, request: HttpRequest, obj: Task, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = clock.now()
        super().save_model(request, obj, form, change)

    @display(description="Lead")
    def lead_link(self, task: Task) -> str:
        return admin_link(task.lead)

    @display(description="State", label={"Open": "info", "Done": "success"})
    def state_badge(self, task: Task) -> str:
        return "Done" if task.done_at else "Open"

    @admin.action(description="Done", permissions=["change"])
    def finish(self, request: HttpRequest, rows: "QuerySet[Task]") -> None:
        done = tasking.finish(rows.values_list("pk", flat=True), by=request.user, now=clock.now())  # type: ignore[arg-type]
        messages.success(request, f"{done} done.")

    @admin.action(description="Open again", permissions=["change"])
    def reopen(self, request: HttpRequest, rows: "QuerySet[Task]") -> None:
        messages.success(request, f"{tasking.reopen(rows.values_list('pk', flat=True))} open again.")


class TaskTab(NewestInline):
    model = Task
    verbose_name_plural = "tasks"
    ordering = ["done_at", "due_at", "id"]
    fields = ["task_link", "owner", "due_at", "done_at", "source"]
    readonly_fields = ["task_link"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("owner")

    @display(description="Task")
    def task_link(self, task: Task) -> str:
        return admin_link(task)


LeadAdmin.add_tab(TaskTab)
