"""API keys in the admin: made, looked at, revoked; never edited and never deleted."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from lifecycle.api import keys
from lifecycle.api.models import ApiKey, Scope
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin


class IssueForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget)

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "expires_at"]


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
            return ["name", "scopes", "expires_at"]
        return ["name", "begins_with", "may", "state", "expires_at", "last_used_at", "created_at", "revoked_at"]

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
            name=asked["name"], scopes=asked["scopes"], expires_at=asked["expires_at"], now=clock.now()
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

    @display(description="State", label={"in force": "success", "revoked": "danger", "expired": "warning"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "expired" if key.is_over(clock.now()) else "in force"
