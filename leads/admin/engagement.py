"""Engagement in the list of leads: the tier, and who is at sunset, since when, with the ways back and out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from leads import actions
from leads.admin import badges
from leads.models import Lead
from lifecycle.core import clock
from lifecycle.core.admin import ago, asking, dialog
from lifecycle.core.admin.frames import reload_at

AT_SUNSET = "yes"


class SunsetFilter(DropdownFilter):
    """People at sunset are a list to look through, with columns of its own."""

    title = "marketing mail rests"
    parameter_name = "sunset"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(AT_SUNSET, "At sunset: it rests"), ("no", "It does not")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == AT_SUNSET:
            return queryset.filter(sunset_at__isnull=False)
        return queryset.filter(sunset_at__isnull=True) if self.value() else queryset


class ReasonQuestion(forms.Form):
    reason = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Kept in the lead's history with your name."
    )


class ReasonDialog(ReasonQuestion, BaseDialogForm):
    pass


class EngagementActions:
    """For the admin of leads."""

    SUNSET_COLUMNS = (
        "who",
        "company_name",
        "sunset_since",
        "last_act",
        "came_by",
        "tier_badge",
        "stage_badge",
        "owner",
    )

    def get_list_display(self, request: HttpRequest) -> Any:
        if request.GET.get(SunsetFilter.parameter_name) == AT_SUNSET:
            return list(self.SUNSET_COLUMNS)
        return super().get_list_display(request)  # type: ignore[misc]

    @display(description="Engagement", ordering="engagement_tier", label=badges.TIER)
    def tier_badge(self, lead: Lead) -> str:
        return lead.get_engagement_tier_display()

    @display(description="At sunset", ordering="sunset_at")
    def sunset_since(self, lead: Lead) -> str:
        return format_html('<span class="nowrap">{}</span>', ago(lead.sunset_at))

    @display(description="Engagement")
    def engagement_in_words(self, lead: Lead) -> str:
        tier = (
            f"{lead.get_engagement_tier_display()}{f', since {lead.tier_since:%-d %b %Y}' if lead.tier_since else ''}"
        )
        if lead.sunset_at is None:
            return tier
        return f"{tier}. At sunset since {lead.sunset_at:%-d %b %Y}: marketing mail rests until the person acts."

    @admin.action(description="Bring back from sunset …", permissions=["change"])
    @asking(ReasonQuestion, title="Let marketing mail reach these people again", submit="Bring back")
    def bring_back(self, request: HttpRequest, rows: "QuerySet[Lead]", form: ReasonQuestion) -> None:
        self._bring_back(request, rows, form)

    @action(
        description="Bring back",
        url_path="bring-back",
        icon="wb_twilight",
        permissions=["change"],
        dialog=dialog(
            "Bring back from sunset",
            "Marketing mail may reach the person again. It rests because nothing was heard of them; their own next act "
            "would bring them back as well.",
            "Bring back",
            ReasonDialog,
        ),
    )
    def bring_one_back(self, request: HttpRequest, form: ReasonDialog, object_id: str) -> HttpResponse:
        self._bring_back(request, Lead.objects.filter(pk=object_id), form)
        return reload_at(reverse("admin:leads_lead_change", args=[object_id]))

    def _bring_back(self, request: HttpRequest, rows: "QuerySet[Lead]", form: Any) -> None:
        ids, reason = list(rows.values_list("pk", flat=True)), form.cleaned_data["reason"]
        back = actions.bring_back(ids, reason=reason, actor=request.user, now=clock.now())
        if back:
            messages.success(request, f"{back} brought back. Their mail goes on with the next one that is due.")
        if left := len(ids) - back:
            messages.warning(request, f"{left} not at sunset.")
