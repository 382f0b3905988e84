"""The workspace, which is one row."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import display

from leads import engagement
from leads.models import Workspace
from lifecycle.core.admin import EditAdmin

LABELS = {
    "sender_name": "Sender's name",
    "sender_email": "Sender's address",
    "site_url": "Website",
    "booking_url": "Booking page",
    "pricing_url": "Pricing page",
    "docs_url": "Documentation",
    "app_url": "Product",
    "warm_at": "Warm from",
    "hot_at": "Hot from",
    "intent_half_life_days": "Days until intent halves",
    "attribution_lookback_days": "Days to look back",
    "attribution_half_life_days": "Days until a touch counts half",
    "tier_most_acts": "Acts of the most engaged",
    "tier_most_days": "… in days",
    "tier_engaged_days": "Engaged for days",
    "tier_quiet_days": "Quiet for days",
    "renewal_from_months": "Months from renewal to renewal",
    "cap_messages": "Mails",
    "cap_days": "… in days",
    "quiet_from": "From",
    "quiet_until": "Until",
    "inbox_kept_days": "Days that bodies of webhooks are kept",
    "decisions_kept_days": "Days that reasons are kept",
}


class WorkspaceForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Workspace
        fields = ["name"]  # the admin's fieldsets say the rest
        labels = LABELS


@admin.register(Workspace)
class WorkspaceAdmin(EditAdmin):
    """Always the one row: the list leads straight to it."""

    form = WorkspaceForm
    fieldsets = [
        ("Who writes", {"fields": ["name", ("sender_name", "sender_email"), "postal_address", "time_zone"]}),
        ("Addresses used in mails", {"fields": ["site_url", "booking_url", "pricing_url", "docs_url", "app_url"]}),
        ("Scores", {"fields": [("warm_at", "hot_at"), "intent_half_life_days"]}),
        (
            "Attribution",
            {
                "fields": [("attribution_lookback_days", "attribution_half_life_days"), "currency"],
                "description": "How the attribution report shares revenue, bookings and stages among the touches "
                "before them. Reports follow a change at once, for the past too; amounts that came without a currency "
                "keep the one they were given.",
            },
        ),
        (
            "Engagement tiers",
            {
                "fields": [
                    ("tier_most_acts", "tier_most_days"),
                    ("tier_engaged_days", "tier_quiet_days"),
                    "tiers_in_words",
                ],
                "description": "Everybody is most engaged, engaged, quiet or dormant by what they did themselves: "
                "visits, forms, clicks, bookings, purchases; what machines open and click does not count. An act "
                "raises a person at once, time lets them fall. When you change a number, everybody is looked at again "
                "in the next minutes, and sequences that start with a tier follow.",
            },
        ),
        (
            "Customers",
            {
                "fields": ["renewal_from_months"],
                "description": "Whom the renewal sequence reminds, and what the list of renewals shows. A change is "
                "followed within a day.",
            },
        ),
        ("At most so many mails", {"fields": [("cap_messages", "cap_days")]}),
        (
            "Quiet hours",
            {
                "fields": [("quiet_from", "quiet_until")],
                "description": "In these hours of each person's own clock no marketing mail leaves; it waits for their "
                "end. Mails that people asked for (transactional ones) leave at any time.",
            },
        ),
        (
            "What is forgotten",
            {
                "fields": [("inbox_kept_days", "decisions_kept_days")],
                "description": "Every night. That a webhook came, and what became of a mail, is kept for ever.",
            },
        ),
    ]

    readonly_fields = ["tiers_in_words"]

    @display(description="Everybody's tier")
    def tiers_in_words(self, workspace: Workspace) -> str:
        reached = engagement.progress()
        return "follows these numbers" if reached is None else f"being looked at, up to lead {reached} so far"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return redirect("admin:leads_workspace_change", Workspace.load().pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
