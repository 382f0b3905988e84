"""Create, change and hand over a person, for the API, the admin, the console and sequences."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from leads import addresses, arrival, claiming, writable
from leads.actions.record import record
from leads.attribution import KEYS as PROVENANCE
from leads.attribution import anonymous_id, read
from leads.batch import LeadRow, flush_leads
from leads.engagement import SUNSET, resting
from leads.log import NewEvent
from leads.models import Lead
from leads.pipeline import process_at_once
from leads.visitors import join
from leads.writable import LeadError

logger = logging.getLogger(__name__)

__all__ = ["LeadError", "Upserted", "assign_owner", "set_fields", "update_lead", "upsert_lead"]


@dataclass(frozen=True, slots=True)
class Upserted:
    lead: Lead
    created: bool

    def __iter__(self) -> Any:
        return iter((self.lead, self.created))


def upsert_lead(*, email: object, fields: Mapping[str, Any], source: str = "api", now: datetime) -> Upserted:
    """Create the lead of this address or enrich it; empty values change nothing. LeadError names bad fields.

    `fields` may carry provenance (utm_source, referrer …). A new lead always gets a touch; a known one only when some
    provenance was sent. Reacts at once.
    """
    try:
        address = addresses.read(email)
    except addresses.AddressError as error:
        raise LeadError({"email": str(error)}) from None
    provenance = {name: value for name, value in fields.items() if name in PROVENANCE and value}
    columns, attributes = writable.read(
        {name: value for name, value in fields.items() if name not in PROVENANCE}, clearing=False
    )
    with transaction.atomic():
        row, created = arrival.arrive(address, now=now)
        changed = arrival.fill(row, columns, attributes, now=now)
        writable.check_attributes(row)
        if browser := anonymous_id(fields):
            join(row, browser, now=now)
        if created or provenance:
            arrival.touch(row, read(provenance), kind="import" if source == "import" else "api", now=now)
        flush_leads([row], now=now)
        _tell(row.id, created=created, changed=changed, source=source, now=now)
    process_at_once(row.id, now=now)
    return Upserted(Lead.objects.get(pk=row.id), created)


def update_lead(
    lead_id: int,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    actor: AbstractBaseUser | AnonymousUser | None = None,
    source: str = "api",
) -> Lead:
    """Write fields as given: an empty value clears one, an attribute that is None goes away.

    LeadError names bad fields; Lead.DoesNotExist if there is no such lead. Reacts at once.
    """
    columns, attributes = writable.read(changes, clearing=True)
    with transaction.atomic():
        row = _held(lead_id)
        changed = _write(row, columns, attributes, now=now)
        flush_leads([row], now=now)
        _tell(lead_id, created=False, changed=changed, source=source, actor=actor, now=now)
    if changed:
        process_at_once(lead_id, now=now)
    return Lead.objects.get(pk=lead_id)


def set_fields(
    changes: Mapping[int, Mapping[str, Any]],
    *,
    now: datetime,
    depth: int = 0,
    lineage: Mapping[int, Collection[str]] | None = None,
) -> None:
    """What sequences set: lead id → {field, attributes.name or sunset: value}. In the caller's transaction; the rest
    follows.

    A value that a field does not take is left out; the sequence was checked when it was published. `lineage`: lead id →
    the sequences that set it, and those that led to them.
    """
    rows = claiming.hold(sorted(changes))
    events = []
    for lead_id, row in rows.items():
        changed: set[str] = set()
        causes = tuple(sorted((lineage or {}).get(lead_id, ())))
        for name, value in changes[lead_id].items():
            if name == SUNSET:
                told = resting.set_to(row, value, now=now)
                events += [replace(told, depth=depth + 1, lineage=causes)] if told else []
                continue
            attribute = name.removeprefix("attributes.")
            given: dict[str, Any] = {name: value} if attribute == name else {"attributes": {attribute: value}}
            try:
                changed.update(_write(row, *writable.read(given, clearing=True), now=now))
            except LeadError:
                logger.warning("lead %s: a sequence sets %s to something it does not take", lead_id, name)
        if changed:
            properties = {"fields": sorted(changed), "source": "sequence"}
            events.append(NewEvent(lead_id, "lead.updated", properties, depth=depth + 1, lineage=causes))
    flush_leads(rows.values(), now=now)
    record(events, now=now)


def assign_owner(
    lead: Lead, user: AbstractBaseUser | None, *, now: datetime, actor: AbstractBaseUser | AnonymousUser | None = None
) -> bool:
    """Give the lead to a rep, or to nobody; False if it was theirs already. The first owner stays on record."""
    with transaction.atomic():
        row = _held(lead.pk)
        before, after = row["owner_id"], user.pk if user else None
        if not row.set("owner_id", after):
            return False
        if row["first_owner_id"] is None and after is not None:
            row.set("first_owner_id", after)
        flush_leads([row], now=now)
        properties = {
            "before": before,
            "after": after,
            "owner": user.get_username() if user else None,
            "actor": actor.pk if actor else None,
        }
        record([NewEvent(lead.pk, "owner.assigned", properties, source="sales")], now=now)
    process_at_once(lead.pk, now=now)
    lead.refresh_from_db()
    return True


def _held(lead_id: int) -> LeadRow:
    row = claiming.hold([lead_id]).get(lead_id)
    if row is None:
        raise Lead.DoesNotExist(f"there is no lead {lead_id}")
    return row


def _write(row: LeadRow, columns: Mapping[str, Any], attributes: Mapping[str, Any], *, now: datetime) -> list[str]:
    kept = {name: value for name, value in row["attributes"].items() if attributes.get(name, value) is not None}
    added = {name: value for name, value in attributes.items() if value is not None}
    changed = ["attributes"] if row.set("attributes", {**kept, **added}) else []
    changed += arrival.fill(row, columns, {}, now=now)
    writable.check_attributes(row)
    return changed


def _tell(
    lead_id: int,
    *,
    created: bool,
    changed: list[str],
    source: str,
    now: datetime,
    actor: AbstractBaseUser | AnonymousUser | None = None,
) -> None:
    if created or changed:
        properties: dict[str, Any] = {"fields": sorted(set(changed))}
        if actor is not None:
            properties["actor"] = actor.pk
        kind = "lead.created" if created else "lead.updated"
        record([NewEvent(lead_id, kind, properties, source=source)], now=now)
