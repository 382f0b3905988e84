"""A person comes in, by whatever door: found or made by their address, held, filled in, with one more touch.

Everything here runs inside the caller's transaction. What is known is enriched and never forgotten: the first form, the
original touch, the owner and the stage stay as they are.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from psycopg.sql import Literal

from leads import addresses, claiming, titles
from leads.attribution import Provenance
from leads.batch import LeadRow
from leads.domains import company_domain
from leads.models import Company, Lead
from lifecycle.core import sql

LONGEST_NAME = 200  # of a company
TRIES = 3
_NEW = ("email", "email_normal", "email_domain", "address_hash", "stage_since", "created_at", "updated_at")
_TOUCHED = (
    "lead_id", "kind", "form", "occurred_at", "recorded_at", "source", "medium", "campaign", "term", "content",
    "referrer", "landing_page", "landing_path", "device", "click_ids", "raw",
)  # fmt: skip
_TOUCH = f"""
    INSERT INTO leads_touch ({", ".join(_TOUCHED)})
    VALUES ({", ".join(["%b"] * 14)}, %b::text::jsonb, %b::text::jsonb) RETURNING id
"""  # noqa: S608 (column names of our own)
# The company is made unless it is there; one that somebody else makes at this moment shows with the next statement.
_AROUND = """
    WITH known AS (SELECT id FROM leads_company WHERE domain = %b::text),
    made AS (
        INSERT INTO leads_company (domain, name, size, industry, country, time_zone, created_at, enrichment_due_at)
        SELECT %b::text, %b::text, %b::integer, %b::text, %b::text, %b::text, %b::timestamptz, %b::timestamptz
        WHERE %b::text IS NOT NULL AND NOT EXISTS (SELECT FROM known)
        ON CONFLICT (domain) DO NOTHING RETURNING id
    )
    SELECT coalesce((SELECT id FROM known), (SELECT id FROM made)), a.audience_type, a.primary_audience
    FROM (SELECT) nothing LEFT JOIN LATERAL (
        SELECT audience_type, primary_audience FROM leads_audience
        WHERE upper(organization_type::text) = upper(%b::text) ORDER BY organization_type LIMIT 1
    ) a ON true
"""


def arrive(address: addresses.Address, *, key: str = "", now: datetime) -> tuple[LeadRow, bool]:
    """The locked lead of this address, and whether it is new. Safe when many arrive with one address at once.

    `key`: that of the address hashes, if the caller has it at hand.
    """
    hashed = addresses.address_hash(address.normal, key or addresses.address_key())
    given = [address.written, address.normal, address.domain, hashed, now, now, now, address.normal]
    for _ in range(TRIES):  # the lead may be erased or merged while we wait for it
        made = claiming.insert(_making(), given)
        if made is not None:
            return made, True
        row = claiming.hold_address(address.normal)
        if row is not None:
            return row, False
    raise Lead.DoesNotExist("the lead went away each time it arrived")


def make(people: Sequence[addresses.Address], *, now: datetime) -> list[int]:
    """Make leads of the addresses that have none yet, in one statement; their ids. They are held as our own."""
    if not people:
        return []
    key = addresses.address_key()
    people = sorted(people, key=lambda address: address.normal)  # two that make the same people never wait in a ring
    columns = [[getattr(address, part) for address in people] for part in ("written", "normal", "domain")]
    hashes = [addresses.address_hash(address.normal, key) for address in people]
    made = sql.fetch(_making_many(), [now, now, now, *columns, hashes])
    if gone := [lead_id for lead_id, alias_of in made if alias_of is not None]:
        sql.execute("DELETE FROM leads_lead WHERE id = ANY(%b::bigint[])", [gone])
    return [lead_id for lead_id, alias_of in made if alias_of is None]


def fill(row: LeadRow, columns: Mapping[str, Any], attributes: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Bring in what the person or the API said; the names of the columns that changed. Flush the row afterwards."""
    changed = [column for column, value in columns.items() if row.set(column, value)]
    if "job_title" in changed:
        changed += titles.tell(row)
    says_what_it_is = "organization_type" in columns
    domain = company_domain(row["email_domain"]) if row["company_id"] is None else None
    if says_what_it_is or domain:
        changed += _look_around(row, domain, says_what_it_is=says_what_it_is, now=now)
    if attributes and row.set("attributes", {**row["attributes"], **attributes}):
        changed.append("attributes")
    return changed


