"""A person comes in, by whatever door: found or made by their address, held, filled in, with one more touch.

Everything here runs inside the caller's transaction. What is known is enriched and never forgotten: the first form, the
original touch, the owner and the stage stay as they are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from leads import addresses, claiming
from leads.attribution import Provenance
from leads.batch import LeadRow
from leads.domains import company_domain
from leads.models import Audience, Company, Lead, Touch
from lifecycle.core import sql


def arrive(address: addresses.Address, *, now: datetime) -> tuple[LeadRow, bool]:
    """The locked lead of this address, and whether it is new. Safe when many arrive with one address at once."""
    fresh = Lead(
        email=address.written,
        email_normal=address.normal,
        email_domain=address.domain,
        address_hash=addresses.address_hash(address.normal, addresses.address_key()),
        stage_since=now,
        created_at=now,
        updated_at=now,
    )
    fields = [field for field in Lead._meta.local_concrete_fields if not field.primary_key]
    values = [field.get_db_prep_save(getattr(fresh, field.attname), connection) for field in fields]
    columns, marks = ", ".join(str(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    made = sql.fetch(
        f"INSERT INTO leads_lead ({columns}) VALUES ({marks}) ON CONFLICT (email_normal) DO NOTHING RETURNING id",  # noqa: S608
        values,
    )
    row = claiming.hold_address(address.normal)
    if row is None:
        raise Lead.DoesNotExist("the lead was erased while it arrived")
    return row, bool(made)


def fill(row: LeadRow, columns: Mapping[str, Any], attributes: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Bring in what the person or the API said; the names of the columns that changed. Flush the row afterwards."""
    changed = [column for column, value in columns.items() if row.set(column, value)]
    if "organization_type" in columns:
        changed += _map_audience(row)
    if row["company_id"] is None and (domain := company_domain(row["email_domain"])):
        row.set("company_id", _company(row, domain, now=now))
    if attributes and row.set("attributes", {**row["attributes"], **attributes}):
        changed.append("attributes")
    return changed


def touch(row: LeadRow, provenance: Provenance, *, kind: str, form: str = "", now: datetime) -> Touch:
    """Append a touch. It becomes the latest, and the original if the lead has none yet."""
    made = Touch.objects.create(
        lead_id=row.id, kind=kind, form=form, occurred_at=now, recorded_at=now, **provenance.columns()
    )
    row.set("latest_touch_id", made.pk)
    if row["original_touch_id"] is None:
        row.set("original_touch_id", made.pk)
    return made


def _map_audience(row: LeadRow) -> list[str]:
    """An organisation type that the table does not know leaves the audience as it is."""
    mapping = Audience.objects.filter(organization_type__iexact=row["organization_type"].strip()).first()
    if mapping is None:
        return []
    found = {"audience_type": mapping.audience_type, "primary_audience": mapping.primary_audience}
    return [column for column, value in found.items() if row.set(column, value)]


def _company(row: LeadRow, domain: str, *, now: datetime) -> int:
    """The account of this mail domain; one row however many colleagues arrive at once."""
    known = Company.objects.filter(domain=domain).values_list("pk", flat=True).first()
    if known is not None:
        return known
    company = Company(
        name=row["company_name"] or domain,
        domain=domain,
        size=row["company_size"],
        industry=row["industry"],
        country=row["country"],
        time_zone=row["timezone"],
        created_at=now,
    )
    Company.objects.bulk_create([company], ignore_conflicts=True)
    return Company.objects.values_list("pk", flat=True).get(domain=domain)
