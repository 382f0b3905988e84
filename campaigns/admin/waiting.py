"""Who would be in a sequence already, if only its filters held."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from campaigns.models import WaitingEntry
from lifecycle.core.admin import InsertOnlyAdmin, admin_link


@admin.register(WaitingEntry)
class WaitingEntryAdmin(InsertOnlyAdmin):
    list_display = ["lead_link", "sequence", "key", "since", "until", "reason"]
    list_select_related = ["lead", "sequence"]
    list_filter = [("sequence", AutocompleteSelectFilter), ("until", RangeDateTimeFilter)]
    search_fields = ["=lead__email_normal", "=key"]
    search_help_text = "A whole address, or the key of the run that would begin."
    ordering = ["until", "id"]
    fieldsets = [
        (None, {"fields": [("lead_link", "sequence"), ("since", "until"), "reason"]}),
        ("What began it", {"fields": [("event_link", "key"), "payload"]}),
    ]
    readonly_fields = ["lead_link", "event_link"]

    @display(description="Lead")
    def lead_link(self, entry: WaitingEntry) -> str:
        return admin_link(entry.lead)

    @display(description="Event")
    def event_link(self, entry: WaitingEntry) -> str:
        return admin_link(entry.event)
