"""Merge two leads on a page of its own: find the other, see what would happen, then confirm."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from unfold.decorators import action

from leads import addresses
from leads.identity.merging import MergeError, MergePreview, merge, preview
from leads.models import Lead
from lifecycle.core import clock

MOST_FOUND = 20
PERMISSION = "leads.add_leadmerge"


def merge_url(kept_id: int, other_id: int | None = None) -> str:
    url = reverse("admin:leads_lead_merge", args=[kept_id])
    return f"{url}?other={other_id}" if other_id else url


class MergeActions:
    """What the page of a lead offers: it leads to the page that shows what a merge would do."""

    admin_site: Any

    def get_urls(self) -> list[Any]:
        own = path("<int:pk>/merge/", self.admin_site.admin_view(merge_page), name="leads_lead_merge")
        return [own, *super().get_urls()]  # type: ignore[misc]

    @action(description="Merge …", url_path="merge-with", icon="merge", permissions=["merge"])
    def merge_with(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return redirect(merge_url(int(object_id)))

    def has_merge_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(PERMISSION)


def merge_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """GET finds the other lead and shows what would happen, POST does it."""
    kept = get_object_or_404(Lead, pk=pk)
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    other = Lead.objects.filter(pk=given["other"]).first() if given.get("other", "").isdecimal() else None
    if request.method == "POST" and other is not None:
        return _merge(request, kept, other)
    searched = given.get("q", "").strip()[:200]
    context: dict[str, Any] = {"kept": kept, "searched": searched, "title": f"Merge another lead into {kept.email}"}
    if other is not None and other.pk != kept.pk:
        context |= _shown(preview(kept, other))
    elif searched:
        context["found"] = _found(searched, kept)
    context |= {**admin.site.each_context(request), "opts": Lead._meta}
    return TemplateResponse(request, "admin/leads/merge.html", context)


def _merge(request: HttpRequest, kept: Lead, other: Lead) -> HttpResponseBase:
    try:
        merge(kept, other, now=clock.now(), actor=request.user)
    except MergeError as error:
        messages.error(request, str(error))
        return redirect(merge_url(kept.pk))
    messages.success(request, f"{other.email} is merged into {kept.email}. It can be undone under Merges.")
    return redirect("admin:leads_lead_change", kept.pk)


def _found(searched: str, kept: Lead) -> list[Lead]:
    """Leads by how their address or a name begins, as in the list of leads."""
    lower = searched.lower()
    by_address = Q(email_normal__startswith=lower)
    by_name = Q(first_name__istartswith=searched) | Q(last_name__istartswith=searched)
    leads = Lead.objects.filter(by_address if "@" in searched else by_address | by_name).exclude(pk=kept.pk)
    found = list(leads.order_by("-score", "pk")[:MOST_FOUND])
    try:
        exact = addresses.find(searched) if "@" in searched else None
    except addresses.AddressError:
        exact = None
    return found if exact is None or exact == kept or exact in found else [exact, *found]


def _shown(seen: MergePreview) -> dict[str, Any]:
    """The preview as the template reads it."""
    fills = [(name, shown(value)) for name, value in seen.fills.items()]
    return {"seen": seen, "other": seen.other, "fills": fills, "swap": merge_url(seen.other.pk, seen.kept.pk)}


def shown(value: object) -> str:
    """A value of a snapshot, which has times as text."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    moment = parse_datetime(value) if isinstance(value, str) and value[10:11] == "T" else None
    return date_format(moment, "j M Y") if moment else str(value)
