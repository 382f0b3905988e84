"""Anonymous browsers, and the moment one turns out to be a person."""

from datetime import datetime

from leads.batch import LeadRow
from leads.models import Visitor
from lifecycle.core import sql

_JOIN_TOUCHES = """
    UPDATE leads_touch SET lead_id = %b WHERE visitor_id = %b AND lead_id IS NULL RETURNING id, occurred_at
"""
_JOIN_EVENTS = """
    WITH joined AS (
        UPDATE leads_event SET lead_id = %b WHERE visitor_id = %b AND lead_id IS NULL RETURNING id, lead_id
    )
    INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error) SELECT id, lead_id, 0, '' FROM joined
    ON CONFLICT DO NOTHING
"""


def hold_visitor(anonymous_id: str, *, now: datetime) -> Visitor:
    """The browser of this id, made if it is new, and locked: nobody joins it to a person meanwhile."""
    Visitor.objects.bulk_create([Visitor(anonymous_id=anonymous_id, created_at=now)], ignore_conflicts=True)
    return Visitor.objects.select_for_update(no_key=True).get(anonymous_id=anonymous_id)


def join(row: LeadRow, anonymous_id: str, *, now: datetime) -> bool:
    """Give a browser's past to the locked lead it belongs to; whether it is this lead's now.

    A browser that belongs to somebody else stays theirs: two known people are never merged by a shared computer.
    """
    visitor = hold_visitor(anonymous_id, now=now)
    if visitor.lead_id is not None:
        return visitor.lead_id == row.id
    visitor.lead_id = row.id
    visitor.save(update_fields=["lead"])
    touches = sorted(sql.fetch(_JOIN_TOUCHES, [row.id, visitor.pk]), key=lambda found: (found[1], found[0]))
    sql.execute(_JOIN_EVENTS, [row.id, visitor.pk])
    if touches:
        if row["original_touch_id"] is None:
            row.set("original_touch_id", touches[0][0])
        if row["latest_touch_id"] is None:
            row.set("latest_touch_id", touches[-1][0])
    return True
