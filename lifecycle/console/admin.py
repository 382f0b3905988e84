"""What the console adds to a lead's page in the admin: the reasons of everything, and the way to their own page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from campaigns.models import Decision
from leads.admin.lead import LeadAdmin
from lifecycle.core.admin import NewestInline
from lifecycle.reports.why import told, words_for


class WhyTab(NewestInline):
    """The newest decisions about the person, as sentences."""

    model = Decision
    verbose_name_plural = "why"
    ordering = ["-id"]
    fields = ["at", "says", "outcome"]
    readonly_fields = ["says"]

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        self._words = words_for(obj) if obj else None
        return super().get_formset(request, obj, **kwargs)

    @display(description="Reason")
    def says(self, decision: Decision) -> str:
        words = self._words or words_for(decision.lead)
        page = reverse("console:lead-why", args=[decision.lead_id])
        return format_html('{} <a class="text-link" href="{}">Ask more</a>', told(decision, words).text, page)


LeadAdmin.add_tab(WhyTab)
