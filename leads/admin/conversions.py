"""The ledger of conversions, to read: what was won, for how much, and what was given back."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from leads.models import Conversion
from lifecycle.core import money
from lifecycle.core.admin import InsertOnlyAdmin, admin_link

COLOURS = {
    "Became MQL": "info",
    "Became SQL": "primary",
    "Demo booked": "warning",
    "Deal won": "success",
    "Purchase": "success",
    "Refund": "danger",
}


@admin.register(Conversion)
class ConversionAdmin(InsertOnlyAdmin):
    nothing_yet = "Who becomes an MQL or SQL, books a demo, signs a deal or buys stands here; events tell of it."
    list_display = ["kind_badge", "lead_link", "worth", "key", "takes_back", "occurred_at"]
    list_select_related = ["lead"]
    list_filter = [("kind", ChoicesDropdownFilter), ("occurred_at", RangeDateTimeFilter)]
    search_fields = ["=key", "=payment", "=lead__email_normal"]
    search_help_text = "A whole order, deal or booking number, or a whole address."
    ordering = ["-id"]
    fields = ["kind", "lead_link", "worth", "key", "takes_back", "event_link", "occurred_at", "recorded_at"]
    readonly_fields = ["lead_link", "worth", "takes_back", "event_link"]

    @display(description="What", ordering="kind", label=COLOURS)
    def kind_badge(self, row: Conversion) -> str:
        return row.get_kind_display()

    @display(description="Lead")
    def lead_link(self, row: Conversion) -> str:
        return admin_link(row.lead)

    @display(description="Worth")
    def worth(self, row: Conversion) -> str:
        if row.amount is None:
            return "all that is left" if row.kind == Conversion.Kind.REFUND else "–"
        amount = money.rounded(row.amount, row.currency) if row.currency else row.amount.normalize()
        return f"{amount:,f} {row.currency}".strip()

    @display(description="Refund of")
    def takes_back(self, row: Conversion) -> str:
        return row.payment or "–"

    @display(description="Event")
    def event_link(self, row: Conversion) -> str:
        return admin_link(row.event)
