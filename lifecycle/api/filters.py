"""What lists can be narrowed by. Unknown values and unknown filters are refused, never ignored."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.db.models import QuerySet, TextChoices
from django.utils.dateparse import parse_datetime
from django_filters import rest_framework as filters
from rest_framework.request import Request

from leads import addresses
from leads.models import Lead
from leads.models.lead import Stage, Temperature, Tier
from lifecycle.api.problems import invalid

NOBODY = "none"
PAGING = {"cursor", "limit"}


class Owner(forms.CharField):
    """A user name, or `none`."""

    def clean(self, value: Any) -> str:
        name: str = super().clean(value)
        if name and name != NOBODY and not get_user_model().objects.filter(username=name).exists():
            problem = f"There is no user named “%(name)s”. Write “{NOBODY}” for leads without an owner."
            raise forms.ValidationError(problem, params={"name": name})
        return name


class OwnerFilter(filters.CharFilter):
    field_class = Owner


class Moment(forms.CharField):
    def clean(self, value: Any) -> datetime | None:
        text: str = super().clean(value)
        if not text:
            return None
        try:
            moment = parse_datetime(text)
        except ValueError:
            moment = None
        if moment is None or not 1900 <= moment.year < 9999:
            raise forms.ValidationError("Write a time such as 2026-03-01T12:00:00Z; a + has to be encoded.")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class MomentFilter(filters.CharFilter):
    field_class = Moment


def one_of(choices: type[TextChoices]) -> filters.ChoiceFilter:
    problem = f"“%(value)s” is none of: {', '.join(choices.values)}."
    return filters.ChoiceFilter(choices=choices.choices, error_messages={"invalid_choice": problem})


class LeadFilter(filters.FilterSet):
    email = filters.CharFilter(
        method="by_email", help_text="The address, in any spelling that reaches the same mailbox."
    )
    stage = one_of(Stage)
    temperature = one_of(Temperature)
    engagement_tier = one_of(Tier)
    is_client = filters.ChoiceFilter(
        choices=[("true", "true"), ("false", "false")],
        method="by_client",
        error_messages={"invalid_choice": "“%(value)s” is neither true nor false."},
        help_text="Whether they have a subscription or bought something that was not refunded.",
    )
    owner = OwnerFilter(method="by_owner", help_text=f"A user name, or “{NOBODY}”.")
    updated_since = MomentFilter(
        field_name="updated_at",
        lookup_expr="gte",
        help_text="ISO 8601. The list is then ordered by the time of the change, oldest first.",
    )

    class Meta:
        model = Lead
        fields: list[str] = []

    def by_email(self, leads: QuerySet[Lead], name: str, value: str) -> QuerySet[Lead]:
        try:
            return leads.filter(addresses.reached_at(addresses.read(value).normal))
        except addresses.AddressError as problem:
            raise invalid(email=str(problem)) from problem

    def by_client(self, leads: QuerySet[Lead], name: str, value: str) -> QuerySet[Lead]:
        return leads.filter(is_client=value == "true")

    def by_owner(self, leads: QuerySet[Lead], name: str, value: str) -> QuerySet[Lead]:
        return leads.filter(owner=None) if value == NOBODY else leads.filter(owner__username=value)


class KnownFilters(filters.DjangoFilterBackend):
    """Refuses a query parameter that means nothing here: a misspelt filter must not list everybody."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = PAGING | set(filterset_class.base_filters if filterset_class else ())
        for name, value in request.query_params.items():
            if name not in known:
                raise invalid(**{name: f"There is no such filter here; there are: {', '.join(sorted(known))}."})
            if "\0" in value:
                raise invalid(**{name: "NUL characters are not allowed."})
        return super().filter_queryset(request, queryset, view)
