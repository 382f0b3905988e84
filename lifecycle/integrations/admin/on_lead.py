"""What other systems told of a person, on their page."""

from typing import Any

from django.http import HttpRequest
from unfold.decorators import display

from leads.admin.lead import LeadAdmin
from lifecycle.core.admin import NewestInline, admin_link
from lifecycle.integrations.admin.inbox import STATES
from lifecycle.integrations.models import InboxEvent


class InboxTab(NewestInline):
    model = InboxEvent
    verbose_name_plural = "told by other systems"
    ordering = ["-id"]
    fields = ["received_at", "what", "state_badge", "outcome"]
    readonly_fields = ["what", "state_badge"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("body", "error")

    @display(description="Event")
    def what(self, event: InboxEvent) -> str:
        return admin_link(event, f"{event.provider}: {event.kind}")

    @display(description="State", label=STATES)
    def state_badge(self, event: InboxEvent) -> str:
        return event.get_state_display()


LeadAdmin.inlines = [*LeadAdmin.inlines, InboxTab]
