"""Systems that people connect themselves: the source with its rules, its secret, and a place to try bodies."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import StackedInline
from unfold.decorators import action, display

from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, admin_link, ago, code, counted, dialog, table
from lifecycle.core.admin.frames import reload_page
from lifecycle.integrations.admin.source_forms import ChangeSecretForm, RuleForm, SourceForm, TryForm
from lifecycle.integrations.models import InboxEvent, WebhookRule, WebhookSource
from lifecycle.integrations.webhook import secrets, trying
from lifecycle.integrations.webhook.provider import FAMILY

LATEST = 20
SAMPLE = '{\n  "type": "user.upgraded",\n  "data": {"user": {"email": "ada@example.com"}, "plan": {"name": "Pro"}}\n}'
PATHS = (
    "Paths lead into the body of a call: data.user.email, or data.items.0.name for the first of a list (-1: the last). "
    "A dot that belongs to a name is written \\."
)


def door(source: WebhookSource) -> str:
    return f"{settings.SITE_URL}/webhooks/in/{source.slug}/"


class RuleInline(StackedInline):
    model = WebhookRule
    form = RuleForm
    extra = 0
    tab = True
    verbose_name_plural = "rules"
    fields = [
        ("kind", "event_kind"),
        ("email_path", "creates_leads"),
        ("occurred_at_path", "key_path"),
        "properties",
        "fields_",
        "is_active",
    ]


@admin.register(WebhookSource)
class WebhookSourceAdmin(EditAdmin):
    form = SourceForm
    inlines = [RuleInline]
    nothing_yet = "Connect any system that signs its webhooks as Standard Webhooks says: add a source, then its rules."
    list_display = ["name", "door_path", "rules_count", "last_heard", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    ordering = ["slug"]
    actions_detail = ["try_it", "change_secret", "end_change"]
    readonly_fields = ["address", "secret_state", "latest"]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        ours = InboxEvent.objects.filter(provider=Concat(Value(f"{FAMILY}:"), OuterRef("slug"))).order_by(
            "-received_at"
        )
        return rows.annotate(
            how_many_rules=counted(WebhookRule.objects.all(), "source"),
            heard_at=Subquery(ours.values("received_at")[:1]),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> Any:
        """Ending the former secret is offered only while there is one."""
        shown = super().get_actions_detail(request, object_id)
        if WebhookSource.objects.filter(pk=object_id).exclude(former_secret="").exists():
            return shown
        return [one for one in shown if not one.action_name.endswith("end_change")]

    def get_fieldsets(self, request: HttpRequest, obj: WebhookSource | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": [("name", "slug"), "kind_path", "given_secret", "is_active"]})]
        return [
            (None, {"fields": [("name", "slug"), "kind_path", "is_active"], "description": PATHS}),
            ("For the other system", {"fields": ["address", "secret_state"]}),
            ("Latest calls", {"fields": ["latest"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: WebhookSource | None = None) -> Any:
        """The slug stands in the address that the other side calls, and on every row of the inbox."""
        return [*self.readonly_fields, "slug"] if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: WebhookSource, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = clock.now()
            request.issued = secrets.give(obj, form.cleaned_data["given_secret"])  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: WebhookSource, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._issued(request, obj, request.issued)  # type: ignore[attr-defined]

    def _issued(self, request: HttpRequest, source: WebhookSource, secret: str) -> HttpResponse:
        """The secret on a page of its own: never in a message, whose storage is a cookie, and never again."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"The secret of “{source.name}”",
            "secret": secret,
            "door": door(source),
            "is_changed": bool(source.former_secret),
            "back": reverse("admin:integrations_webhooksource_change", args=[source.pk]),
        }
        page = TemplateResponse(request, "admin/integrations/secret.html", context)
        page["Cache-Control"] = "no-store"
        return page

    @action(description="Try a body", url_path="try", icon="science")
    def try_it(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Which rule fits a body that somebody pastes, and what would come of it. Writes nothing."""
        source = get_object_or_404(WebhookSource, pk=object_id)
        if not self.has_view_permission(request, source):
            raise PermissionDenied
        form = TryForm(request.POST or {"body": trying.latest_body(source) or SAMPLE})
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Try a body on “{source.name}”",
            "form": form,
            "tried": trying.try_body(source, form.cleaned_data["body"]) if form.is_valid() else None,
            "back": reverse("admin:integrations_webhooksource_change", args=[source.pk]),
        }
        return TemplateResponse(request, "admin/integrations/try_body.html", context)

    @action(description="Change the secret", url_path="secret", icon="key", permissions=["change"])
    def change_secret(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Asked first; the new one is shown once, and the former one stays valid until somebody ends that."""
        source = get_object_or_404(WebhookSource, pk=object_id)
        form = ChangeSecretForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            secret = secrets.give(source, form.cleaned_data["given_secret"])
            source.save(update_fields=["secret", "former_secret"])
            return self._issued(request, source, secret)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Change the secret of “{source.name}”",
            "form": form,
            "replaces_former": bool(source.former_secret),
            "back": reverse("admin:integrations_webhooksource_change", args=[source.pk]),
        }
        return TemplateResponse(request, "admin/integrations/change_secret.html", context)

    @action(
        description="End the former secret",
        url_path="end-change",
        icon="key_off",
        permissions=["change"],
        dialog=dialog(
            "Is the other side changed over?", "Calls signed with the former secret are refused from now on.", "End it"
        ),
    )
    def end_change(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        source = get_object_or_404(WebhookSource, pk=object_id)
        if secrets.forget_former(source):
            messages.success(request, "Only the newest secret is valid now.")
        else:
            messages.info(request, "There was only one secret.")
        return reload_page(request, source)

    @display(description="Door")
    def door_path(self, source: WebhookSource) -> str:
        return f"/webhooks/in/{source.slug}/"

    @display(description="Rules")
    def rules_count(self, source: Any) -> int:
        return int(source.how_many_rules)

    @display(description="Last call")
    def last_heard(self, source: Any) -> str:
        return ago(source.heard_at)

    @display(description="Address")
    def address(self, source: WebhookSource) -> SafeString:
        return code(door(source))

    @display(description="Secret")
    def secret_state(self, source: WebhookSource) -> str:
        if source.former_secret:
            return "Set, and shown once when it was made. The former one is valid as well until you end it."
        return "Set, and shown once when it was made."

    @display(description="The newest 20")
    def latest(self, source: WebhookSource) -> SafeString | str:
        calls: QuerySet[Any] = InboxEvent.objects.filter(provider=f"{FAMILY}:{source.slug}").defer("body", "error")
        rows = [
            (
                unbroken(f"{call.received_at:%d %b, %H:%M}"),
                admin_link(call, call.kind),
                unbroken(call.get_state_display()),
                call.outcome,
            )
            for call in calls.order_by(F("received_at").desc())[:LATEST]
        ]
        return table(["Came (UTC)", "Kind", "State", "What it did"], rows) if rows else "No call came so far."


def unbroken(text: str) -> SafeString:
    return format_html('<span class="whitespace-nowrap">{}</span>', text)
