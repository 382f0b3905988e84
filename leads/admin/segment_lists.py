"""The list of leads by segment."""

from typing import Any

from django.contrib.admin.options import ModelAdmin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.contrib.filters.admin import DropdownFilter

from leads.models import Lead, Segment, SegmentMember


class MembersFilter(DropdownFilter):
    """Who is in a segment now; to be searched, chosen from and exported like any list of leads."""

    title = "segment"
    parameter_name = "segment"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        return list(Segment.objects.values_list("slug", "name"))

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Lead]") -> "QuerySet[Lead]":
        if not self.value():
            return queryset
        inside = SegmentMember.objects.filter(segment__slug=self.value(), lead=OuterRef("pk"))
        return queryset.filter(Exists(inside))


def members_url(segment: Segment) -> str:
    return f"{reverse('admin:leads_lead_changelist')}?{MembersFilter.parameter_name}={segment.slug}"
