"""Browsers and users of the product, and the moment one turns out to be a person.

A browser is linked to the user who identified on it (`same_as`). Those that are linked make a circle, and a circle
belongs to one lead or to nobody. Locks: leads first, then visitors in the order of their ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from leads import filling, touching
from leads.batch import LeadRow
from leads.filling import IDENTIFIED, JOINED, Said
from leads.models import Visitor
from leads.suspicion import suspect
from lifecycle.core import sql

_MAKE = """
    INSERT INTO leads_visitor (anonymous_id, lead_id, created_at) VALUES (%b, %b, %b)
    ON CONFLICT (anonymous_id) DO NOTHING RETURNING id, anonymous_id, lead_id, created_at
"""
_COLUMNS = ("id", "anonymous_id", "lead_id", "created_at")
# Everybody who is linked to those of `start`, by links in either direction.
_CIRCLE = """
    WITH RECURSIVE near (root, id) AS (
        {start}
        UNION
        SELECT near.root, further.id FROM near JOIN leads_visitor known ON known.id = near.id
        CROSS JOIN LATERAL (
            SELECT v.id FROM leads_visitor v WHERE v.same_as_id = known.id
            UNION ALL SELECT known.same_as_id WHERE known.same_as_id IS NOT NULL
        ) further
    )
"""
_HOLD = f"""
    {_CIRCLE.format(start="SELECT id, id FROM leads_visitor WHERE anonymous_id = %b")}
    SELECT id, anonymous_id, user_id, lead_id, same_as_id FROM leads_visitor
    WHERE id IN (SELECT id FROM near) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 (our own text)
_AROUND = f"""
    {_CIRCLE.format(start="SELECT id, id FROM unnest(%b::bigint[]) AS given (id)")}
    SELECT near.root, v.id, v.anonymous_id, v.user_id, v.lead_id, v.same_as_id
    FROM near JOIN leads_visitor v ON v.id = near.id
"""  # noqa: S608
_HOLD_ALL = "SELECT id FROM leads_visitor WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE"
# Their events wait for the pipeline from now on. Told: touches, what calls said of them, and who has any past at all.
_BRING = """
    WITH given AS (SELECT * FROM unnest(%b::bigint[], %b::bigint[]) AS given (visitor_id, lead_id)),
    theirs AS (
        UPDATE leads_visitor v SET lead_id = given.lead_id FROM given
        WHERE v.id = given.visitor_id AND v.lead_id IS NULL
    ), joined AS (
        UPDATE leads_event e SET lead_id = given.lead_id FROM given
        WHERE e.visitor_id = given.visitor_id AND e.lead_id IS NULL
        RETURNING e.id, e.lead_id, e.kind, e.properties, e.occurred_at
    ), queued AS (
        INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error) SELECT id, lead_id, 0, '' FROM joined
        ON CONFLICT DO NOTHING
    ), touched AS (
        UPDATE leads_touch t SET lead_id = given.lead_id FROM given
        WHERE t.visitor_id = given.visitor_id AND t.lead_id IS NULL RETURNING t.id, t.lead_id, t.occurred_at
    )
    SELECT lead_id, 'touch', id, occurred_at, NULL::jsonb FROM touched
    UNION ALL SELECT lead_id, kind, id, occurred_at, properties FROM joined WHERE kind IN (%b, %b)
    UNION ALL SELECT lead_id, '', min(id), NULL, NULL FROM joined WHERE kind NOT IN (%b, %b) GROUP BY lead_id
"""


class Known(NamedTuple):
    id: int
    anonymous_id: str | None
    user_id: str | None
    lead_id: int | None
    same_as_id: int | None


def hold_visitor(anonymous_id: str, *, now: datetime) -> Visitor:
    """The browser of this id, made if it is new, and locked: nobody joins it to a person meanwhile."""
    made = sql.fetch(_MAKE, [anonymous_id, None, now])
    if made:
        return Visitor.from_db("default", _COLUMNS, made[0])
    browser, _ = _hold(anonymous_id)
    return Visitor(id=browser.id, anonymous_id=anonymous_id, lead_id=browser.lead_id)


