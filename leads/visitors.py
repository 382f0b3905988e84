"""Anonymous browsers, and the moment one turns out to be a person."""

from datetime import datetime

from leads.batch import LeadRow
from leads.models import Visitor
from lifecycle.core import sql

_MAKE = """
    INSERT INTO leads_visitor (anonymous_id, lead_id, created_at) VALUES (%b, %b, %b)
    ON CONFLICT (anonymous_id) DO NOTHING RETURNING id, anonymous_id, lead_id, created_at
"""
_HOLD = """
    SELECT id, anonymous_id, lead_id, created_at FROM leads_visitor WHERE anonymous_id = %b FOR NO KEY UPDATE
"""
_COLUMNS = ("id", "anonymous_id", "lead_id", "created_at")
_JOIN = """
    WITH visitor AS (UPDATE leads_visitor SET lead_id = %b WHERE id = %b),
    joined AS (
        UPDATE leads_event SET lead_id = %b WHERE visitor_id = %b AND lead_id IS NULL RETURNING id, lead_id
    ), queued AS (
        INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error) SELECT id, lead_id, 0, '' FROM joined
        ON CONFLICT DO NOTHING
    )
    UPDATE leads_touch SET lead_id = %b WHERE visitor_id = %b AND lead_id IS NULL RETURNING id, occurred_at
"""


def hold_visitor(anonymous_id: str, *, now: datetime) -> Visitor:
    """The browser of this id, made if it is new, and locked: nobody joins it to a person meanwhile."""
    made = sql.fetch(_MAKE, [anonymous_id, None, now])
    return Visitor.from_db("default", _COLUMNS, made[0]) if made else _known(anonymous_id)


def join(row: LeadRow, anonymous_id: str, *, now: datetime) -> bool:
    """Give a browser's past to the locked lead it belongs to; whether it is this lead's now.

    A browser that belongs to somebody else stays theirs: two known people are never merged by a shared computer.
    """
    if sql.fetch(_MAKE, [anonymous_id, row.id, now]):
        return True  # a browser that nobody saw before has no past
    visitor = _known(anonymous_id)
    if visitor.lead_id is not None:
        return visitor.lead_id == row.id
    touches = sorted(sql.fetch(_JOIN, [row.id, visitor.pk] * 3), key=lambda found: (found[1], found[0]))
    if touches:
        if row["original_touch_id"] is None:
            row.set("original_touch_id", touches[0][0])
        if row["latest_touch_id"] is None:
            row.set("latest_touch_id", touches[-1][0])
    return True


def _known(anonymous_id: str) -> Visitor:
    """The browser, locked. Visitor.DoesNotExist if its person was erased meanwhile."""
    found = sql.fetch(_HOLD, [anonymous_id])
    if not found:
        raise Visitor.DoesNotExist("the browser was erased while it was looked up")
    return Visitor.from_db("default", _COLUMNS, found[0])
