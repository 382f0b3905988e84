"""Who must not be mailed, and the topics that people choose among."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminEmailInputWidget

from campaigns.consent import suppressing
from campaigns.models import Suppression, Topic
from leads import addresses
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin


class SuppressionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks for the address and keeps only its hash."""

    email = forms.CharField(
        label="Address",
        widget=UnfoldAdminEmailInputWidget,
        help_text="Not stored: only its hash is kept, so that the block outlives the person's data.",
    )

    class Meta:
        model = Suppression
        fields = ["scope", "topic", "reason"]

    def clean_email(self) -> str:
        try:
            return addresses.read(self.cleaned_data["email"]).normal
        except addresses.AddressError as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if (data.get("scope") == Suppression.Scope.TOPIC) != bool(data.get("topic")):
            raise ValidationError({"topic": "Choose a topic for the scope “One topic”, and none for the others."})
        return data


@admin.register(Suppression)
class SuppressionAdmin(EditAdmin):
    list_display = ["__str__", "scope", "topic", "reason", "source", "created_at"]
    list_select_related = ["topic"]
    list_filter = [("scope", ChoicesDropdownFilter), "topic", ("created_at", RangeDateTimeFilter)]
    search_help_text = "A whole address."
    search_fields = ["=address_hash"]
    ordering = ["-id"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": SuppressionForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return (
            ["address_hash", "scope", "topic", "reason", "source", "created_at"]
            if obj
            else ["email", "scope", "topic", "reason"]
        )

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        try:
            normal = addresses.read(search_term).normal
        except addresses.AddressError:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(address_hash=addresses.address_hash(normal, addresses.address_key())), False

    def save_model(self, request: HttpRequest, obj: Suppression, form: Any, change: bool) -> None:
        hashed = addresses.address_hash(form.cleaned_data["email"], addresses.address_key())
        suppressing.suppress(
            hashed, scope=obj.scope, reason=obj.reason, source="admin", now=clock.now(), topic=obj.topic
        )
        obj.pk = Suppression.objects.get(address_hash=hashed, scope=obj.scope, topic=obj.topic).pk

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Lifting a block by hand is for the superuser: the person asked not to be mailed."""
        return bool(request.user.is_superuser)


@admin.register(Topic)
class TopicAdmin(EditAdmin):
    list_display = ["name", "slug", "description", "position"]
    ordering_field = "position"
    hide_ordering_field = True
    prepopulated_fields = {"slug": ["name"]}
    search_fields = ["name"]