def join(row: LeadRow, anonymous_id: str, *, now: datetime) -> bool:
    """Give a browser's past, and that of its user, to the locked lead they belong to; whether it is this lead's now.

    A browser that belongs to somebody else, or whose user does, stays theirs: two known people are never merged by a
    shared computer. That the two met there is noted for a person to look at. The row is to be flushed.
    """
    if sql.fetch(_MAKE, [anonymous_id, row.id, now]):
        return True  # a browser that nobody saw before has no past
    browser, circle = _hold(anonymous_id)
    owners = {visitor.lead_id for visitor in circle} - {None}
    if owners - {row.id}:
        suspect([(row.id, owner, "a form came from a browser of the other") for owner in owners if owner], now=now)
        return browser.lead_id == row.id
    free = [visitor.id for visitor in circle if visitor.lead_id is None]
    bring(dict.fromkeys(free, row), now=now)
    return True


def bring(owners: Mapping[int, LeadRow], *, now: datetime) -> None:
    """Visitors, by id, turn out to be these locked leads: theirs is the past. One statement, and those of touches.

    What calls said of them before fills blanks; the first touch of all becomes the original one if there is none yet.
    The caller holds the visitors' locks, and flushes the rows.
    """
    if not owners:
        return
    kinds = (IDENTIFIED, JOINED)
    found = sql.fetch(_BRING, [list(owners), [row.id for row in owners.values()], *kinds, *kinds])
    told: dict[int, list[tuple]] = {}  # type: ignore[type-arg]
    for lead_id, *rest in found:
        told.setdefault(lead_id, []).append(tuple(rest))
    rows = {row.id: row for row in owners.values()}
    seen = {lead_id for lead_id, what in told.items() if any(kind == "" for kind, *_ in what)}
    if seen:
        touching.of_visitors({one: row for one, row in owners.items() if row.id in seen}, now=now)
    for lead_id, what in told.items():
        row = rows[lead_id]
        _touched(row, [(at, number) for kind, number, at, _ in what if kind == "touch"])
        calls = sorted((at, number, kind, said) for kind, number, at, said in what if kind in kinds)
        filling.recall(row, [Said(lead_id, kind, said) for _, _, kind, said in calls], now=now)


def circles(visitor_ids: Iterable[int]) -> dict[int, list[Known]]:
    """For each visitor those it is linked to, itself included."""
    found: dict[int, list[Known]] = {}
    for root, *columns in sql.fetch(_AROUND, [list(visitor_ids)]):
        found.setdefault(root, []).append(Known(*columns))
    return found


def hold(visitor_ids: Sequence[int]) -> None:
    """Lock visitors in the order of their ids."""
    sql.fetch(_HOLD_ALL, [sorted(visitor_ids)])


def _hold(anonymous_id: str) -> tuple[Known, list[Known]]:
    """A browser and its circle, locked. Visitor.DoesNotExist if its person was erased meanwhile."""
    circle = [Known(*row) for row in sql.fetch(_HOLD, [anonymous_id])]
    ids = {visitor.id for visitor in circle}
    if any(visitor.same_as_id and visitor.same_as_id not in ids for visitor in circle) or len(circle) > 1:
        circle = [Known(*row) for row in sql.fetch(_HOLD, [anonymous_id])]  # linked while we waited
    browser = next((visitor for visitor in circle if visitor.anonymous_id == anonymous_id), None)
    if browser is None:
        raise Visitor.DoesNotExist("the browser was erased while it was looked up")
    return browser, circle


def _touched(row: LeadRow, touches: list[tuple[datetime, int]]) -> None:
    if touches:
        touches.sort()
        if row["original_touch_id"] is None:
            row.set("original_touch_id", touches[0][1])
        if row["latest_touch_id"] is None:
            row.set("latest_touch_id", touches[-1][1])
