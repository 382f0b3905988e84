"""What came in from other systems, what became of it, and the two things a person may do about it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display

from lifecycle.core import clock
from lifecycle.core.admin import InsertOnlyAdmin, admin_link, code, dialog
from lifecycle.core.admin.frames import reload_page
from lifecycle.integrations import masking, mending
from lifecycle.integrations.admin import finding
from lifecycle.integrations.admin.finding import KindFilter, SenderFilter
from lifecycle.integrations.models import InboxEvent, RefusedCall

STATES = {"Waiting": "info", "Parked": "warning", "Done": "success", "Ignored": "", "Dead": "danger"}
REASONS = {
    "no_secret": "No secret is set here.",
    "no_signature": "The call was not signed.",
    "bad_signature": "Signed with another secret, or changed on its way.",
    "too_old": "Signed too long ago: a replayed call, or a clock that is wrong.",
    "malformed": "The body is not JSON, or not what this sender sends.",
    "too_large": "The body is over 1 MiB.",
    "inactive": "The source is switched off here.",
    "no_certificate": "Amazon's certificate could not be fetched, so its signature was not believed.",
}


@admin.register(InboxEvent)
class InboxEventAdmin(InsertOnlyAdmin):
    nothing_yet = (
        "What Calendly, Stripe, Zoom and your own webhook sources tell stands here, with what it did. "
        "docs/webhooks.md tells how they are connected."
    )
    list_display = ["provider", "short_kind", "state_badge", "outcome_or_error", "lead_link", "attempts", "received_at"]
    list_display_links = ["provider", "short_kind"]
    list_select_related = ["lead"]
    list_before_template = "admin/integrations/unfinished.html"
    list_filter = [("state", ChoicesDropdownFilter), SenderFilter, KindFilter, ("received_at", RangeDateTimeFilter)]
    search_fields = ["=key"]  # that there is a box; `finding.search` is what it does
    search_help_text = "A whole address that it names, a whole kind (invitee.created) or the sender's whole key."
    ordering = ["-id"]
    actions = ["replay", "leave_alone"]
    actions_detail = ["replay_one", "leave_one_alone"]
    fieldsets: Any = [
        (None, {"fields": [("provider", "kind"), ("state_badge", "lead_link"), "outcome", "waits_for", "key"]}),
        ("When", {"fields": [("received_at", "occurred_at"), ("due_at", "closed_at"), ("attempts", "copies")]}),
        ("What came", {"fields": ["what_came"]}),
        ("The last failure", {"fields": ["traceback"]}),
    ]
    readonly_fields = ["state_badge", "lead_link", "what_came", "traceback"]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows if request.resolver_match and "object_id" in request.resolver_match.kwargs else rows.defer("body")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without what does not apply."""
        gone = set() if obj and obj.waits_for else {"waits_for"}
        kept = self.fieldsets if obj and obj.error else self.fieldsets[:-1]
        return [
            (title, {"fields": [field for field in options["fields"] if field not in gone]}) for title, options in kept
        ]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return finding.search(queryset, search_term) if search_term.strip() else queryset, False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {**(extra_context or {}), "unfinished": finding.unfinished()})

    @display(description="Kind", ordering="kind")
    def short_kind(self, event: InboxEvent) -> str:
        return Truncator(event.kind).chars(48)

    @display(description="State", label=STATES, ordering="state")
    def state_badge(self, event: InboxEvent) -> str:
        return event.get_state_display()

    @display(description="Lead")
    def lead_link(self, event: InboxEvent) -> str:
        return admin_link(event.lead)

    @display(description="What it did")
    def outcome_or_error(self, event: InboxEvent) -> str:
        return Truncator(event.outcome).chars(90) or "–"

    @display(description="Body")
    def what_came(self, event: InboxEvent) -> SafeString | str:
        text = masking.pretty(bytes(event.body))
        return code(text) if text else "It was emptied, as the workspace keeps bodies for a while only."

    @display(description="Traceback")
    def traceback(self, event: InboxEvent) -> SafeString:
        return code(event.error)

    @admin.action(description="Replay: carry these out again", permissions=["replay"])
    def replay(self, request: HttpRequest, rows: "QuerySet[InboxEvent]") -> None:
        self._replay(request, list(rows.values_list("pk", flat=True)))

    @admin.action(description="Ignore: leave these alone", permissions=["replay"])
    def leave_alone(self, request: HttpRequest, rows: "QuerySet[InboxEvent]") -> None:
        self._ignore(request, list(rows.values_list("pk", flat=True)))

    @action(
        description="Replay",
        url_path="replay",
        permissions=["replay"],
        icon="replay",
        dialog=dialog(
            "Carry it out again?", "What it did before is not done twice; what was missing is made good.", "Replay"
        ),
    )
    def replay_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self._replay(request, [int(object_id)])
        return reload_page(request, InboxEvent(pk=int(object_id)))

    @action(
        description="Ignore",
        url_path="ignore",
        permissions=["replay"],
        icon="block",
        dialog=dialog("Leave it alone?", "It is closed without any effect. It can be replayed later.", "Ignore"),
    )
    def leave_one_alone(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self._ignore(request, [int(object_id)])
        return reload_page(request, InboxEvent(pk=int(object_id)))

    def _replay(self, request: HttpRequest, ids: list[int]) -> None:
        count = mending.replay(ids, now=clock.now())
        messages.success(request, f"{count} of {len(ids)} will be carried out again within seconds.")
        if count < len(ids):
            messages.warning(request, "Those whose body was emptied, or which are being tried just now, stay.")

    def _ignore(self, request: HttpRequest, ids: list[int]) -> None:
        count = mending.ignore(ids, now=clock.now())
        messages.success(request, f"{count} of {len(ids)} are ignored. Those that are done stay done.")

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("integrations.replay_inboxevent")


@admin.register(RefusedCall)
class RefusedCallAdmin(InsertOnlyAdmin):
    nothing_yet = "Calls that a door refused are counted here, by the hour: a wrong secret shows at once."
    list_display = ["provider", "code", "reason", "times", "hour", "last_at"]
    list_filter = ["provider", "code", ("hour", RangeDateTimeFilter)]
    ordering = ["-hour", "provider", "code"]
    fields = [("provider", "code"), "reason", ("hour", "times"), "last_at"]
    readonly_fields = ["reason"]

    @display(description="Which means")
    def reason(self, refused: RefusedCall) -> str:
        return REASONS.get(refused.code, "–")
