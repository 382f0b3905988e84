"""What identify and group calls say is brought to the person and to their company."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from leads import arrival, traits, writable
from leads.batch import LeadRow
from leads.traits import Traits
from lifecycle.core import sql

IDENTIFIED, JOINED = "user.identified", "account.joined"

# Only blanks are filled. A company that we named after its domain has no name yet.
_DESCRIBE = """
    UPDATE leads_company c
    SET name = CASE WHEN given.name <> '' AND c.name IN ('', left(c.domain, 200)) THEN given.name ELSE c.name END,
        size = coalesce(c.size, given.size),
        industry = coalesce(nullif(c.industry, ''), given.industry),
        country = coalesce(nullif(c.country, ''), given.country),
        time_zone = coalesce(nullif(c.time_zone, ''), given.time_zone)
    FROM unnest(%b::bigint[], %b::text[], %b::integer[], %b::text[], %b::text[], %b::text[])
      AS given (id, name, size, industry, country, time_zone)
    WHERE c.id = given.id
      AND (given.name <> '' AND c.name IN ('', left(c.domain, 200)) OR c.size IS NULL AND given.size IS NOT NULL
           OR c.industry = '' AND given.industry <> '' OR c.country = '' AND given.country <> ''
           OR c.time_zone = '' AND given.time_zone <> '')
"""
# What an account's facts are called on a person who has no account.
_OWN = {"name": "company_name", "size": "company_size", "industry": "industry", "country": "country"}


class Said(NamedTuple):
    """An identify or group call, as the log has it."""

    lead_id: int
    kind: str
    properties: dict[str, Any]


def by_traits(row: LeadRow, said: Traits, *, now: datetime) -> list[str]:
    """Write what a person's traits say over what was known; the columns that changed."""
    blank = {column: value for column, value in said.guessed.items() if not row[column]}
    return arrival.fill(row, {**blank, **said.columns}, _room_for(row, said.attributes), now=now)


def recall(row: LeadRow, calls: Iterable[Said], *, now: datetime) -> list[str]:
    """Fill blanks from what calls said before anybody knew whom they were about, the newest last; what changed."""
    changed: list[str] = []
    facts: dict[str, Any] = {}
    for call in reversed(list(calls)):
        if call.kind == IDENTIFIED:
            said = traits.read(call.properties.get("traits"))
            columns = {name: value for name, value in (said.guessed | said.columns).items() if not row[name]}
            attributes = {name: value for name, value in said.attributes.items() if name not in row["attributes"]}
            changed += arrival.fill(row, columns, _room_for(row, attributes), now=now)
        elif call.kind == JOINED:
            facts = traits.account(call.properties.get("traits")) | facts
    return changed + (join_account(row, facts) if facts else [])


def join_account(row: LeadRow, facts: Mapping[str, Any]) -> list[str]:
    """Facts of the account somebody belongs to: blanks of their company, or their own if they have none."""
    if row["company_id"] is None:
        own = {_OWN[name]: value for name, value in facts.items() if name in _OWN}
        return [column for column, value in own.items() if not row[column] and row.set(column, value)]
    describe({row["company_id"]: facts})
    return []


def describe(companies: Mapping[int, Mapping[str, Any]]) -> None:
    """Fill blanks of companies, in one statement."""
    if companies:
        facts = [companies[company_id] for company_id in sorted(companies)]
        texts = [[fact.get(name, "") for fact in facts] for name in ("name", "industry", "country", "time_zone")]
        sizes = [fact.get("size") for fact in facts]
        sql.execute(_DESCRIBE, [sorted(companies), texts[0], sizes, *texts[1:]])


def _room_for(row: LeadRow, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes, unless all of them together would take too much room."""
    fits = len(sql.to_json({**row["attributes"], **attributes})) <= writable.MOST_ATTRIBUTES if attributes else True
    return attributes if fits else {}
