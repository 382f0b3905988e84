"""What the rows of a chunk do to the people they are about, on rows held in memory: nothing is written here.

Rows count from top to bottom: of two about one person the later one wins, field by field. Empty cells never erase.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from leads import titles
from leads.addresses import Address
from leads.batch import LeadRow
from leads.domains import company_domain
from leads.importing.cleaning import Person, Refusal
from leads.models import Lead
from leads.writable import MOST_ATTRIBUTES
from lifecycle.core import sql
from lifecycle.core.cells import as_text

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
_TOO_MUCH = f"All attributes of a lead together take at most {MOST_ATTRIBUTES // 1024} KB."


@dataclass(frozen=True, slots=True)
class Options:
    """An import as it was asked for. `updates_known`: off leaves people we know as they are."""

    run_id: int
    source: str = "import"
    updates_known: bool = True
    dry: bool = False


class Taken(NamedTuple):
    """A row that counts. `touch_id`: of the touch it leaves, or None if it leaves the person as they are."""

    person: Person
    lead_id: int
    outcome: str
    changed: list[str]
    touch_id: int | None


@dataclass(slots=True)
class Surroundings:
    """What a chunk has to know beside its people: mail domain → company, organisation type (capitals) → audience."""

    company_ids: Mapping[str, int] = field(default_factory=dict)
    audiences: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Planner:
    """Applies rows to people. `touch_ids`: numbers for the touches to come."""

    def __init__(self, options: Options, around: Surroundings, touch_ids: Iterator[int], now: datetime) -> None:
        self._options = options
        self._around = around
        self._touch_ids = touch_ids
        self._now = now

    def take(self, person: Person, row: LeadRow, *, is_new: bool) -> Taken | Refusal:
        """Apply a row to its lead. `is_new`: this row makes the lead."""
        if not is_new and not self._options.updates_known:
            return Taken(person, row.id, UNCHANGED, [], None)
        attributes = _joined(row["attributes"], person.attributes)
        if attributes and len(sql.to_json(attributes)) > MOST_ATTRIBUTES:
            return Refusal(person.line, person.cells, _TOO_MUCH, person.hashed if person.opted_out else "")
        changed = self._begin(row, person) if is_new else self._fill(row, person)
        if attributes is not None and row.set("attributes", attributes):
            changed.append("attributes")
        touch_id = next(self._touch_ids)
        row.set("latest_touch_id", touch_id)
        if row["original_touch_id"] is None:
            row.set("original_touch_id", touch_id)
        return Taken(person, row.id, CREATED if is_new else UPDATED if changed else UNCHANGED, changed, touch_id)

    def _begin(self, row: LeadRow, person: Person) -> list[str]:
        """The first row of a new person: nothing is there that could differ."""
        values = row.columns()
        values.update(person.columns)
        changed = list(person.columns)
        if "job_title" in person.columns:
            changed += titles.tell(row)
        return changed + self._look_around(row, person)

    def _fill(self, row: LeadRow, person: Person) -> list[str]:
        """As `arrival.fill` does for one person, with what the chunk looked up for all of them."""
        changed = [column for column, value in person.columns.items() if row.set(column, value)]
        if "job_title" in changed:
            changed += titles.tell(row)
        return changed + self._look_around(row, person)

    def _look_around(self, row: LeadRow, person: Person) -> list[str]:
        changed = []
        if "organization_type" in person.columns:
            found = self._around.audiences.get(row["organization_type"].strip().upper())
            for column, value in zip(("audience_type", "primary_audience"), found or (), strict=False):
                if row.set(column, value):
                    changed.append(column)
        if row["company_id"] is None and (domain := company_domain(row["email_domain"])):
            row.set("company_id", self._around.company_ids.get(domain))
        return changed


def draft(lead_id: int, address: Address, hashed: str, now: datetime) -> LeadRow:
    """A lead that is not stored yet."""
    values = {**_blank(), "id": lead_id, "email": address.written, "email_normal": address.normal, "attributes": {}}
    values |= {"email_domain": address.domain, "address_hash": hashed}
    values |= {"stage_since": now, "created_at": now, "updated_at": now}
    return LeadRow(values)


@cache
def _blank() -> dict[str, Any]:
    """The model's defaults by column."""
    return {str(one.column): one.get_default() for one in Lead._meta.local_concrete_fields}


def _joined(known: dict[str, Any], given: dict[str, Any]) -> dict[str, Any] | None:
    """The attributes with those of the file; None if it says nothing new. A text “5” and a number 5 say the same."""
    news = {name: value for name, value in given.items() if name not in known or _differs(known[name], value)}
    return {**known, **news} if news else None


def _differs(known: Any, value: Any) -> bool:
    return bool(known != value) and as_text(known) != as_text(value)
