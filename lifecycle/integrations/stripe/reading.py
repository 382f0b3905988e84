"""Stripe's objects as they come, in either of their shapes: ids, times, money, what was bought. Pure.

Until 2025-03-31 an invoice named its subscription, payment and charge itself and a subscription the end of its period;
since then they stand under `parent`, `payments` and the subscription's items.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lifecycle.core import money
from lifecycle.customers.products import NOBODY, Audience, Item, read_audience

Object = Mapping[str, Any]
NOTHING: Object = {}

# Where Stripe's minor units are not those of ISO 4217 (docs.stripe.com/currencies, special cases).
_OTHER_DIGITS = {"ISK": 2, "UGX": 2, "MGA": 0}
LATEST = 253_402_300_000
# As invoices describe what they bill: 2 × Starter plan (at $29.00 / month), or Remaining time on Starter plan after …
_LINE = re.compile(
    r"^(?:\d+ × )?(?:Remaining time on |Trial period for )?(?:\d+ × )?(?P<name>.+?)"
    r"(?: \((?:at|Tier \d+ at) [^()]*\))?(?: \(from [^()]*\))?(?: after \d{1,2} \w{3,9} \d{4})?$"
)


def part(value: object) -> Object:
    """An object inside another, {} where there is none."""
    return value if isinstance(value, Mapping) else NOTHING


def ref(value: object) -> str:
    """An id, whether the object stands there or its id alone; "" for none."""
    found = part(value).get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else ""


def text(value: object, longest: int = 200) -> str:
    return value.strip()[:longest] if isinstance(value, str) else ""


def rows(value: object) -> list[Object]:
    """The objects of a list, which Stripe wraps in {"data": […]}."""
    found = part(value).get("data") if isinstance(value, Mapping) else value
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list | tuple) else []


def whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
    """A time in seconds of Unix time."""
    seconds = whole(value)
    return datetime.fromtimestamp(seconds, tz=UTC) if seconds and 0 < seconds < LATEST else None


def currency(value: object) -> str:
    return money.read_currency(value) or ""


def amount(minor: object, code: str) -> Decimal | None:
    """An amount in the currency's main unit."""
    number = whole(minor)
    if number is None:
        return None
    return money.rounded(Decimal(number).scaleb(-_OTHER_DIGITS.get(code, money.digits(code))), code)


def email_of(found: Object) -> str:
    """The address in a session, invoice, charge or customer."""
    details, billing = part(found.get("customer_details")), part(found.get("billing_details"))
    own = found.get("email") if found.get("object") == "customer" else None
    given = (details.get("email"), found.get("customer_email"), billing.get("email"), found.get("receipt_email"), own)
    return next((text(each, 254) for each in given if text(each)), "")


def contact(found: Object) -> dict[str, Any]:
    """What else it says of the person, as `people.lead_for` takes it."""
    details = part(found.get("customer_details")) or part(found.get("billing_details"))
    is_customer = found.get("object") == "customer"
    own = found if is_customer else NOTHING
    address = part(details.get("address") or found.get("customer_address") or own.get("address"))
    return {
        "name": text(details.get("name") or found.get("customer_name") or own.get("name")),
        "phone": text(details.get("phone") or found.get("customer_phone") or own.get("phone"), 60),
        "country": text(address.get("country"), 80),
    }


def metadata(*holders: object) -> dict[str, str]:
    """What merchants wrote on these objects; the first that says something counts."""
    found: dict[str, str] = {}
    for holder in reversed(holders):
        given = part(part(holder).get("metadata"))
        found |= {str(name).lower(): value.strip() for name, value in given.items() if isinstance(value, str) and value}
    return found


def item_of_metadata(given: Mapping[str, str], worth: Decimal | None) -> Item | None:
    """What was bought, by `product` (or `product_name`) with `sku` and `quantity`; None if it does not say."""
    name = given.get("product") or given.get("product_name") or ""
    sku = given.get("sku", "")
    if not name and not sku:
        return None
    count = given.get("quantity", "")
    quantity = int(count) if count.isdecimal() and 0 < len(count) < 5 else 1
    return Item(name[:160], (sku[:120],) if sku else (), quantity, worth)


def hint(given: Mapping[str, str]) -> Audience:
    """Whom it is for, by `audience` ("b2c", "Developers", "B2B: Developers") or by our own two names."""
    found = read_audience(given.get("audience", ""))
    kind = read_audience(given.get("audience_type", "")).audience_type
    return Audience(kind or found.audience_type, given.get("primary_audience") or found.primary_audience) or NOBODY


def items_of_lines(lines: Iterable[Object]) -> tuple[Item, ...]:
    """The lines of a session or an invoice; what only gives something back is none."""
    found = []
    for line in lines:
        code = currency(line.get("currency"))
        worth = amount(line.get("amount_total", line.get("amount")), code)
        if worth is not None and worth < 0:
            continue
        found.append(Item(_line_name(line), references(line), max(1, whole(line.get("quantity")) or 1), worth))
    return tuple(found)


def references(line: Object) -> tuple[str, ...]:
    """By which the table of products may know it: the product, the price, the merchant's own number."""
    price = part(line.get("price")) or part(line.get("plan"))
    details = part(part(line.get("pricing")).get("price_details"))
    product = price.get("product") or details.get("product")
    skus = (metadata(product).get("sku", ""), metadata(price).get("sku", ""), metadata(line).get("sku", ""))
    given = (ref(product), ref(price) or ref(details.get("price")), text(price.get("lookup_key")), *skus)
    return tuple(dict.fromkeys(each[:200] for each in given if each))


def products_of(lines: Iterable[Object]) -> Sequence[str]:
    """The ids of the products of lines whose names do not stand there."""
    found = []
    for line in lines:
        price = part(line.get("price")) or part(line.get("plan"))
        product = price.get("product")
        if isinstance(product, str) and product and not text(price.get("nickname")):
            found.append(product)
    return tuple(dict.fromkeys(found))


def _line_name(line: Object) -> str:
    price = part(line.get("price")) or part(line.get("plan"))
    product = text(part(price.get("product")).get("name"), 160)
    described = _LINE.match(text(line.get("description")))
    return product or (described["name"].strip()[:160] if described else "") or text(price.get("nickname"), 160)
