"""The reasons that people who left may choose from."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from lifecycle.core.admin import EditAdmin
from lifecycle.customers.models import LeavingReason


@admin.register(LeavingReason)
class LeavingReasonAdmin(EditAdmin):
    nothing_yet = "The mail that asks former customers why they left offers a link for each reason that stands here."
    list_display = ["label", "name", "leads_to", "position", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["label", "slug"]
    ordering = ["position", "slug"]
    prepopulated_fields = {"slug": ["label"]}
    fieldsets: Any = [
        (None, {"fields": ["label", "slug", ("position", "is_active")]}),
        (
            "The page that thanks for it",
            {
                "fields": ["reply", "way_back"],
                "description": "The mail of “Churn and win-back” has a link for each active reason. Nothing is told by "
                "opening it: the page has a button, and room for a word more.",
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Rules and earlier answers go by the name."""
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else self.prepopulated_fields

    @display(description="In rules")
    def name(self, row: LeavingReason) -> str:
        return f"churn_reason = {row.slug}"

    @display(description="Way back")
    def leads_to(self, row: LeavingReason) -> str:
        return row.get_way_back_display()
