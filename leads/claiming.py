"""Take people who have something waiting, and hold them: one worker at a time handles a person."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from leads.batch import Batch, EventRow, LeadRow, column_types
from leads.models import Company, Lead
from leads.rule_fields import VOCABULARY
from lifecycle.core import sql

MOST_EVENTS = 5_000
PATIENCE = "5s"

# Steps through the index of who waits from person to person, so a claim costs what it takes, not what there is.
_ANYONE = """
    WITH RECURSIVE p AS (
        (SELECT lead_id FROM leads_pendingevent WHERE dead_at IS NULL ORDER BY lead_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.lead_id FROM leads_pendingevent q
                WHERE q.dead_at IS NULL AND q.lead_id > p.lead_id ORDER BY q.lead_id LIMIT 1)
        FROM p WHERE p.lead_id IS NOT NULL
    )
    SELECT held.* FROM p CROSS JOIN LATERAL (
        SELECT {columns} FROM leads_lead l {joins} WHERE l.id = p.lead_id FOR NO KEY UPDATE OF l SKIP LOCKED
    ) AS held LIMIT %b
"""
_NAMED = """
    SELECT {columns} FROM leads_lead l {joins}
    WHERE l.id = ANY(%b::bigint[])
      AND EXISTS (SELECT FROM leads_pendingevent q WHERE q.lead_id = l.id AND q.dead_at IS NULL)
    ORDER BY l.id LIMIT %b FOR NO KEY UPDATE OF l {otherwise}
"""
_HOLD = "SELECT {columns} FROM leads_lead l {joins} WHERE {condition} ORDER BY l.id FOR NO KEY UPDATE OF l"
_INSERTED = (
    "WITH l AS ({statement} RETURNING *) SELECT {columns}, leads_alias_of(l.email_normal) AS alias_of FROM l {joins}"
)
# One look each by an index; an address has a lead or leads to one, never both.
_OF_ADDRESS = """
    l.id = coalesce((SELECT id FROM leads_lead WHERE email_normal = %b),
                    (SELECT lead_id FROM leads_addressalias WHERE email_normal = %b))
"""
_OF_ANY = """
    l.id = ANY(ARRAY(SELECT id FROM leads_lead WHERE email_normal = ANY(%b::text[])) || %b::bigint[])
"""
_DISCARD = "DELETE FROM leads_lead WHERE id = %b"
_EVENTS = """
    SELECT e.id, e.lead_id, e.kind, e.properties, e.occurred_at, e.recorded_at, e.source, e.depth,
           coalesce(e.lineage, '{}')
    FROM leads_pendingevent p JOIN leads_event e ON e.id = p.event_id
    WHERE p.lead_id = ANY(%b::bigint[]) AND p.dead_at IS NULL
    ORDER BY p.lead_id, e.occurred_at, e.id LIMIT %b
"""


def claim(*, limit: int, lead_ids: Sequence[int] | None, wait: bool) -> dict[int, LeadRow]:
    """Lock up to `limit` leads that have events waiting, passing over those that another worker holds.

    With `wait`, for the doors of single people: stay for the lock; OperationalError after five seconds.
    """
    if wait:
        sql.fetch("SELECT set_config('lock_timeout', %b, true)", [PATIENCE])
    names, columns, joins = _selection()
    if lead_ids is None:
        rows = sql.fetch(_ANYONE.format(columns=columns, joins=joins), [limit])
    else:
        otherwise = "" if wait else "SKIP LOCKED"
        named = _NAMED.format(columns=columns, joins=joins, otherwise=otherwise)
        rows = sql.fetch(named, [list(lead_ids), limit])
    return rows_by_id([dict(zip(names, row, strict=True)) for row in rows])


def hold(lead_ids: Sequence[int]) -> dict[int, LeadRow]:
    """Lock these leads, whether or not something waits, in the order of their ids."""
    return _hold("l.id = ANY(%b::bigint[])", list(lead_ids))


def hold_address(email_normal: str) -> LeadRow | None:
    """Lock the lead of this normalised address, or the one it leads to since two were merged."""
    return next(iter(_hold(_OF_ADDRESS, email_normal, email_normal).values()), None)


def hold_all(addresses: Sequence[str], lead_ids: Sequence[int]) -> dict[int, LeadRow]:
    """Lock the leads of these normalised addresses and those of these ids, in the order of their ids."""
    return _hold(_OF_ANY, list(addresses), list(lead_ids))


def insert(statement: str, values: Sequence[object]) -> LeadRow | None:
    """The lead that this INSERT makes, held as its transaction's own; None if it makes none.

    None as well when the address leads to another lead by the time the row is there: a merge that this waited for.
    """
    names, columns, joins = _selection()
    rows = sql.fetch(_INSERTED.format(statement=statement, columns=columns, joins=joins), values)
    made = [dict(zip([*names, "alias_of"], row, strict=True)) for row in rows]
    if made and made[0].pop("alias_of") is not None:
        sql.execute(_DISCARD, [made[0]["id"]])
        return None
    return next(iter(rows_by_id(made).values()), None)


def waiting(leads: dict[int, LeadRow], *, limit: int, now: datetime) -> Batch:
    """The batch of what waits for these locked leads, oldest first; people without any event in it are left out.

    In a sandbox, where clocks are virtual, an event of the future moves the batch's present forward.
    """
    events = [EventRow(*row) for row in sql.fetch(_EVENTS, [list(leads), limit])]
    if settings.SANDBOX:
        now = max([now, *(event.occurred_at for event in events)])
    present = {event.lead_id for event in events}
    return Batch(now=now, leads={lead_id: leads[lead_id] for lead_id in leads if lead_id in present}, events=events)


def rows_by_id(rows: list[dict[str, Any]]) -> dict[int, LeadRow]:
    """Selected rows as lead rows, with the columns that higher apps made known to rules."""
    found = {row["id"]: LeadRow(row) for row in rows}
    further = [path for path in VOCABULARY.columns() if path not in _selection()[0]]
    if further and found:
        for pk, *values in Lead.objects.filter(pk__in=found).values_list("pk", *further):
            found[pk].columns().update(zip(further, values, strict=True))
    return found


def _hold(condition: str, *parameters: object) -> dict[int, LeadRow]:
    names, columns, joins = _selection()
    rows = sql.fetch(_HOLD.format(columns=columns, joins=joins, condition=condition), parameters)
    return rows_by_id([dict(zip(names, row, strict=True)) for row in rows])


@cache
def _selection() -> tuple[list[str], str, str]:
    """Names of the selected columns by ORM path, their SQL, and the joins they need."""
    user = get_user_model()
    picked = {column: f"l.{column}" for column in column_types()}
    picked |= {f"company__{name}": f"c.{name}" for name in ("size", "industry", "domain", "time_zone")}
    picked["owner__username"] = f"u.{user.USERNAME_FIELD}"
    joins = (
        f"LEFT JOIN {Company._meta.db_table} c ON c.id = l.company_id "
        f"LEFT JOIN {user._meta.db_table} u ON u.id = l.owner_id"
    )
    return list(picked), ", ".join(picked.values()), joins
