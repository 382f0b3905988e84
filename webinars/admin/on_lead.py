"""What webinars add to a lead's page: which they registered for, and whether they came."""

from typing import Any

from django.http import HttpRequest
from unfold.decorators import display

from leads.admin.lead import LeadAdmin
from lifecycle.core.admin import NewestInline, admin_link
from webinars.models import Registration


class RegistrationTab(NewestInline):
    model = Registration
    verbose_name_plural = "webinars"
    ordering = ["-registered_at", "-id"]
    fields = ["session", "state", "registered_at", "source", "attendance", "stayed"]
    readonly_fields = ["session", "stayed"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("webinar")

    @display(description="Webinar")
    def session(self, registration: Registration) -> str:
        return admin_link(registration.webinar)

    @display(description="Stayed")
    def stayed(self, registration: Registration) -> str:
        return f"{registration.attended_seconds // 60} min" if registration.attended_seconds else "–"


LeadAdmin.add_tab(RegistrationTab)
