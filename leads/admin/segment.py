"""Segments: a rule, the sentence it means, whom it would hold for while it is written, and who is in it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from leads.admin import segment_previews
from leads.admin.scoring import CONDITION_HELP
from leads.admin.segment_lists import members_url
from leads.models import Lead, Segment
from leads.rule_fields import VOCABULARY
from leads.segments import counting
from leads.segments.counting import Growth
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, RuleField, ago, english

RULE_HELP = (
    f'{CONDITION_HELP} Dates count too: {{"field": "attributes.renewal_date", "op": "within_next", "value": "30d"}}.'
)


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    rule = RuleField(vocabulary=VOCABULARY, label="Rule", help_text=RULE_HELP)

    class Meta:
        model = Segment
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose


@admin.register(Segment)
class SegmentAdmin(EditAdmin):
    form = SegmentForm
    list_display = ["name", "in_words", "members", "growth", "looked_at", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["members", "growth", "looked_at", "preview", "version"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "is_active"]}),
        ("Who belongs to it", {"fields": ["rule", "preview"]}),
        ("Members", {"fields": [("members", "growth"), ("looked_at", "version")]}),
    ]

    class Media:
        js = ["js/segment.js"]

    def get_urls(self) -> Any:
        own = path("preview/", self.admin_site.admin_view(self.preview_view), name="leads_segment_preview")
        return [own, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Segment | None = None) -> Any:
        return self.fieldsets if obj else self.fieldsets[:2]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changes = super().get_changelist_instance(request)
        found = counting.growth([segment.pk for segment in changes.result_list], now=clock.now())
        for segment in changes.result_list:
            segment.lately = found.get(segment.pk, Growth())
        return changes

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        if change and "rule" in form.changed_data:
            obj.renew()
        if "is_active" in form.changed_data:
            obj.look_again()  # the next tick lets its members in, or go
        super().save_model(request, obj, form, change)

    def preview_view(self, request: HttpRequest) -> HttpResponseBase:
        """POST `rule`, the text of the form's box: what it would do, as JSON."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return JsonResponse(segment_previews.answer(request.POST.get("rule", ""), now=clock.now()))

    @display(description="In words")
    def in_words(self, segment: Segment) -> str:
        return english(segment.rule, VOCABULARY)

    @display(description="Members", ordering="member_count")
    def members(self, segment: Segment) -> str:
        url, words = members_url(segment), f"{segment.member_count:,}"
        if not hasattr(segment, "lately"):  # on its own page
            words = f"{words}: show, search or export them"
        return format_html('<a class="text-link" href="{}">{}</a>', url, words)

    @display(description="In 7 days")
    def growth(self, segment: Any) -> str:
        lately = getattr(segment, "lately", None)
        if lately is None:
            lately = counting.growth([segment.pk], now=clock.now()).get(segment.pk, Growth())
        parts = [("up", f"+{lately.came:,}")] * bool(lately.came) + [("down", f"−{lately.went:,}")] * bool(lately.went)
        return format_html_join(" ", '<span class="nowrap {}">{}</span>', parts) or "–"

    @display(description="Last full look", ordering="refreshed_at")
    def looked_at(self, segment: Segment) -> str:
        """How far the pass is, while there is one."""
        if segment.built_to is not None:
            last = Lead.objects.aggregate(last=Max("pk"))["last"] or 1
            return f"Under way, {min(99, 100 * segment.built_to // last)} %"
        return ago(segment.refreshed_at) if segment.refreshed_at else "Waits for the next tick"

    @display(description="By this rule, right now")
    def preview(self, segment: Segment) -> str:
        """Filled in by segment.js, and again a moment after each change of the rule."""
        return format_html(
            '<div class="rule-preview" data-rule-preview="{}" aria-live="polite">'
            '<p class="quiet">Save the segment to see its members.</p></div>',
            reverse("admin:leads_segment_preview"),
        )
