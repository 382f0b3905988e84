"""The person that another system speaks of: found or made by their address, held, and filled in where nothing is known.

Runs inside the caller's transaction and keeps the lead locked. Nothing that is known is overwritten, no touch, owner or
form source is set, and no consent to marketing comes of it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leads import addresses, arrival, claiming, writable
from leads.actions.record import record
from leads.batch import LeadRow, flush_leads
from leads.intake import PROFILE
from leads.log import NewEvent
from leads.writable import LeadError

ATTRIBUTE = "attributes."


@dataclass(frozen=True, slots=True)
class Person:
    """`row`: the locked lead, for callers that read its columns; a change to it must be flushed."""

    lead_id: int
    is_new: bool
    row: LeadRow


def lead_for(
    email: object,
    *,
    source: str,
    now: datetime,
    name: str = "",
    attributes: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Person:
    """The lead of an address (or one that it leads to since two were merged), made if there is none.

    `fields`: first_name, last_name, company, phone, job_title, country, timezone … as the API names them; what a lead
    does not take is left out. `name`: a whole name, where the sender has only that. AddressError if it is no address.
    """
    row, is_new = arrival.arrive(addresses.read(email), now=now)
    _fill(row, {**_names(name), **_given(fields)}, attributes or {}, is_new=is_new, source=source, now=now)
    return Person(row.id, is_new, row)


def known(
    email: object, *, source: str, now: datetime, attributes: Mapping[str, Any] | None = None, **fields: Any
) -> Person | None:
    """As `lead_for`, but nobody is made: None if the address is unknown."""
    row = claiming.hold_address(addresses.read(email).normal)
    if row is None:
        return None
    _fill(row, _given(fields), attributes or {}, is_new=False, source=source, now=now)
    return Person(row.id, False, row)


def fill(row: LeadRow, said: Mapping[str, Any], *, over: Collection[str] = (), source: str, now: datetime) -> list[str]:
    """Bring into a locked lead what is said of it: fields, and attributes as attributes.NAME. What did not fit in.

    Each counts where nothing is known, or where `over` names it. What a lead does not take is left out.
    """
    fields = {name: value for name, value in said.items() if not name.startswith(ATTRIBUTE)}
    attributes = {name.removeprefix(ATTRIBUTE): said[name] for name in said if name.startswith(ATTRIBUTE)}
    _fill(row, fields, attributes, over=over, is_new=False, source=source, now=now)
    return [f"{ATTRIBUTE}{name}" for name in attributes if name not in row["attributes"]]


def _names(name: str) -> dict[str, str]:
    """A whole name in two: what comes before the last word is the first name, as for most people."""
    first, _, last = " ".join(name.split()).rpartition(" ")
    return {"first_name": first, "last_name": last} if first else {"first_name": last}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _fill(
    row: LeadRow,
    fields: Mapping[str, Any],
    attributes: Mapping[str, Any],
    *,
    is_new: bool,
    source: str,
    now: datetime,
    over: Collection[str] = (),
) -> None:
    columns, new_attributes = _readable({**fields, **({"attributes": dict(attributes)} if attributes else {})})
    renewed = {PROFILE.get(name, name) for name in over}
    unknown = {name: value for name, value in columns.items() if name in renewed or row[name] in (None, "")}
    missing = {
        name: value
        for name, value in new_attributes.items()
        if f"{ATTRIBUTE}{name}" in over or row["attributes"].get(name) in (None, "")
    }
    before = row["attributes"]
    changed = arrival.fill(row, unknown, missing, now=now)
    if "attributes" in changed and not _has_room(row):
        row.set("attributes", before)
        changed.remove("attributes")
    flush_leads([row], now=now)
    if is_new or changed:
        kind = "lead.created" if is_new else "lead.updated"
        record([NewEvent(row.id, kind, {"fields": sorted(set(changed))}, source=source)], now=now)


def _has_room(row: LeadRow) -> bool:
    try:
        writable.check_attributes(row)
    except LeadError:
        return False
    return True


def _readable(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Columns and attributes of what a lead takes; what it does not take is another system's business."""
    try:
        return writable.read(fields, clearing=False)
    except LeadError as problem:
        return writable.read({name: fields[name] for name in fields if name not in problem.fields}, clearing=False)