def touch(row: LeadRow, provenance: Provenance, *, kind: str, form: str = "", now: datetime) -> int:
    """Append a touch; its id. It becomes the latest, and the original if the lead has none yet."""
    columns = provenance.columns() | {"lead_id": row.id, "kind": kind, "form": form}
    columns |= {"occurred_at": now, "recorded_at": now}
    columns |= {name: sql.to_json(columns[name]) for name in ("click_ids", "raw")}
    made = int(sql.fetch(_TOUCH, [columns[name] for name in _TOUCHED])[0][0])
    row.set("latest_touch_id", made)
    if row["original_touch_id"] is None:
        row.set("original_touch_id", made)
    return made


def _look_around(row: LeadRow, domain: str | None, *, says_what_it_is: bool, now: datetime) -> list[str]:
    """The account of the mail domain, and the audience of the organisation type, if there is a row for it.

    An organisation type that the table does not know leaves the audience as it is. One row a domain, however many
    colleagues arrive at once.
    """
    kind = row["organization_type"].strip() if says_what_it_is else None
    name = row["company_name"] or (domain and domain[:LONGEST_NAME])
    given = [domain, domain, name, *(row[column] for column in ("company_size", "industry", "country", "timezone"))]
    company_id, audience_type, primary_audience = sql.fetch(_AROUND, [*given, now, now, domain, kind])[0]
    changed = []
    if audience_type is not None:
        found = {"audience_type": audience_type, "primary_audience": primary_audience}
        changed = [column for column, value in found.items() if row.set(column, value)]
    if domain:
        row.set("company_id", company_id or Company.objects.values_list("pk", flat=True).get(domain=domain))
    return changed


@cache
def _making_many() -> str:
    """As `_making`, of many addresses. A known one costs a look at an index, and no id."""
    names, defaults = _all_columns()
    return f"""
        INSERT INTO leads_lead (stage_since, created_at, updated_at, email, email_normal, email_domain, address_hash,
                                {names})
        SELECT %b::timestamptz, %b::timestamptz, %b::timestamptz, given.email, given.normal, given.domain, given.hash,
               {defaults}
        FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[]) AS given (email, normal, domain, hash)
        WHERE NOT EXISTS (SELECT FROM leads_lead l WHERE l.email_normal = given.normal)
          AND NOT EXISTS (SELECT FROM leads_addressalias a WHERE a.email_normal = given.normal)
        ORDER BY given.normal
        ON CONFLICT (email_normal) DO NOTHING RETURNING id, leads_alias_of(email_normal)
    """  # noqa: S608


@cache
def _making() -> str:
    """Inserts a lead with the model's defaults in all columns but those of a new address, unless that leads to one."""
    names, defaults = _all_columns()
    marks = ", ".join(["%b"] * len(_NEW))
    return (
        f"INSERT INTO leads_lead ({', '.join(_NEW)}, {names}) SELECT {marks}, {defaults} "  # noqa: S608
        "WHERE NOT EXISTS (SELECT FROM leads_addressalias WHERE email_normal = %b) "
        "ON CONFLICT (email_normal) DO NOTHING"
    )


@cache
def _all_columns() -> tuple[str, str]:
    """The columns that a new address says nothing of, and the model's defaults for them."""
    fields = [field for field in Lead._meta.local_concrete_fields if not field.primary_key and field.name not in _NEW]
    defaults = (
        Literal(field.get_db_prep_save(field.get_default(), connection)).as_string(None).replace("%", "%%")
        for field in fields
    )
    return ", ".join(str(field.column) for field in fields), ", ".join(defaults)
