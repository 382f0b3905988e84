"""What somebody bought, subscribes to and was billed for, as tabs of the lead's page."""

from unfold.decorators import display

from leads.admin.lead import LeadAdmin
from lifecycle.core.admin import NewestInline, admin_link
from lifecycle.customers.admin.facts import InvoiceTab
from lifecycle.customers.admin.showing import STATES, amount_of, names_of, period_of, state_of
from lifecycle.customers.models import Purchase, Subscription


class SubscriptionTab(NewestInline):
    model = Subscription
    verbose_name_plural = "subscriptions"
    ordering = ["-started_at"]
    fields = ["plan_link", "state_badge", "worth", "period", "renews_at", "ends_at", "started_at"]
    readonly_fields = ["plan_link", "state_badge", "worth", "period"]

    @display(description="Plan")
    def plan_link(self, row: Subscription) -> str:
        return admin_link(row)

    @display(description="State", label=STATES)
    def state_badge(self, row: Subscription) -> str:
        return state_of(row)

    @display(description="Amount")
    def worth(self, row: Subscription) -> str:
        return amount_of(row.amount, row.currency)

    @display(description="Billed")
    def period(self, row: Subscription) -> str:
        return period_of(row) or "–"


class PurchaseTab(NewestInline):
    model = Purchase
    verbose_name_plural = "purchases"
    ordering = ["-purchased_at"]
    fields = ["what", "worth", "went_back", "is_renewal", "purchased_at"]
    readonly_fields = ["what", "worth", "went_back"]

    @display(description="What")
    def what(self, row: Purchase) -> str:
        return admin_link(row, names_of(row.products))

    @display(description="Paid")
    def worth(self, row: Purchase) -> str:
        return amount_of(row.amount, row.currency)

    @display(description="Refunded")
    def went_back(self, row: Purchase) -> str:
        return amount_of(row.refunded or None, row.currency)


class BillTab(InvoiceTab):
    verbose_name_plural = "bills"


LeadAdmin.add_tab(SubscriptionTab)
LeadAdmin.add_tab(PurchaseTab)
LeadAdmin.add_tab(BillTab)
