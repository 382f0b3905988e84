"""Leads: found by address, name or company. The profile is edited, all else changes through actions or not at all."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from leads import actions
from leads.admin import badges
from leads.admin.engagement import EngagementActions, SunsetFilter
from leads.admin.exports import ExportActions
from leads.admin.imports import CreatedByImport
from leads.admin.lead_form import WRITTEN, LeadForm
from leads.admin.lead_questions import OwnerDialog, OwnerQuestion, StageDialog, StageQuestion
from leads.admin.lead_tabs import EventTab, ScoreTab, SegmentTab, StageTab, TouchTab, VisitorTab
from leads.admin.merging import MergeActions
from leads.admin.segment_lists import MembersFilter
from leads.admin.titles import DepartmentFilter
from leads.models import Lead
from leads.models.lead import Stage
from leads.stages import IllegalMove
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, admin_link, ago, asking, dialog
from lifecycle.core.admin.frames import reload_at


@admin.register(Lead)
class LeadAdmin(ExportActions, MergeActions, EngagementActions, EditAdmin):
    """Higher apps add their tabs and actions with `add_tab` and `add_action` when their own admin is loaded."""

    form = LeadForm
    list_display = [
        "who",
        "company_name",
        "stage_badge",
        "tier_badge",
        "warmth",
        "points",
        "owner",
        "came_by",
        "last_act",
    ]
    list_select_related = ["owner", "latest_touch"]
    list_fullwidth = True
    list_filter = [
        ("stage", ChoicesDropdownFilter),
        ("temperature", ChoicesDropdownFilter),
        ("engagement_tier", ChoicesDropdownFilter),
        SunsetFilter,
        ("audience_type", ChoicesDropdownFilter),
        ("role", ChoicesDropdownFilter),
        DepartmentFilter,
        MembersFilter,
        CreatedByImport,
        ("owner", AutocompleteSelectFilter),
        "is_client",
        "demo_booked",
        ("created_at", RangeDateTimeFilter),
    ]
    search_fields = [
        "first_name__istartswith",
        "last_name__istartswith",
        "company_name__istartswith",
        "email_normal__startswith",
    ]
    search_help_text = "How an address, a name or a company begins."
    ordering = ["-id"]
    actions = ["assign_to_me", "assign_to", "move_stage", "bring_back", "export_leads"]
    acts = ["take", "give", "move", "bring_one_back", "merge_with", "erase"]
    actions_detail = ["in_console", {"title": "Act", "icon": "bolt", "items": acts}]
    inlines: Any = [EventTab, ScoreTab, StageTab, TouchTab, SegmentTab, VisitorTab]
    fieldsets: Any = [
        (None, {"fields": [("email", "phone"), ("first_name", "last_name"), "job_title", ("role", "department")]}),
        (
            "Company",
            {
                "fields": [
                    ("company_name", "account"),
                    ("company_size", "industry"),
                    ("organization_type", "primary_audience"),
                ]
            },
        ),
        ("Where they are", {"fields": [("country", "timezone"), ("audience_type", "engagement_in_words")]}),
        (
            "Standing",
            {
                "fields": [
                    ("stage", "stage_since"),
                    ("score_in_words", "temperature"),
                    ("owner", "first_owner"),
                    ("hot_since", "last_human_act_at"),
                    "is_client",
                ]
            },
        ),
        (
            "Attribution, as it was first and last",
            {"fields": [("form_source", "created_at"), ("original_touch", "latest_touch")]},
        ),
        ("Demo", {"fields": [("demo_booked", "demo_status"), ("demo_at", "demo_event_name")], "classes": ["collapse"]}),
        ("Webinars", {"fields": ["webinars"], "classes": ["collapse"]}),
        ("Further fields", {"fields": ["attributes"], "classes": ["collapse"]}),
    ]

    @classmethod
    def add_tab(cls, tab: type) -> None:
        """Show a higher app's rows on the lead's page."""
        cls.inlines = [*cls.inlines, tab]

    @classmethod
    def add_action(cls, function: Any) -> None:
        """Offer a higher app's bulk action in the list."""
        cls.actions = [*cls.actions, function]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Lead]":
        return (
            super()
            .get_queryset(request)
            .select_related("company", "owner", "first_owner", "original_touch", "latest_touch")
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj else [(None, {"fields": ["email", *WRITTEN]})]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = [
            name
            for _, options in self.fieldsets
            for line in options["fields"]
            for name in ([line] if isinstance(line, str) else line)
        ]
        return [name for name in shown if name not in WRITTEN and (obj or name != "email")]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if "@" in search_term:  # the index on the address answers, however many people there are
            return queryset.filter(email_normal__startswith=search_term.strip().lower()), False
        return super().get_search_results(request, queryset, search_term)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # erasing removes a person everywhere; a row alone is never deleted

    def has_erase_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("leads.delete_lead")

    def save_model(self, request: HttpRequest, obj: Lead, form: Any, change: bool) -> None:
        fields = {WRITTEN[name]: form.cleaned_data[name] for name in form.changed_data if name in WRITTEN}
        if change:
            actions.update_lead(obj.pk, fields, actor=request.user, source="admin", now=clock.now())
        else:
            obj.pk = actions.upsert_lead(email=obj.email, fields=fields, source="admin", now=clock.now()).lead.pk

    @display(description="Lead", header=True)
    def who(self, lead: Lead) -> list[str]:
        name = lead.full_name
        return [name or lead.email, lead.email if name else lead.job_title, (name or lead.email)[:2]]

    @display(description="Stage", ordering="stage", label=badges.STAGE)
    def stage_badge(self, lead: Lead) -> str:
        return lead.get_stage_display()

    @display(description="Temperature", ordering="temperature", label=badges.TEMPERATURE)
    def warmth(self, lead: Lead) -> str:
        return lead.get_temperature_display()

    @display(description="Score", ordering="score")
    def points(self, lead: Lead) -> str:
        return format_html(
            '<b>{}</b><br><span class="nowrap quiet">{} + {}</span>',
            lead.score,
            lead.fit_score,
            lead.intent_score,
        )

    @display(description="Score")
    def score_in_words(self, lead: Lead) -> str:
        return f"{lead.score} = fit {lead.fit_score} + intent {lead.intent_score}"

    @display(description="Came by")
    def came_by(self, lead: Lead) -> str:
        """The first form, and the latest touch."""
        touch = lead.latest_touch
        short = (touch.source or touch.kind) if touch else "–"
        return format_html(
            '<span title="{}">{}</span><br><span class="quiet">{}</span>', touch or "", short, lead.form_source
        )

    @display(description="Last act", ordering="last_human_act_at")
    def last_act(self, lead: Lead) -> str:
        return format_html('<span class="nowrap">{}</span>', ago(lead.last_human_act_at))

    @display(description="Account")
    def account(self, lead: Lead) -> str:
        return admin_link(lead.company)

    def _assign(self, request: HttpRequest, rows: "QuerySet[Lead]", owner: Any) -> None:
        now = clock.now()
        given = sum(actions.assign_owner(lead, owner, actor=request.user, now=now) for lead in rows)
        messages.success(request, f"{given} given to {owner}." if given else f"Already with {owner}.")

    def _move(self, request: HttpRequest, rows: "QuerySet[Lead]", form: Any) -> None:
        now, to, refused = clock.now(), form.cleaned_data["to"], Counter[str]()
        for lead in rows:
            try:
                actions.move_stage(lead, to, reason=form.cleaned_data["reason"], actor=request.user, now=now)
            except IllegalMove as error:
                refused[str(error)] += 1
        if moved := len(rows) - refused.total():
            messages.success(request, f"{moved} moved to {Stage(to).label}.")
        for why, count in refused.items():
            messages.error(request, f"{count} not moved: {why}.")

    # -- actions on many

    @admin.action(description="Assign to me", permissions=["change"])
    def assign_to_me(self, request: HttpRequest, rows: "QuerySet[Lead]") -> None:
        self._assign(request, rows, request.user)

    @admin.action(description="Assign to …", permissions=["change"])
    @asking(OwnerQuestion, title="Give these leads to", submit="Assign")
    def assign_to(self, request: HttpRequest, rows: "QuerySet[Lead]", form: OwnerQuestion) -> None:
        self._assign(request, rows, form.cleaned_data["owner"])

    @admin.action(description="Move to a stage …", permissions=["change"])
    @asking(StageQuestion, title="Move these leads", submit="Move")
    def move_stage(self, request: HttpRequest, rows: "QuerySet[Lead]", form: StageQuestion) -> None:
        self._move(request, rows, form)

    # -- actions on one; all of them are asked by POST

    @action(
        description="Assign to me",
        url_path="take",
        icon="person_add",
        permissions=["change"],
        dialog=dialog("Take this lead", "You become the owner. The first owner stays on record.", "Take it"),
    )
    def take(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self._assign(request, Lead.objects.filter(pk=object_id), request.user)
        return reload_at(reverse("admin:leads_lead_change", args=[object_id]))

    @action(
        description="Assign to",
        url_path="give",
        icon="switch_account",
        permissions=["change"],
        dialog=dialog("Give this lead to", "", "Assign", OwnerDialog),
    )
    def give(self, request: HttpRequest, form: OwnerDialog, object_id: str) -> HttpResponse:
        self._assign(request, Lead.objects.filter(pk=object_id), form.cleaned_data["owner"])
        return reload_at(reverse("admin:leads_lead_change", args=[object_id]))

    @action(
        description="Move stage",
        url_path="move",
        icon="stairs",
        permissions=["change"],
        dialog=dialog("Move to a stage", "", "Move", StageDialog),
    )
    def move(self, request: HttpRequest, form: StageDialog, object_id: str) -> HttpResponse:
        self._move(request, Lead.objects.filter(pk=object_id), form)
        return reload_at(reverse("admin:leads_lead_change", args=[object_id]))

    @action(
        description="Erase",
        url_path="erase",
        icon="delete_forever",
        permissions=["erase"],
        dialog=dialog(
            "Erase this person",
            "Everything about them goes, everywhere, and cannot be brought back: profile, history, mails, scores. "
            "Their opt-outs stay as a code, so that nobody mails the address again.",
            "Erase for good",
        ),
    )
    def erase(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        lead = Lead.objects.filter(pk=object_id).first()
        if lead is not None:
            gone = actions.erase(lead, now=clock.now())
            messages.success(request, f"Erased. {sum(gone.values())} rows are gone.")
        return reload_at(reverse("admin:leads_lead_changelist"))

    @action(description="Open in the console", url_path="in-console", icon="dashboard", variant=ActionVariant.PRIMARY)
    def in_console(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponse(status=302, headers={"Location": reverse("console:lead", args=[object_id])})
