"""Touches to look at with their channel, and the rules that name channels, with a box to try them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from leads import attribution, channels, devices
from leads.models import ChannelRule, Touch
from lifecycle.core.admin import EditAdmin, InsertOnlyAdmin, admin_link

SHOWN = 5
KINDS = ("visit", "click", "form", "booking", "webinar", "import", "api")


class KindFilter(DropdownFilter):
    title, parameter_name = "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Touch]") -> "QuerySet[Touch]":
        return queryset.filter(kind=self.value()) if self.value() else queryset


class ChannelFilter(DropdownFilter):
    title, parameter_name = "channel", "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in channels.current().names()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Touch]") -> "QuerySet[Touch]":
        if not self.value():
            return queryset
        case, given = channels.current().case("leads_touch")
        named = RawSQL(case.replace("%b", "%s"), given, output_field=CharField())  # noqa: S611  our own text
        return queryset.alias(channel=named).filter(channel=self.value())


class DeviceFilter(DropdownFilter):
    title, parameter_name = "device", "device"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in (devices.DESKTOP, devices.MOBILE, devices.TABLET)]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Touch]") -> "QuerySet[Touch]":
        return queryset.filter(device=self.value()) if self.value() else queryset


@admin.register(Touch)
class TouchAdmin(InsertOnlyAdmin):
    nothing_yet = "A touch is made by a visit that begins, a click in our mail, a form, an API call or an import."
    list_display = [
        "lead_link",
        "kind",
        "channel",
        "from_where",
        "campaign",
        "landing_path",
        "by",
        "device",
        "occurred_at",
    ]
    list_select_related = ["lead"]
    list_filter = [KindFilter, ChannelFilter, DeviceFilter, ("occurred_at", RangeDateTimeFilter)]
    search_fields = ["=lead__email_normal", "=campaign", "=source", "=landing_path", "=mail"]
    search_help_text = "A whole address, campaign, source, landing page (www.example.com/pricing) or mail."
    ordering = ["-id"]
    readonly_fields = ["lead_link", "channel", "event_link"]
    fieldsets = [
        (None, {"fields": ["lead_link", ("kind", "occurred_at", "recorded_at")]}),
        ("Where from", {"fields": ["channel", ("source", "medium"), "campaign", ("term", "content"), "click_ids"]}),
        ("Where to", {"fields": ["landing_path", "landing_page", "referrer", "device"]}),
        ("By what", {"fields": ["form", ("sequence", "mail"), "event_link", "raw"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Touch]":
        self._rules = channels.current()
        return super().get_queryset(request)

    @display(description="Lead")
    def lead_link(self, touch: Touch) -> str:
        return admin_link(touch.lead)

    @display(description="Channel")
    def channel(self, touch: Touch) -> str:
        return self._rules.of(touch.source, touch.medium, touch.campaign, touch.click_ids)

    @display(description="Source / medium")
    def from_where(self, touch: Touch) -> str:
        return " / ".join(filter(None, (touch.source, touch.medium)))

    @display(description="Form or mail")
    def by(self, touch: Touch) -> str:
        return touch.form or touch.mail or "–"

    @display(description="Event")
    def event_link(self, touch: Touch) -> str:
        return admin_link(touch.event)


class ChannelRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ChannelRule
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose
        widgets = {
            name: UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"})
            for name in ("sources", "mediums", "campaigns")
        }
        help_texts = {
            "sources": "Comma-separated, whole words, * stands for anything: google, linkedin*. Empty: any source.",
            "mediums": "cpc, ppc, paid* … Empty: any medium.",
            "campaigns": "brand*, spring-2026 … Empty: any campaign.",
            "click_ids": "gclid, msclkid …, or * for any of them. Empty: with or without.",
        }


class TryForm(forms.Form):
    address = forms.CharField(
        required=False,
        max_length=2_000,
        label="Address of the page, as the link led to it",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "https://www.example.com/?utm_source=…&gclid=…"}),
    )
    referrer = forms.CharField(
        required=False,
        max_length=2_000,
        label="The page before it",
        help_text="Counts when the address names no UTM values: https://www.google.com/",
        widget=UnfoldAdminTextInputWidget,
    )


@admin.register(ChannelRule)
class ChannelRuleAdmin(EditAdmin):
    """The first rule that fits counts, from top to bottom. Nothing is stored with touches, so the past follows."""

    form = ChannelRuleForm
    list_display = ["channel", "tests", "position", "is_active"]
    list_editable = ["position", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["channel__icontains", "sources__icontains", "mediums__icontains"]
    ordering = ["position", "id"]
    actions_list = ["try_rules"]
    fieldsets = [
        (None, {"fields": ["channel", ("position", "is_active")]}),
        ("All of these hold", {"fields": ["sources", "mediums", "campaigns", "click_ids"]}),
    ]

    @display(description="When")
    def tests(self, rule: ChannelRule) -> str:
        named = {"source": rule.sources, "medium": rule.mediums, "campaign": rule.campaigns, "click id": rule.click_ids}
        return " and ".join(f"{name} is {_some(words)}" for name, words in named.items() if words) or "always"

    @action(description="Which channel would this be?", url_path="try", icon="science")
    def try_rules(self, request: HttpRequest) -> HttpResponse:
        """What touches and rules make of an address that somebody types."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TryForm(request.GET if "address" in request.GET else None)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Which channel would this be?",
            "form": form,
            "back": reverse("admin:leads_channelrule_changelist"),
        }
        if form.is_valid():
            read = attribution.read(
                {"page_url": form.cleaned_data["address"], "referrer": form.cleaned_data["referrer"]}
            )
            values = (read.source, read.medium, read.campaign, read.click_ids)
            place = channels.current().place(*values)
            rules = ChannelRule.objects.filter(is_active=True).order_by("position", "id")
            context |= {"read": read, "channel": channels.current().of(*values)}
            context["rule"] = None if place is None else admin_link(rules[place], f"Position {rules[place].position}")
        return TemplateResponse(request, "admin/leads/try_channels.html", context)


def _some(words: str) -> str:
    """The first words of a long list, for a cell."""
    listed = [word.strip() for word in words.split(",")]
    return ", ".join(listed[:SHOWN]) + (f" … ({len(listed)})" if len(listed) > SHOWN else "")
