"""Subscriptions, bills and billing accounts, to read: billing says how they are, nobody types it here."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from lifecycle.core.admin import InsertOnlyAdmin, NewestInline, admin_link
from lifecycle.customers.admin.showing import BILL_STATES, STATES, amount_of, names_of, period_of, state_of
from lifecycle.customers.admin.totals import TotalsMixin
from lifecycle.customers.models import BillingAccount, Invoice, Subscription

BY_PERSON = ["=reference", "=lead__email_normal", "lead__company_name__istartswith"]
BY_PERSON_HELP = "A whole reference or address, or how a company begins."


class LiveFilter(admin.SimpleListFilter):
    title, parameter_name = "what becomes of it", "live"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Running"), ("leaving", "Ends soon"), ("no", "Ended")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Subscription]") -> "QuerySet[Subscription]":
        ended = Q(state=Subscription.State.ENDED)
        match self.value():
            case "yes":
                return queryset.exclude(ended)
            case "leaving":
                return queryset.exclude(ended).filter(renews_at=None, ends_at__isnull=False)
            case "no":
                return queryset.filter(ended)
        return queryset


class InvoiceTab(NewestInline):
    model = Invoice
    verbose_name_plural = "bills"
    ordering = ["-issued_at"]
    fields = ["bill_link", "state_badge", "worth", "attempts", "issued_at", "paid_at"]
    readonly_fields = ["bill_link", "state_badge", "worth"]

    @display(description="Bill")
    def bill_link(self, row: Invoice) -> str:
        return admin_link(row)

    @display(description="State", label=BILL_STATES)
    def state_badge(self, row: Invoice) -> str:
        return row.get_state_display()

    @display(description="Amount")
    def worth(self, row: Invoice) -> str:
        return amount_of(row.amount, row.currency)


@admin.register(Subscription)
class SubscriptionAdmin(TotalsMixin, InsertOnlyAdmin):
    nothing_yet = "Subscriptions stand here when Stripe or your own shop tells of them: subscription.started and so on."
    totals = {"For one period": "amount"}
    list_display = ["shown_plan", "lead_link", "state_badge", "worth", "period", "renews_at", "ends_at", "started_at"]
    list_select_related = ["lead"]
    list_filter = [
        LiveFilter,
        ("state", ChoicesDropdownFilter),
        ("renews_at", RangeDateTimeFilter),
        ("ended_at", RangeDateTimeFilter),
        "interval_months",
        "provider",
    ]
    search_fields = [*BY_PERSON, "plan__istartswith"]
    search_help_text = f"{BY_PERSON_HELP} Or how a plan begins."
    ordering = ["-started_at", "-id"]
    inlines = [InvoiceTab]
    fieldsets: Any = [
        (None, {"fields": ["shown_plan", "lead_link", ("state_badge", "worth", "period"), ("items", "quantity")]}),
        ("When", {"fields": [("started_at", "trial_ends_at"), ("renews_at", "ends_at", "ended_at")]}),
        ("Told by", {"fields": [("provider", "reference"), ("told_at", "created_at")]}),
    ]
    readonly_fields = ["shown_plan", "lead_link", "state_badge", "worth", "period", "items"]

    @display(description="Plan", ordering="plan")
    def shown_plan(self, row: Subscription) -> str:
        return row.plan or row.reference

    @display(description="Lead")
    def lead_link(self, row: Subscription) -> str:
        return admin_link(row.lead)

    @display(description="State", ordering="state", label=STATES)
    def state_badge(self, row: Subscription) -> str:
        return state_of(row)

    @display(description="Amount", ordering="amount")
    def worth(self, row: Subscription) -> str:
        return amount_of(row.amount, row.currency)

    @display(description="Billed", ordering="interval_months")
    def period(self, row: Subscription) -> str:
        return period_of(row) or "–"

    @display(description="Products")
    def items(self, row: Subscription) -> str:
        return names_of(row.products)


@admin.register(Invoice)
class InvoiceAdmin(TotalsMixin, InsertOnlyAdmin):
    nothing_yet = "Bills stand here when billing tells of them: those that were paid, and those that failed."
    totals = {"Billed": "amount"}
    list_display = ["reference", "lead_link", "state_badge", "worth", "attempts", "next_attempt_at", "issued_at"]
    list_select_related = ["lead"]
    list_filter = [("state", ChoicesDropdownFilter), ("issued_at", RangeDateTimeFilter), "provider"]
    search_fields = BY_PERSON
    search_help_text = BY_PERSON_HELP
    ordering = ["-issued_at", "-id"]
    fieldsets: Any = [
        (None, {"fields": ["reference", "lead_link", "subscription_link", ("state_badge", "worth")]}),
        ("Paying", {"fields": [("attempts", "next_attempt_at"), "pay_url", ("issued_at", "failed_at", "paid_at")]}),
        ("Told by", {"fields": [("provider", "told_at")]}),
    ]
    readonly_fields = ["lead_link", "subscription_link", "state_badge", "worth"]

    @display(description="Lead")
    def lead_link(self, row: Invoice) -> str:
        return admin_link(row.lead)

    @display(description="Subscription")
    def subscription_link(self, row: Invoice) -> str:
        return admin_link(row.subscription)

    @display(description="State", ordering="state", label=BILL_STATES)
    def state_badge(self, row: Invoice) -> str:
        return row.get_state_display()

    @display(description="Amount", ordering="amount")
    def worth(self, row: Invoice) -> str:
        return amount_of(row.amount, row.currency)


@admin.register(BillingAccount)
class BillingAccountAdmin(InsertOnlyAdmin):
    nothing_yet = "Whom billing knows under which number. It is noted with their first payment."
    list_display = ["reference", "lead_link", "provider", "created_at"]
    list_select_related = ["lead"]
    list_filter = ["provider", ("created_at", RangeDateTimeFilter)]
    search_fields = BY_PERSON
    search_help_text = BY_PERSON_HELP
    ordering = ["-id"]
    fields = ["reference", "lead_link", "provider", "created_at"]
    readonly_fields = ["lead_link"]

    @display(description="Lead")
    def lead_link(self, row: BillingAccount) -> str:
        return admin_link(row.lead)
