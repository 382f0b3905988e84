"""Properties of events that tell of money, as other programs write them. Pure; what does not read is left out."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from lifecycle.core import moments, money

LONGEST_NAME = 120
MOST_PRODUCTS = 50


def text(properties: Mapping[str, Any], name: str, longest: int = LONGEST_NAME) -> str:
    """A name or a number as text, "" for anything else."""
    value = properties.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:longest]


def number(properties: Mapping[str, Any], name: str, most: int = 32_000) -> int | None:
    """A whole number from 0 on."""
    value = properties.get(name)
    if isinstance(value, str) and value.isdecimal() and len(value) < 7:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or not 0 <= value <= most:
        return None
    return int(value)


def moment(properties: Mapping[str, Any], name: str) -> datetime | None:
    """A time or a day of ISO 8601, of UTC without an offset."""
    value = properties.get(name)
    found = moments.read(value.strip()) if isinstance(value, str) else None
    return found if found and 1970 <= found.year < 3000 else None


def worth(properties: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    """Amount and currency; no amount is None, no currency "". An amount in no known currency is no amount."""
    amount, currency = money.read_amount(properties.get("amount")), money.read_currency(properties.get("currency"))
    return (None, "") if amount is None or amount < 0 or currency is None else (amount, currency)


def link(properties: Mapping[str, Any], name: str) -> str:
    """An http(s) address, "" for anything else."""
    value = properties.get(name)
    fits = isinstance(value, str) and len(value) <= 500 and value.startswith(("https://", "http://"))
    return str(value) if fits else ""


def products(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was bought: `products` (names, or objects with a name), else `product`, else `product_name`."""
    told = properties.get("products")
    if not isinstance(told, list) or not told:
        told = [properties.get("product") or properties.get("product_name")]
    named = [each if isinstance(each, Mapping) else {"name": each} for each in told[:MOST_PRODUCTS]]
    return [
        {
            "name": name,
            "reference": text(each, "reference") or text(each, "sku"),
            "quantity": number(each, "quantity") or 1,
        }
        for each in named
        if (name := text(each, "name", 200))
    ]
