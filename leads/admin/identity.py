"""Who is who: pairs that somebody should look at, merges and their undoing, and calls that wait."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from leads.admin.log import QueueAdmin
from leads.admin.merging import merge_url, shown
from leads.identity.merging import MergeError, in_words, names, settle_pair, undo
from leads.models import AddressAlias, LeadMerge, PendingIdentity, PossibleDuplicate
from lifecycle.core import clock
from lifecycle.core.admin import InsertOnlyAdmin, admin_link, dialog, table
from lifecycle.core.admin.frames import reload_page

OUTCOME = {"To be looked at": "warning", "Merged": "success", "Two people": ""}


@admin.register(PossibleDuplicate)
class PossibleDuplicateAdmin(InsertOnlyAdmin):
    """Pairs are looked at side by side; what is decided is done by a button."""

    nothing_yet = "Two leads stand here when a form or a call names them together. They are never merged by themselves."
    list_display = ["pair", "reason", "seen_at", "state"]
    list_select_related = ["lead", "other"]
    list_filter = [("outcome", ChoicesDropdownFilter), ("seen_at", RangeDateTimeFilter)]
    search_fields = ["=lead__email_normal", "=other__email_normal"]
    search_help_text = "A whole address."
    ordering = ["-outcome", "-seen_at"]  # those to be looked at first
    actions = ["two_people"]
    actions_detail = ["merge", "different"]
    fields = ["side_by_side", "reason", "seen_at", "outcome", "settled_at", "settled_by"]
    readonly_fields = ["side_by_side"]

    @display(description="Leads")
    def pair(self, row: PossibleDuplicate) -> str:
        return format_html('<span class="merge-pair"><b>{}</b><br>{}</span>', row.lead.email, row.other.email)

    @display(description="State", label=OUTCOME)
    def state(self, row: PossibleDuplicate) -> str:
        return row.get_outcome_display()

    @display(description="The two")
    def side_by_side(self, row: PossibleDuplicate) -> str:
        one, two = row.lead, row.other
        facts = [
            ("Name", one.full_name, two.full_name),
            ("Job title", one.job_title, two.job_title),
            ("Company", one.company_name, two.company_name),
            ("Stage", one.get_stage_display(), two.get_stage_display()),
            ("Score", one.score, two.score),
            ("Known since", date_format(one.created_at, "j M Y"), date_format(two.created_at, "j M Y")),
        ]
        return table(["", admin_link(one), admin_link(two)], [[name, a or "–", b or "–"] for name, a, b in facts])

    @admin.action(description="These are two people", permissions=["settle"])
    def two_people(self, request: HttpRequest, rows: "QuerySet[PossibleDuplicate]") -> None:
        now = clock.now()
        settled = sum(settle_pair(row, now=now, actor=request.user) for row in rows)
        messages.success(request, f"{settled} settled: they stay two people, and are not asked about again.")

    @action(description="Merge …", url_path="merge", icon="merge", variant=ActionVariant.PRIMARY, permissions=["merge"])
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        pair = PossibleDuplicate.objects.get(pk=object_id)
        return redirect(merge_url(pair.lead_id, pair.other_id))

    @action(
        description="Two people",
        url_path="different",
        icon="group",
        permissions=["settle"],
        dialog=dialog("Two people", "Both stay as they are, and this pair is not asked about again.", "They are two"),
    )
    def different(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = PossibleDuplicate.objects.get(pk=object_id)
        settle_pair(row, now=clock.now(), actor=request.user)
        return reload_page(request, row)

    def has_settle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("leads.change_possibleduplicate") and self._is_open(object_id)

    def has_merge_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("leads.add_leadmerge")

    def _is_open(self, object_id: Any) -> bool:
        rows = PossibleDuplicate.objects.filter(pk=object_id or 0)
        return object_id is None or rows.filter(outcome=PossibleDuplicate.Outcome.OPEN).exists()


@admin.register(LeadMerge)
class LeadMergeAdmin(InsertOnlyAdmin):
    nothing_yet = "Merge two leads on the page of one of them; here it is kept, and can be undone."
    list_display = ["who", "kept_link", "at", "actor", "state"]
    list_select_related = ["kept", "actor"]
    list_filter = [("at", RangeDateTimeFilter)]
    search_fields = ["=kept__email_normal"]
    search_help_text = "The whole address of the lead that was kept."
    ordering = ["-id"]
    actions_detail = ["take_back"]
    fields = ["who", "kept_link", "at", "actor", "filled_table", "moved_table", "undone_at", "undone_by"]
    readonly_fields = ["who", "kept_link", "filled_table", "moved_table"]

    @display(description="Was merged")
    def who(self, merge: LeadMerge) -> str:
        return str(merge.merged_before.get("email", merge.merged_id))

    @display(description="Into")
    def kept_link(self, merge: LeadMerge) -> str:
        return admin_link(merge.kept)

    @display(description="State", label={"Merged": "success", "Undone": ""})
    def state(self, merge: LeadMerge) -> str:
        return "Undone" if merge.undone_at else "Merged"

    @display(description="Gave it")
    def filled_table(self, merge: LeadMerge) -> str:
        rows = [(name, shown(value)) for name, value in in_words(merge.filled).items()]
        return table(["", "Value"], rows) if rows else "Nothing: its own values stayed."

    @display(description="Rows that moved")
    def moved_table(self, merge: LeadMerge) -> str:
        called = names()
        rows = [(called.get(name, name), len(ids)) for name, ids in merge.moved.items() if ids and name[0] != "+"]
        return table(["", "Rows"], [(name.capitalize(), number) for name, number in sorted(rows)]) if rows else "None."

    @action(
        description="Undo",
        url_path="undo",
        icon="undo",
        permissions=["undo"],
        dialog=dialog(
            "Undo this merge",
            "Both leads are as they were. What happened since stays with the one that was kept; opt-outs bind both for "
            "good, and runs of sequences that ended stay ended.",
            "Undo it",
        ),
    )
    def take_back(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = LeadMerge.objects.get(pk=object_id)
        try:
            undo(row, now=clock.now(), actor=request.user)
            messages.success(request, f"{row.merged_before['email']} is a lead of its own again.")
        except MergeError as error:
            messages.error(request, str(error))
        return reload_page(request, row)

    def has_undo_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        done = LeadMerge.objects.filter(pk=object_id or 0, undone_at=None)
        return request.user.has_perm("leads.change_leadmerge") and (object_id is None or done.exists())


@admin.register(AddressAlias)
class AddressAliasAdmin(InsertOnlyAdmin):
    nothing_yet = "After a merge, the address of the lead that went stands here: it leads to the one that stayed."
    list_display = ["email_normal", "lead_link", "created_at"]
    list_select_related = ["lead"]
    search_fields = ["=email_normal", "=lead__email_normal"]
    search_help_text = "A whole address."
    ordering = ["-id"]
    fields = ["email_normal", "lead_link", "created_at"]
    readonly_fields = ["lead_link"]

    @display(description="Leads to")
    def lead_link(self, alias: AddressAlias) -> str:
        return admin_link(alias.lead)


@admin.register(PendingIdentity)
class PendingIdentityAdmin(QueueAdmin):
    nothing_yet = "Every identify, alias and group call was acted on. One that fails five times stays here."
    replayed = "calls wait to be acted on again"
    list_display = ["event_kind", "visitor", "state", "attempts", "last_line", "dead_at"]
    list_select_related = ["event", "visitor"]
    fields = ["event_link", "visitor_link", "attempts", "dead_at", "traceback"]
    readonly_fields = ["event_link", "visitor_link", "traceback"]

    @display(description="Visitor")
    def visitor_link(self, pending: PendingIdentity) -> str:
        return admin_link(pending.visitor)
