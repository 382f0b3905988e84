"""What came back, to read."""

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from campaigns.models import Hit, ProviderEvent
from lifecycle.core.admin import InsertOnlyAdmin, admin_link


@admin.register(Hit)
class HitAdmin(InsertOnlyAdmin):
    list_display = ["kind", "message_link", "who", "reason", "user_agent", "at"]
    list_select_related = ["message"]
    list_filter = ["kind", "verdict", ("at", RangeDateTimeFilter)]
    ordering = ["-id"]
    fields = ["kind", "message_link", "link", "method", "user_agent", "verdict", "reason", "at"]
    readonly_fields = ["message_link"]

    @display(description="Message")
    def message_link(self, hit: Hit) -> str:
        return admin_link(hit.message, hit.message.subject or hit.message.key)

    @display(description="Verdict", label={"Human": "success", "Machine": "warning"})
    def who(self, hit: Hit) -> str:
        return hit.get_verdict_display()


@admin.register(ProviderEvent)
class ProviderEventAdmin(InsertOnlyAdmin):
    list_display = ["kind", "provider", "message_link", "detail", "at", "processed_at"]
    list_select_related = ["message"]
    list_filter = ["kind", ("at", RangeDateTimeFilter)]
    ordering = ["-id"]
    fields = ["kind", "provider", "message_link", "detail", "at", "processed_at", "key"]
    readonly_fields = ["message_link"]

    @display(description="Message")
    def message_link(self, event: ProviderEvent) -> str:
        return admin_link(event.message)
