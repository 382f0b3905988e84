"""A chunk of people into the database, set-based, inside the caller's transaction, beside forms and other imports.

Order of locks: the companies were made before, in a transaction of their own; new leads in the order of their
addresses, known ones in the order of their ids. Whoever arrives at the same moment by a form is then simply known.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from psycopg.sql import Literal

from leads import claiming, log, signals
from leads.arrival import LONGEST_NAME
from leads.batch import LeadRow, column_types, flush_leads
from leads.domains import company_domain
from leads.importing.cleaning import Person, Refusal
from leads.importing.planning import CREATED, UNCHANGED, UPDATED, Options, Planner, Surroundings, Taken, draft
from leads.log import NewEvent
from leads.models import Lead
from lifecycle.core import sql

TRIES = 3
GONE = "The person was erased or merged at this very moment; import the row again."

# What a draft says of itself; all other columns have their defaults.
DRAFTED = (
    "attributes", "id", "email", "email_normal", "email_domain", "address_hash", "first_name", "last_name", "phone",
    "job_title", "role", "department", "company_id", "company_name", "company_size", "industry", "country", "timezone",
    "organization_type", "audience_type", "primary_audience", "is_client", "stage_since",
    "original_touch_id", "latest_touch_id", "created_at", "updated_at",
)  # fmt: skip
_KNOWN = """
    SELECT email_normal, id FROM leads_lead WHERE email_normal = ANY(%b::text[])
    UNION ALL
    SELECT email_normal, lead_id FROM leads_addressalias WHERE email_normal = ANY(%b::text[])
"""
_IDS = """
    SELECT nextval(own.name)
    FROM (SELECT pg_get_serial_sequence(%b::text, 'id')::regclass AS name OFFSET 0) own, generate_series(1, %b::int)
"""
_COMPANIES = """
    WITH made AS (
        INSERT INTO leads_company (domain, name, size, industry, country, time_zone, created_at, enrichment_due_at)
        SELECT domain, name, size, industry, country, time_zone, %b::timestamptz, %b::timestamptz
        FROM unnest(%b::text[], %b::text[], %b::int[], %b::text[], %b::text[], %b::text[])
            AS given (domain, name, size, industry, country, time_zone)
        ORDER BY domain
        ON CONFLICT (domain) DO NOTHING
    )
    SELECT 1
"""
_COMPANY_IDS = "SELECT domain, id FROM leads_company WHERE domain = ANY(%b::text[])"
_AUDIENCES = """
    SELECT DISTINCT ON (upper(organization_type)) upper(organization_type), audience_type, primary_audience
    FROM leads_audience ORDER BY upper(organization_type), organization_type
"""
# What a file says of consent never speaks louder than a withdrawal that we know of.
_AGREE = """
    INSERT INTO leads_consent (lead_id, address_hash, purpose, granted, source, text, at)
    SELECT given.lead_id, given.hashed, 'marketing', true, %b::text, given.text, coalesce(given.at, %b::timestamptz)
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[]) AS given (lead_id, hashed, text, at)
    WHERE NOT EXISTS (
        SELECT FROM leads_consent c WHERE c.address_hash = given.hashed AND c.purpose = 'marketing'
          AND (NOT c.granted AND (given.at IS NULL OR c.at >= given.at)
               OR c.granted AND c.text = given.text AND (given.at IS NULL OR c.at = given.at)))
