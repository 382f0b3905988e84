"""Create, change and hand over a person, for the API, the admin, the console and sequences."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from leads import addresses, arrival, claiming, profile
from leads.actions.record import record
from leads.attribution import KEYS as PROVENANCE
from leads.attribution import anonymous_id, read
from leads.batch import LeadRow, flush_leads
from leads.intake import PROFILE
from leads.intake import IntakeError as LeadError
from leads.log import NewEvent
from leads.models import Lead
from leads.models.lead import AudienceType, Tier
from leads.pipeline import process_at_once
from leads.visitors import join
from lifecycle.core import sql

logger = logging.getLogger(__name__)

MOST_ATTRIBUTES = 32_768
CHOICES = {"audience_type": AudienceType.values, "engagement_tier": Tier.values}
FURTHER = {"primary_audience": 120, "audience_type": 3, "engagement_tier": 12}

# What the API, the admin and sequences may write; nothing that is concluded, and nothing that never changes.
WRITABLE = frozenset({*PROFILE, *FURTHER, "company_size", "is_client", "attributes"})

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
    columns, attributes = _read(
        {name: value for name, value in fields.items() if name not in PROVENANCE}, clearing=False
    )
    with transaction.atomic():
        row, created = arrival.arrive(address, now=now)
        changed = arrival.fill(row, columns, attributes, now=now)
        _check_attributes(row)
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
    columns, attributes = _read(changes, clearing=True)
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
    """What sequences set: lead id → {field or attributes.name: value}. In the caller's transaction; the rest follows.

    A value that a field does not take is left out; the sequence was checked when it was published. `lineage`: lead id →
    the sequences that set it, and those that led to them.
    """
    rows = claiming.hold(sorted(changes))
    events = []
    for lead_id, row in rows.items():
        changed: set[str] = set()
        for name, value in changes[lead_id].items():
            attribute = name.removeprefix("attributes.")
            given: dict[str, Any] = {name: value} if attribute == name else {"attributes": {attribute: value}}
            try:
                changed.update(_write(row, *_read(given, clearing=True), now=now))
            except LeadError:
                logger.warning("lead %s: a sequence sets %s to something it does not take", lead_id, name)
        if changed:
            properties = {"fields": sorted(changed), "source": "sequence"}
            causes = tuple(sorted((lineage or {}).get(lead_id, ())))
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
    _check_attributes(row)
    return changed


def _read(fields: Mapping[str, Any], *, clearing: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields as they are called outside → columns and attributes; LeadError names every bad one at once."""
    problems: dict[str, str] = {}
    columns: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for name, value in fields.items():
        try:
            if name not in WRITABLE:
                raise ValueError(f"This cannot be written. There is {', '.join(sorted(WRITABLE))}.")
            if name == "attributes":
                attributes = _attributes(value)
            elif value not in (None, "") or clearing:
                columns[PROFILE.get(name, name)] = _column(name, value)
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise LeadError(problems)
    if "job_title" in columns:
        columns["role"] = profile.role(columns["job_title"])
    return columns, attributes


def _column(name: str, value: object) -> Any:
    if name == "is_client":
        if not isinstance(value, bool):
            raise ValueError("True or false is expected here.")
        return value
    if name == "company_size":
        size = profile.company_size(value)
        if size is None and value not in (None, ""):
            raise ValueError("A number of employees is expected here, like 120 or 50-500.")
        return size
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise ValueError("A text is expected here.")
    text = profile.clean("" if value is None else str(value))
    longest = profile.LIMITS.get(PROFILE.get(name, ""), FURTHER.get(name, 0))
    if name in CHOICES and text not in ("", *CHOICES[name]):
        raise ValueError(f"One of {', '.join(CHOICES[name])} is expected here.")
    if name == "engagement_tier" and not text:
        raise ValueError("A tier cannot be cleared.")
    if len(text) > longest:
        raise ValueError(f"At most {longest} characters.")
    if name == "timezone" and text and not profile.zone(text):
        raise ValueError(f"“{text}” is not a time zone; write one like Europe/Berlin.")
    return text


def _attributes(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("An object of names and values is expected here.")
    if any(not isinstance(name, str) or not 0 < len(name) <= 60 for name in value):
        raise ValueError("Names of attributes have 1 to 60 characters.")
    return dict(sql.storable(dict(value)))


def _check_attributes(row: LeadRow) -> None:
    if len(sql.to_json(row["attributes"])) > MOST_ATTRIBUTES:
        raise LeadError({"attributes": f"All attributes of a lead together take at most {MOST_ATTRIBUTES // 1024} KB."})


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
