"""What was bought, found in the marketers' table by the names and references that billing uses.

What the table does not know is added to it, without an audience, so that somebody sees it and decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from leads.models.lead import AudienceType
from lifecycle.core import sql
from lifecycle.customers.models import Product

NAMELESS = "your purchase"
LONGEST_NAME, LONGEST_AUDIENCE = 160, 120
_ADD = """
    INSERT INTO customers_product (name, "references", audience_type, primary_audience, is_active)
    VALUES (%b, %b::text::jsonb, '', '', false) ON CONFLICT (name) DO NOTHING
"""
_LEARN = """
    UPDATE customers_product SET "references" = "references" || %b::text::jsonb
    WHERE id = %b AND NOT "references" @> %b::text::jsonb
"""


class Audience(NamedTuple):
    """Whom something is made for; both empty: nobody said."""

    audience_type: str = ""
    primary_audience: str = ""


NOBODY = Audience()


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a bill, as billing words it. `references`: by which the table may know it, the one to keep first."""

    name: str = ""
    references: tuple[str, ...] = ()
    quantity: int = 1
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table."""

    id: int
    name: str
    references: tuple[str, ...]
    audience: Audience


@dataclass(frozen=True, slots=True)
class Bought:
    """What it came to: `lines` for people and the log ([{name, reference, quantity, amount}]), and whom it is for."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    audience: Audience = NOBODY

    @property
    def names(self) -> str:
        return ", ".join(dict.fromkeys(str(line["name"]) for line in self.lines))


class Catalogue:
    """The table, looked up without regard to case; references count more than names. Pure."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_reference: dict[str, Entry] = {}
        self._by_name: dict[str, Entry] = {}
        for entry in entries:
            self._by_name.setdefault(_folded(entry.name), entry)
            for reference in entry.references:
                self._by_reference.setdefault(_folded(reference), entry)

    def find(self, item: Item) -> Entry | None:
        for reference in item.references:
            if entry := self._by_reference.get(_folded(reference)):
                return entry
        return self._by_name.get(_folded(item.name)) if item.name else None


def settle(items: Sequence[Item], *, hint: Audience = NOBODY) -> Bought:
    """Name the items by the table and add to it what it does not know. `hint`: what billing itself says they are for.

    The table's word counts more than the hint, and the dearest item that has an audience speaks for all.
    """
    return describe(items, ensure(items), hint)


def ensure(items: Sequence[Item]) -> Catalogue:
    """The table with all of these in it: one read, and writes for those that nobody knew."""
    catalogue = load()
    unknown = [item for item in items if item.name and catalogue.find(item) is None]
    for item in sorted(unknown, key=lambda item: item.name):
        sql.execute(_ADD, [item.name[:LONGEST_NAME], sql.to_json(list(item.references[:1]))])
    if unknown:
        catalogue = load()
    for item in items:
        _learn(catalogue.find(item), item)
    return catalogue


def describe(items: Sequence[Item], catalogue: Catalogue, hint: Audience = NOBODY) -> Bought:
    """The items in the table's words. Pure."""
    lines = []
    for item in items:
        entry = catalogue.find(item)
        name = entry.name if entry else item.name or NAMELESS
        reference = item.references[0] if item.references else ""
        lines.append({"name": name, "reference": reference, "quantity": item.quantity, "amount": plain(item.amount)})
    dearest = sorted(items, key=lambda item: item.amount or 0, reverse=True)
    found = (entry.audience for item in dearest if (entry := catalogue.find(item)))
    return Bought(lines, next((audience for audience in found if any(audience)), hint))


def load() -> Catalogue:
    """The table as it is now. Products are few."""
    rows = Product.objects.order_by("name").values_list("pk", "name", "references", "audience_type", "primary_audience")
    return Catalogue(
        Entry(pk, name, tuple(str(each) for each in references or ()), Audience(kind, primary))
        for pk, name, references, kind, primary in rows
    )


def read_audience(text: str) -> Audience:
    """An audience as a merchant writes it: "b2c", "Developers", "B2B: Developers". Pure."""
    kind, _, rest = text.strip().partition(":")
    if kind.strip().lower() in AudienceType.values:
        return Audience(kind.strip().lower(), rest.strip()[:LONGEST_AUDIENCE])
    return Audience("", text.strip()[:LONGEST_AUDIENCE])


def plain(amount: Decimal | None) -> int | float | None:
    """An amount as rules and mails compare and show it."""
    if amount is None:
        return None
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _learn(entry: Entry | None, item: Item) -> None:
    """A product known by its name alone is known by billing's reference from now on, whatever it is called then."""
    if entry is None or not item.references:
        return
    reference = item.references[0]
    if _folded(reference) not in {_folded(known) for known in entry.references}:
        given = sql.to_json([reference])
        sql.execute(_LEARN, [given, entry.id, given])


def _folded(text: str) -> str:
    return text.strip().casefold()
