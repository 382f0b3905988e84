"""Posts to other systems: what became of each, and a way to make it again."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from campaigns.admin import badges
from campaigns.models import WebhookCall
from campaigns.running import webhooks
from lifecycle.core import clock, sql
from lifecycle.core.admin import InsertOnlyAdmin, admin_link, code


@admin.register(WebhookCall)
class WebhookCallAdmin(InsertOnlyAdmin):
    list_display = ["key", "lead_link", "url", "state_badge", "attempts", "detail", "due_at", "done_at"]
    list_select_related = ["lead"]
    list_filter = [("state", ChoicesDropdownFilter), ("created_at", RangeDateTimeFilter)]
    search_fields = ["=lead__email_normal", "=key", "=url"]
    search_help_text = "A whole address of a person, a whole id or a whole URL."
    ordering = ["-id"]
    actions = ["replay"]
    fieldsets = [
        (None, {"fields": [("key", "lead_link"), "url", ("state_badge", "attempts"), "detail"]}),
        ("When", {"fields": [("created_at", "due_at"), "done_at"]}),
        ("What is posted", {"fields": ["posted"]}),
        (
            "How the receiver verifies it",
            {
                "fields": ["secret"],
                "description": "By the Standard Webhooks specification (standardwebhooks.com): webhook-id, "
                "webhook-timestamp and webhook-signature. The id is the same for every attempt.",
            },
        ),
    ]
    readonly_fields = ["lead_link", "state_badge", "posted", "secret"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if self.has_act_permission(request) else self.fieldsets[:-1]

    @display(description="Lead")
    def lead_link(self, call: WebhookCall) -> str:
        return admin_link(call.lead)

    @display(description="State", label=badges.WEBHOOK)
    def state_badge(self, call: WebhookCall) -> str:
        return call.get_state_display()

    @display(description="Body")
    def posted(self, call: WebhookCall) -> SafeString:
        return code(sql.to_json(call.body))

    @display(description="Secret")
    def secret(self, call: WebhookCall) -> SafeString:
        return code(settings.WEBHOOK_SECRET)

    @admin.action(description="Post again", permissions=["act"])
    def replay(self, request: HttpRequest, rows: "QuerySet[WebhookCall]") -> None:
        again = webhooks.replay(list(rows.values_list("pk", flat=True)), now=clock.now())
        messages.success(request, f"{again} are posted again, with the same id. Those still open go on by themselves.")

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("campaigns.change_webhookcall")
