"""Stripe's objects, in both shapes, as we read them. Pure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lifecycle.customers.products import Audience, Catalogue, Entry, Item, describe, read_audience
from lifecycle.customers.subscribing import Standing, changes
from lifecycle.integrations.stripe import invoices, reading, subscriptions
from tests.billing import NEW, OLD, Plan

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (1999, "EUR", "19.99"),
        (0, "EUR", "0"),
        (500, "JPY", "500"),
        (12345, "KWD", "12.345"),
        (500, "ISK", "5"),  # whole, but told in hundredths
        (500, "UGX", "5"),
        (5, "MGA", "5"),  # told in whole ones
        (None, "EUR", None),
        ("12", "EUR", None),
        (True, "EUR", None),
    ],
)
def test_amounts(minor: object, currency: str, amount: str | None) -> None:
    assert reading.amount(minor, currency) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize("version", [OLD, NEW])
def test_an_invoice_names_its_subscription_in_both_shapes(version: str) -> None:
    plan = Plan("ada@acme.com", NOON, version=version)
    invoice = plan.invoice()
    assert invoices.subscription_of(invoice) == plan.reference
    intent = f"pi_{plan.id}"
    assert (intent in invoices.names_of(invoice)) == (version == OLD)
    paid = {"payments": {"data": [{"payment": {"type": "payment_intent", "payment_intent": intent}}]}}
    assert intent in invoices.names_of(invoice | paid)
    (item,) = invoices.name(invoice).items
    assert item == Item("Pro plan", (f"prod_{plan.id}", f"price_{plan.id}"), 1, Decimal(29))


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_subscription_ends_its_period_in_both_shapes(version: str) -> None:
    plan = Plan("ada@acme.com", NOON, version=version, interval="year", interval_count=2)
    found = plan.subscription()
    assert subscriptions.period_end(found) == plan.end()
    items = reading.rows(found["items"])
    assert subscriptions.worth(items, "EUR") == (Decimal(29), "EUR")
    items[0]["price"]["unit_amount"] = None  # type: ignore[index]
    assert subscriptions.worth(items, "EUR") == (None, "EUR")


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("1 × Starter plan (at $29.00 / month)", "Starter plan"),
        ("12 × Seats (Tier 1 at $5.00 / month)", "Seats"),
        ("Remaining time on Pro plan after 5 Nov 2026", "Pro plan"),
        ("Remaining time on 3 × Pro plan after 05 Nov 2026", "Pro plan"),
        ("Trial period for Pro plan", "Pro plan"),
        ("Consulting (on site)", "Consulting (on site)"),
        ("", ""),
    ],
)
def test_the_name_in_a_line(description: str, name: str) -> None:
    (item,) = reading.items_of_lines([{"description": description, "amount": 100, "currency": "eur"}])
    assert item.name == name


def test_what_only_gives_back_is_no_line() -> None:
    line: dict[str, Any] = {
        "description": "Unused time on Pro plan after 5 Nov 2026",
        "amount": -100,
        "currency": "eur",
    }
    assert reading.items_of_lines([line]) == ()


def test_a_fetched_line_has_its_products_name_and_all_its_references() -> None:
    product = {"id": "prod_1", "name": "Pro plan", "metadata": {"sku": "SKU-1"}}
    price = {"id": "price_1", "product": product, "lookup_key": "pro"}
    line = {"description": "Pro", "amount_total": 2900, "currency": "eur", "quantity": 2, "price": price}
    assert reading.items_of_lines([line]) == (Item("Pro plan", ("prod_1", "price_1", "pro", "SKU-1"), 2, Decimal(29)),)


@pytest.mark.parametrize(
    ("metadata", "item"),
    [
        ({"product": "Starter", "sku": "S1", "quantity": "3"}, Item("Starter", ("S1",), 3)),
        ({"product_name": "Starter"}, Item("Starter")),
        ({"Product": "Starter", "quantity": "many"}, Item("Starter")),
        ({"sku": "S1"}, Item("", ("S1",))),
        ({"campaign": "spring"}, None),
    ],
)
def test_metadata(metadata: dict[str, str], item: Item | None) -> None:
    assert reading.item_of_metadata(reading.metadata({"metadata": metadata}), None) == item


@pytest.mark.parametrize(
    ("text", "audience"),
    [
        ("b2c", ("b2c", "")),
        ("B2B: Developers", ("b2b", "Developers")),
        ("Developers", ("", "Developers")),
        ("Teams: large", ("", "Teams: large")),
        ("", ("", "")),
    ],
)
def test_an_audience_in_words(text: str, audience: tuple[str, str]) -> None:
    assert read_audience(text) == Audience(*audience)


def test_products_are_found_by_reference_before_name_and_without_regard_to_case() -> None:
    pro = Entry(1, "Pro", ("PROD_1", "sku-1"), Audience("b2b", "Teams"))
    home = Entry(2, "Home", (), Audience("b2c", "Families"))
    catalogue = Catalogue([pro, home])
    assert catalogue.find(Item("Home", ("prod_1",))) == pro
    assert catalogue.find(Item(" HOME ")) == home
    assert catalogue.find(Item("", ("SKU-1",))) == pro
    assert catalogue.find(Item()) is None
    dearest_last = [Item("home", amount=Decimal(5)), Item("pro", amount=Decimal(50)), Item("Sticker")]
    bought = describe(dearest_last, catalogue, Audience("b2b", "hint"))
    assert (bought.names, bought.audience) == ("Home, Pro, Sticker", Audience("b2b", "Teams"))
    assert describe([Item("Sticker")], catalogue, Audience("b2b", "hint")).audience == Audience("b2b", "hint")


BEFORE = Standing("active", (("prod_1", 1),), Decimal(29), 1, None)


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (BEFORE, []),
        (Standing("past_due", BEFORE.what, BEFORE.amount, 1, None), []),
        (Standing("active", (("prod_2", 1),), Decimal(29), 1, None), ["changed"]),
        (Standing("active", (("prod_1", 2),), Decimal(58), 1, None), ["changed"]),
        (Standing("active", BEFORE.what, BEFORE.amount, 1, NOON + timedelta(days=3)), ["canceling"]),
        (Standing("ended", (), None, 0, NOON), ["ended"]),
    ],
)
def test_what_is_told_of_a_change(after: Standing, told: list[str]) -> None:
    assert changes(BEFORE, after) == told


def test_what_is_told_of_the_way_back() -> None:
    leaving = Standing("active", BEFORE.what, BEFORE.amount, 1, NOON)
    assert changes(leaving, BEFORE) == ["resumed"]
    assert changes(BEFORE, BEFORE, resumes=True) == ["resumed"]
    ended = Standing("ended", (), None, 0, NOON)
    assert changes(ended, ended) == []
