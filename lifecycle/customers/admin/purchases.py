"""Payments, to read: what was bought, what went back, and by which names billing speaks of each."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from lifecycle.core.admin import InsertOnlyAdmin, NewestInline, admin_link
from lifecycle.customers.admin.showing import amount_of, names_of
from lifecycle.customers.admin.totals import TotalsMixin
from lifecycle.customers.models import Purchase, PurchaseReference, Refund

NAMED = {
    "line_items": "the items of the payment",
    "invoice": "the lines of its bill",
    "metadata": "what the shop noted with it",
    "amount": "nothing but its amount: set STRIPE_API_KEY to have its items read",
}


class RefundedFilter(admin.SimpleListFilter):
    title, parameter_name = "refunds", "refunded"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("part", "Refunded in part"), ("all", "Refunded wholly"), ("no", "Not refunded")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Purchase]") -> "QuerySet[Purchase]":
        match self.value():
            case "part":
                return queryset.filter(refunded__gt=0, refunded__lt=F("amount"))
            case "all":
                return queryset.filter(refunded__gt=0).exclude(refunded__lt=F("amount"))
            case "no":
                return queryset.filter(refunded=0)
        return queryset


class RefundTab(NewestInline):
    model = Refund
    verbose_name_plural = "refunds"
    ordering = ["-refunded_at"]
    fields = ["key", "worth", "refunded_at"]
    readonly_fields = ["worth"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("purchase")

    @display(description="Amount")
    def worth(self, row: Refund) -> str:
        return amount_of(row.amount, row.purchase.currency)


class NameTab(NewestInline):
    model = PurchaseReference
    verbose_name_plural = "known as"
    ordering = ["id"]
    fields = ["provider", "reference"]


@admin.register(Purchase)
class PurchaseAdmin(TotalsMixin, InsertOnlyAdmin):
    nothing_yet = "Every payment stands here once, whichever of billing's messages tell of it."
    totals = {"Paid": "amount", "Refunded": "refunded"}
    list_display = ["items", "lead_link", "worth", "went_back", "audience", "kind", "purchased_at"]
    list_select_related = ["lead"]
    list_filter = [
        RefundedFilter,
        ("audience_type", ChoicesDropdownFilter),
        "is_renewal",
        ("purchased_at", RangeDateTimeFilter),
        "currency",
        "named_by",
        "provider",
    ]
    search_fields = ["=key", "=names__reference", "=lead__email_normal", "lead__company_name__istartswith"]
    search_help_text = "A whole order or payment number, a whole address, or how a company begins."
    ordering = ["-purchased_at", "-id"]
    inlines = [RefundTab, NameTab]
    fieldsets: Any = [
        (None, {"fields": ["items", "lead_link", ("worth", "went_back"), ("audience", "kind"), "subscription_link"]}),
        ("Told by", {"fields": [("provider", "key"), "named", ("purchased_at", "recorded_at")]}),
    ]
    readonly_fields = ["items", "lead_link", "worth", "went_back", "audience", "kind", "subscription_link", "named"]

    @display(description="What")
    def items(self, row: Purchase) -> str:
        return names_of(row.products)

    @display(description="Lead")
    def lead_link(self, row: Purchase) -> str:
        return admin_link(row.lead)

    @display(description="Paid", ordering="amount")
    def worth(self, row: Purchase) -> str:
        return amount_of(row.amount, row.currency)

    @display(description="Refunded", ordering="refunded")
    def went_back(self, row: Purchase) -> str:
        return amount_of(row.refunded or None, row.currency)

    @display(description="Audience")
    def audience(self, row: Purchase) -> str:
        return " · ".join(each for each in (row.get_audience_type_display(), row.primary_audience) if each) or "–"

    @display(description="Kind", label={"Renewal": "info", "Purchase": "success"})
    def kind(self, row: Purchase) -> str:
        return "Renewal" if row.is_renewal else "Purchase"

    @display(description="Subscription")
    def subscription_link(self, row: Purchase) -> str:
        return admin_link(row.subscription)

    @display(description="Named by")
    def named(self, row: Purchase) -> str:
        return NAMED.get(row.named_by, "who told of it")
