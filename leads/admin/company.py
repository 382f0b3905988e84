"""Accounts: what people typed of them, and what providers found."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import RangeNumericFilter
from unfold.decorators import action, display

from leads import enrichment
from leads.models import Company, Lead
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, ago, code, counted, dialog
from lifecycle.core.admin.frames import reload_at


class LookedUp(admin.SimpleListFilter):
    title = "looked up"
    parameter_name = "looked_up"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("due", "Waits to be looked up"), ("failed", "A provider could not answer"), ("known", "Found")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        wanted: dict[str, dict[str, Any]] = {
            "due": {"enrichment_due_at__isnull": False},
            "failed": {"enrichment_error__gt": ""},
            "known": {"enriched_at__isnull": False},
        }
        return queryset.filter(**wanted.get(self.value() or "", {}))


@admin.register(Company)
class CompanyAdmin(EditAdmin):
    list_display = ["name", "domain", "size", "industry", "country", "people", "looked_up"]
    list_filter = [LookedUp, ("size", RangeNumericFilter)]
    search_fields = ["name__istartswith", "domain__startswith"]
    search_help_text = "How the name or the mail domain begins."
    ordering = ["name"]
    actions = ["look_up"]
    actions_detail = ["look_up_one"]
    readonly_fields = ["domain", "created_at", "looked_up", "enriched_by", "further", "enrichment_error"]
    fieldsets = [
        (None, {"fields": ["name", "domain", ("size", "industry"), ("country", "time_zone"), "created_at"]}),
        (
            "What providers found",
            {
                "fields": [("looked_up", "enriched_by"), "enrichment_error", "further"],
                "description": "Providers fill what is empty and never change what stands there.",
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Company]":
        return super().get_queryset(request).annotate(lead_count=counted(Lead.objects.all(), "company"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # they come with their people

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="People")
    def people(self, company: Any) -> str:
        return f"{company.lead_count:,}"

    @display(description="Looked up")
    def looked_up(self, company: Company) -> str:
        if company.enrichment_due_at and company.enrichment_error:
            return f"failed, again {company.enrichment_due_at:%Y-%m-%d %H:%M} UTC"
        if company.enrichment_due_at:
            return "waits"
        return "gave up" if company.enrichment_error else ago(company.enriched_at)

    @display(description="Further facts")
    def further(self, company: Company) -> str:
        return code(json.dumps(company.facts, indent=2, ensure_ascii=False)) if company.facts else "–"

    @admin.action(description="Look up again", permissions=["change"])
    def look_up(self, request: HttpRequest, rows: "QuerySet[Company]") -> None:
        count = enrichment.ask_again(list(rows.values_list("pk", flat=True)), now=clock.now())
        messages.success(request, f"{count} will be looked up within a minute.")

    @action(
        description="Look up again",
        url_path="look-up",
        icon="travel_explore",
        permissions=["change"],
        dialog=dialog("Look it up again", "Providers are asked within a minute; what stands here stays.", "Look up"),
    )
    def look_up_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        enrichment.ask_again([int(object_id)], now=clock.now())
        messages.success(request, "It will be looked up within a minute.")
        return reload_at(reverse("admin:leads_company_change", args=[object_id]))