"""


@dataclass(slots=True)
class Stored:
    """What a chunk did, row by row."""

    taken: list[Taken] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def count(self, outcome: str) -> int:
        return sum(one.outcome == outcome for one in self.taken)

    def add(self, one: Taken | Refusal) -> None:
        if isinstance(one, Taken):
            self.taken.append(one)
        else:
            self.refusals.append(one)


def store(people: Sequence[Person], options: Options, around: Surroundings, *, now: datetime) -> Stored:
    """Bring in the people of a chunk; with `options.dry` only say what would come of it."""
    stored = Stored()
    planner = Planner(options, around, _touch_ids(len(people), options), now)
    known = known_ids(people)
    left = _make([one for one in people if one.address.normal not in known], planner, options, stored, now=now)
    unknown = {one.line for one in left}
    rest = [one for one in people if one.address.normal in known or one.line in unknown]
    rows = _fill_known(rest, planner, stored)
    if not options.dry:
        flush_leads(rows, now=now)
        _write(stored, options, now=now)
    return stored


def surroundings(people: Sequence[Person], *, now: datetime, dry: bool) -> Surroundings:
    """The companies of these people, made where they are missing (not in a dry run), and the audiences.

    Call it in a transaction of its own: a form holds its lead when it makes a company, so nobody may hold companies
    while they wait for a lead.
    """
    wanted: dict[str, Person] = {}
    for one in people:
        if domain := company_domain(one.address.domain):
            wanted.setdefault(domain, one)
    ids = dict(sql.fetch(_COMPANY_IDS, [list(wanted)])) if wanted else {}
    missing = {domain: one for domain, one in wanted.items() if domain not in ids}
    if missing and not dry:
        sql.fetch(_COMPANIES, [now, now, *_company_columns(missing)])
        ids |= dict(sql.fetch(_COMPANY_IDS, [list(missing)]))
    return Surroundings(ids, {name: (kind, audience) for name, kind, audience in sql.fetch(_AUDIENCES)})


def opt_out(refusals: Iterable[Refusal], taken: Iterable[Taken], options: Options, *, now: datetime) -> None:
    """Tell of everybody who opted out elsewhere, also in rows that are refused and of people who are left alone."""
    addresses: dict[str, int | None] = {one.hashed: None for one in refusals if one.hashed}
    addresses |= {one.person.hashed: one.lead_id for one in taken if one.person.opted_out}
    if addresses and not options.dry:
        signals.opted_out.send(sender=None, addresses=addresses, source=f"import:{options.source}"[:60], now=now)


def known_ids(people: Sequence[Person]) -> dict[str, int]:
    """Address → lead, for those that have one, or lead to one since two people were merged."""
    addresses = [one.address.normal for one in people]
    return dict(sql.fetch(_KNOWN, [addresses, addresses]))


def _make(
    people: Sequence[Person], planner: Planner, options: Options, stored: Stored, *, now: datetime
) -> list[Person]:
    """Make the leads of unknown addresses; back come the people whose lead somebody else made meanwhile."""
    first = {one.address.normal: one for one in reversed(people)}
    ids = _ids("leads_lead", len(first), options)
    drafts = {
        address: draft(lead_id, one.address, one.hashed, now)
        for lead_id, (address, one) in zip(ids, first.items(), strict=True)
    }
    begun: set[str] = set()
    results: list[tuple[Person, Taken | Refusal]] = []
    for one in people:
        result = planner.take(one, drafts[one.address.normal], is_new=one.address.normal not in begun)
        if isinstance(result, Taken):
            begun.add(one.address.normal)
        results.append((one, result))
    rows = [drafts[address] for address in begun]
    made = {row.id for row in rows} if options.dry else _insert(rows)
    left = []
    for one, result in results:
        if isinstance(result, Refusal) or result.lead_id in made:
            stored.add(result)
        else:
            left.append(one)
    return left


def _fill_known(people: Sequence[Person], planner: Planner, stored: Stored) -> list[LeadRow]:
    """Apply rows to the leads that there are, which are held; those leads."""
    rows: dict[int, LeadRow] = {}
    ids: dict[str, int] = {}
    for _ in range(TRIES if people else 0):
        ids = known_ids(people)
        rows = claiming.hold(sorted(set(ids.values())))
        if all(ids.get(one.address.normal) in rows for one in people):
            break  # nobody was erased or merged between the two statements
    for one in people:
        row = rows.get(ids.get(one.address.normal, 0))
        if row is None:
            stored.add(Refusal(one.line, one.cells, GONE, one.hashed if one.opted_out else ""))
        else:
            stored.add(planner.take(one, row, is_new=False))
    return list(rows.values())


def _insert(rows: Sequence[LeadRow]) -> set[int]:
    """COPY the drafts and make leads of them; ids of those that are new indeed."""
    if not rows:
        return set()
    table, insert = _lead_statements()
    sql.execute(table)
    sql.execute("TRUNCATE import_lead")
    _copy(
        "import_lead", DRAFTED, ([sql.to_json(row["attributes"]), *(row[name] for name in DRAFTED[1:])] for row in rows)
    )
    made = sql.fetch(insert)
    if merged := [lead_id for lead_id, alias_of in made if alias_of is not None]:
        sql.execute("DELETE FROM leads_lead WHERE id = ANY(%b::bigint[])", [merged])
    for row in rows:
        row.dirty.clear()
    return {lead_id for lead_id, alias_of in made if alias_of is None}


@cache
def _lead_statements() -> tuple[str, str]:
    """The table that drafts are copied into, and the statement that makes leads of them with defaults for the rest."""
    types, names = column_types(), ", ".join(DRAFTED)
    columns = ", ".join(f"{name} {types[name]}" for name in DRAFTED)
    others = [one for one in Lead._meta.local_concrete_fields if one.column not in DRAFTED]
    defaults = ", ".join(
        Literal(one.get_db_prep_save(one.get_default(), connection)).as_string(None).replace("%", "%%")
        for one in others
    )
    return (
        f"CREATE TEMP TABLE IF NOT EXISTS import_lead ({columns}) ON COMMIT DROP",
        f"INSERT INTO leads_lead ({names}, {', '.join(str(one.column) for one in others)}) "  # noqa: S608 - ours
        f"SELECT {names}, {defaults} FROM import_lead ORDER BY email_normal "
        "ON CONFLICT (email_normal) DO NOTHING RETURNING id, leads_alias_of(email_normal)",
    )


def _write(stored: Stored, options: Options, *, now: datetime) -> None:
    """The touches, the lines of history and the consents of the rows that count."""
    _write_touches([one for one in stored.taken if one.touch_id is not None], now=now)
    told = [one for one in stored.taken if one.outcome in (CREATED, UPDATED)]
    log.write([_event(one, options) for one in told], now=now, pending=True)
    agreed = [one for one in stored.taken if one.person.agreement and one.touch_id is not None]
    if agreed:
        agreements = [one.person.agreement for one in agreed]
        sql.execute(
            _AGREE,
            [
                f"import:{options.source}"[:60],
                now,
                [one.lead_id for one in agreed],
                [one.person.hashed for one in agreed],
                [one.text for one in agreements if one],
                [min(one.at, now) if one.at else None for one in agreements if one],
            ],
        )


def _write_touches(taken: Sequence[Taken], *, now: datetime) -> None:
    if not taken:
        return
    said: dict[int, list[Any]] = {}  # many rows share what they say
    for one in taken:
        if id(one.person.provenance) not in said:
            said[id(one.person.provenance)] = [_value(part) for part in one.person.provenance.columns().values()]
    names = ["id", "lead_id", "kind", "form", "occurred_at", "recorded_at", *taken[0].person.provenance.columns()]
    rows = ([one.touch_id, one.lead_id, "import", "", now, now, *said[id(one.person.provenance)]] for one in taken)
    _copy("leads_touch", names, rows)


def _event(one: Taken, options: Options) -> NewEvent:
    kind = "lead.created" if one.outcome == CREATED else "lead.updated"
    properties = {"fields": sorted(set(one.changed)), "import": options.run_id, "line": one.person.line}
    return NewEvent(one.lead_id, kind, properties, source="import", key=f"{options.run_id}:{one.person.line}")


def _copy(table: str, names: Sequence[str], rows: Iterator[list[Any]] | Iterable[list[Any]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _value(value: Any) -> Any:
    return sql.to_json(value) if isinstance(value, dict) else value


def _ids(table: str, count: int, options: Options) -> Sequence[int]:
    """Numbers for rows to come; a dry run uses none up."""
    if options.dry or not count:
        return range(-count, 0)
    return [row[0] for row in sql.fetch(_IDS, [table, count])]


def _touch_ids(count: int, options: Options) -> Iterator[int]:
    """As many as there are rows at once; who was made by somebody else meanwhile needs one more."""
    yield from _ids("leads_touch", count, options)
    while True:
        yield from _ids("leads_touch", 1, options)


def _company_columns(missing: dict[str, Person]) -> list[list[Any]]:
    """What the first of its people in the file says of a company."""
    told = [one.columns for one in missing.values()]
    return [
        list(missing),
        [columns.get("company_name") or domain[:LONGEST_NAME] for domain, columns in zip(missing, told, strict=True)],
        [columns.get("company_size") for columns in told],
        *([columns.get(name, "") for columns in told] for name in ("industry", "country", "timezone")),
    ]


__all__ = ["CREATED", "UNCHANGED", "UPDATED", "Options", "Stored", "known_ids", "opt_out", "store", "surroundings"]
