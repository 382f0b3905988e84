"""Systems that people connect themselves: the source with its rules, its secret, and a place to try bodies."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
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
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, admin_link, ago, code, counted, dialog, table
from lifecycle.core.admin.frames import reload_page
from lifecycle.core.admin.rule_fields import CodeField
from lifecycle.integrations.models import InboxEvent, WebhookRule, WebhookSource
from lifecycle.integrations.webhook import meaning, paths, secrets, trying
from lifecycle.integrations.webhook.provider import FAMILY, LONGEST_SLUG

LATEST = 20
SAMPLE = '{\n  "type": "user.upgraded",\n  "data": {"user": {"email": "ada@example.com"}, "plan": {"name": "Pro"}}\n}'
PATHS = (
    "Paths lead into the body of a call: data.user.email, or data.items.0.name for the first of a list (-1: the last). "
    "A dot that belongs to a name is written \\."
)


def door(source: WebhookSource) -> str:
    return f"{settings.SITE_URL}/webhooks/in/{source.slug}/"


class SecretField(forms.CharField):
    """A secret of the other side; empty where we are to make one."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})
        super().__init__(required=False, max_length=200, widget=widget, **kwargs)

    def validate(self, value: str) -> None:
        if value and (problem := secrets.fault(value)):
            raise ValidationError(problem)


class SourceForm(forms.ModelForm):  # type: ignore[type-arg]
    given_secret = SecretField(
        label="Their secret",
        help_text="Only if the other system issues one itself (whsec_…). Empty: we make one, shown once after saving.",
    )

    class Meta:
        model = WebhookSource
        fields = ["name", "slug", "kind_path", "is_active"]

    def clean_slug(self) -> str:
        text: str = self.cleaned_data["slug"]
        if len(text) > LONGEST_SLUG:
            raise ValidationError(f"At most {LONGEST_SLUG} characters: events name their source by it.")
        return text

    def clean_kind_path(self) -> str:
        text: str = self.cleaned_data["kind_path"]
        try:
            paths.parse(text)
        except paths.PathError as problem:
            raise ValidationError(str(problem)) from problem
        return text


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    properties = CodeField(
        empty={}, rows=5, label="Properties", help_text='Our property → where it is: {"plan": "data.plan.name"}'
    )
    fields_ = CodeField(
        empty={},
        rows=5,
        label="Fields of the lead",
        help_text='Field → where it is: {"first_name": "data.user.given_name", "attributes.plan": "data.plan.name"}. '
        "What is known of a person is never overwritten.",
    )

    class Meta:
        model = WebhookRule
        exclude = ["fields"]  # noqa: DJ006  a form has `fields` of its own
        help_texts: ClassVar = {"event_kind": "How triggers, exits, scores and segments know it: plan.upgraded"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["fields_"] = self.instance.fields

    def clean(self) -> dict[str, Any]:
        """Every path is read, every name is looked up: what could never work is said here."""
        cleaned: dict[str, Any] = super().clean() or {}
        if {"properties", "fields_", "email_path", "event_kind"} <= cleaned.keys():
            columns = {name: value for name, value in cleaned.items() if name not in ("fields_", "id", "DELETE")}
            rule = WebhookRule(**columns, fields=cleaned["fields_"])
            for name, problems in meaning.check(rule).items():
                for problem in problems:
                    self.add_error("fields_" if name == "fields" else name, problem)
        return cleaned

    def save(self, commit: bool = True) -> Any:
        self.instance.fields = self.cleaned_data["fields_"]
        return super().save(commit)


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


class TryForm(forms.Form):
    body = forms.CharField(
        max_length=200_000,
        label="The body of a call",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false", "class": "code-box"}),
    )


class ChangeSecretForm(forms.Form):
    given_secret = SecretField(label="Their new secret", help_text="Only if the other system issues it (whsec_…).")


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
