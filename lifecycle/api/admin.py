"""API keys in the admin: made, looked at, revoked; never edited and never deleted."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextareaWidget

from lifecycle.api import keys
from lifecycle.api.models import ApiKey, RejectedCall, Scope
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, InsertOnlyAdmin, code


def tag(text: str) -> str:
    """What a page needs to track its visitors with this key."""
    return f'<script async src="{settings.SITE_URL}/t.js" data-key="{text}"></script>'


class IssueForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)
    allowed_origins = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Only for a key that stands in pages: the websites, one a line, like https://www.example.com. It may "
        "say what a visitor does, but is not believed about payments, meetings and subscriptions. "
        "Empty: a server's key.",
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "allowed_origins", "expires_at"]

    def clean_allowed_origins(self) -> list[str]:
        return keys.origins(self.cleaned_data["allowed_origins"].split())

    def clean(self) -> dict[str, Any]:
        """A key that everybody can read in a page may do nothing but track."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("allowed_origins") and cleaned.get("scopes") not in (None, [Scope.TRACK_WRITE]):
            raise forms.ValidationError({"scopes": f"A key for pages may have the scope {Scope.TRACK_WRITE} alone."})
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(EditAdmin):
    form = IssueForm
    list_display = ["name", "begins_with", "may", "state", "last_used_at", "created_at"]
    list_filter = ["created_at"]
    search_fields = ["name", "prefix"]
    ordering = ["-created_at"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        if obj is None:
            return ["name", "scopes", "allowed_origins", "expires_at"]
        shown = ["name", "begins_with", "may", "state", "expires_at", "last_used_at", "created_at", "revoked_at"]
        return [*shown, "allowed_origins", "snippet"] if obj.allowed_origins else shown

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("api.change_apikey")

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Issue the key that the form describes; `issued` carries its text to the one page that shows it."""
        asked = form.cleaned_data
        issued, text = keys.issue(
            name=asked["name"],
            scopes=asked["scopes"],
            allowed_origins=asked["allowed_origins"],
            expires_at=asked["expires_at"],
            now=clock.now(),
        )
        obj.pk, obj.prefix = issued.pk, issued.prefix
        request.issued = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The key on a page of its own: never in a message, whose storage is a cookie, and never again."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"The key “{obj.name}”",
            "opts": self.opts,
            "text": request.issued,  # type: ignore[attr-defined]
            "snippet": tag(request.issued) if obj.allowed_origins else "",  # type: ignore[attr-defined]
            "tracks": Scope.TRACK_WRITE in obj.scopes,
            "site": settings.SITE_URL,
        }
        page = TemplateResponse(request, "admin/api/apikey/issued.html", context)
        page["Cache-Control"] = "no-store"
        return page

    @action(description="Revoke: the program cannot call any more", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiKey]) -> None:
        revoked = keys.revoke(chosen, now=clock.now())
        messages.success(request, f"{revoked} revoked. Their programs get 401 from now on.")

    @display(description="Begins with")
    def begins_with(self, key: ApiKey) -> str:
        return f"{keys.MARK}_{key.prefix}_…"

    @display(description="May")
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(description="For the pages of these websites")
    def snippet(self, key: ApiKey) -> str:
        return code(tag(f"{keys.MARK}_{key.prefix}_…"))

    @display(description="State", label={"in force": "success", "revoked": "danger", "expired": "warning"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "expired" if key.is_over(clock.now()) else "in force"


@admin.register(RejectedCall)
class RejectedCallAdmin(InsertOnlyAdmin):
    nothing_yet = "Calls to the tracking endpoint that could not be stored stand here for two weeks, with the reason."
    list_display = ["reason", "call", "key", "message_id", "at"]
    list_select_related = ["key"]
    list_filter = ["call", "key", ("at", RangeDateTimeFilter)]
    search_fields = ["reason", "=message_id"]
    search_help_text = "Words of the reason, or a whole messageId."
    ordering = ["-id"]
    fields = ["reason", "call", "key", "message_id", "at", "what_was_sent"]

    @display(description="As it came")
    def what_was_sent(self, call: RejectedCall) -> str:
        return code(call.body or "Nothing.")
