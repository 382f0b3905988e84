"""Possible duplicates of somebody who is merged: they are now those of the lead that stays."""

from typing import Any

from lifecycle.core import sql

TABLE = "leads_possibleduplicate"

_TAKE = "DELETE FROM leads_possibleduplicate p WHERE p.lead_id = %b OR p.other_id = %b RETURNING to_jsonb(p)"
_GIVE = """
    INSERT INTO leads_possibleduplicate (lead_id, other_id, reason, outcome, seen_at, settled_at, settled_by_id)
    SELECT least(third, %b), greatest(third, %b), p.reason, p.outcome, p.seen_at, p.settled_at, p.settled_by_id
    FROM jsonb_populate_recordset(NULL::leads_possibleduplicate, %b::text::jsonb) p
    CROSS JOIN LATERAL (SELECT CASE WHEN p.lead_id = %b THEN p.other_id ELSE p.lead_id END) AS given (third)
    WHERE third <> %b
    ON CONFLICT DO NOTHING RETURNING id
"""
_FORGET = "DELETE FROM leads_possibleduplicate WHERE id = ANY(%b::bigint[])"


def move(*, source: int, target: int) -> tuple[list[int], list[dict[str, Any]]]:
    """The pairs of one lead become those of another: ids of the new rows, and the old rows as they were."""
    taken = [row[0] for row in sql.fetch(_TAKE, [source, source])]
    if not taken:
        return [], []
    made = sql.fetch(_GIVE, [target, target, sql.to_json(taken), source, target])
    return [row[0] for row in made], taken


def forget(ids: list[int]) -> None:
    sql.execute(_FORGET, [ids])
