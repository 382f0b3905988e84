"""How money and states look in lists."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.html import format_html
from django.utils.safestring import SafeString

from lifecycle.core import money
from lifecycle.customers.models import Invoice, Subscription

STATES = {
    Subscription.State.TRIAL.label: "info",
    Subscription.State.ACTIVE.label: "success",
    Subscription.State.PAST_DUE.label: "danger",
    "Ends soon": "warning",
}
BILL_STATES = {
    Invoice.State.OPEN.label: "info",
    Invoice.State.FAILED.label: "danger",
    Invoice.State.PAID.label: "success",
    Invoice.State.GIVEN_UP.label: "warning",
}


def amount_of(amount: Decimal | None, currency: str) -> SafeString:
    """An amount at the right edge of its column, so that points stand under points."""
    return format_html('<span class="money">{}</span>', money.written(amount, currency))


def state_of(row: Subscription) -> str:
    """The state as people say it."""
    leaves = row.state != Subscription.State.ENDED and row.renews_at is None and row.ends_at is not None
    return "Ends soon" if leaves else row.get_state_display()


def period_of(row: Subscription) -> str:
    """How often it is billed."""
    return {0: "", 1: "a month", 12: "a year"}.get(row.interval_months, f"every {row.interval_months} months")


def names_of(products: Iterable[Any]) -> str:
    """The products of a row, in a line."""
    rows = [row for row in products if isinstance(row, dict) and row.get("name")]
    words = [f"{row['name']} × {row['quantity']}" if (row.get("quantity") or 1) != 1 else row["name"] for row in rows]
    return ", ".join(words) or "–"


def sums(rows: "QuerySet[Any]", **columns: str) -> list[dict[str, str]]:
    """A row for each currency, with the sums of these columns: {<name>: “1,188.00 EUR”}; one query."""
    asked = {name: Sum(column) for name, column in columns.items()}
    found = rows.order_by().exclude(currency="").values("currency").annotate(**asked).order_by("currency")
    return [
        {
            "currency": row["currency"],
            **{name: money.written(row[name] or Decimal(0), row["currency"]) for name in columns},
        }
        for row in found
    ]
