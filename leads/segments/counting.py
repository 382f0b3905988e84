"""How many members a segment has, and how many came and went lately, without counting them for every reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry

GROWTH = timedelta(days=7)
# One adds up at a time; who is held is added up the next time.
_HOLD = """
    SELECT id FROM leads_segment
    WHERE id IN (SELECT segment_id FROM leads_segmenttally WHERE NOT is_summed) {only}
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
_ONLY = "AND id = ANY(%b::bigint[])"
_ADD_UP = """
    WITH fresh AS (
        DELETE FROM leads_segmenttally WHERE NOT is_summed AND segment_id = ANY(%b::bigint[])
        RETURNING segment_id, day, came, went
    ), by_day AS (
        INSERT INTO leads_segmenttally AS t (segment_id, day, came, went, is_summed)
        SELECT segment_id, day, sum(came), sum(went), true FROM fresh GROUP BY segment_id, day
        ON CONFLICT (segment_id, day) WHERE is_summed
        DO UPDATE SET came = t.came + excluded.came, went = t.went + excluded.went
    )
    UPDATE leads_segment s SET member_count = greatest(0, s.member_count + f.net)
    FROM (SELECT segment_id, sum(came) - sum(went) AS net FROM fresh GROUP BY segment_id) AS f
    WHERE s.id = f.segment_id
"""
# Tallies that are not added up yet are of members who are counted here, so they are taken off until they are.
_EXACTLY = """
    UPDATE leads_segment s SET member_count = greatest(0,
        (SELECT count(*) FROM leads_segmentmember m WHERE m.segment_id = s.id)
        - (SELECT coalesce(sum(came::int - went), 0) FROM leads_segmenttally t
           WHERE t.segment_id = s.id AND NOT t.is_summed))
    WHERE id = %b
"""
_GROWTH = """
    SELECT segment_id, sum(came), sum(went) FROM leads_segmenttally
    WHERE segment_id = ANY(%b::bigint[]) AND day > %b::date GROUP BY segment_id
"""


@dataclass(frozen=True, slots=True)
class Growth:
    """How many entered and left in a time."""

    came: int = 0
    went: int = 0


@atomic_with_retry
def add_up(segment_ids: Sequence[int] | None = None) -> None:
    """Add what was tallied to the counts, of all segments or of these."""
    hold = _HOLD.format(only="" if segment_ids is None else _ONLY)
    held = [row[0] for row in sql.fetch(hold, [] if segment_ids is None else [list(segment_ids)])]
    if held:
        sql.execute(_ADD_UP, [held])


def count_exactly(segment_id: int) -> None:
    """Count the members themselves: people who were erased left no tally. Hold the segment's row."""
    sql.execute(_EXACTLY, [segment_id])


def growth(segment_ids: Sequence[int], *, now: datetime) -> dict[int, Growth]:
    """What came and went in the last seven days, by segment: one query, of some rows for each."""
    rows = sql.fetch(_GROWTH, [list(segment_ids), (now - GROWTH).date()])
    return {segment: Growth(came, went) for segment, came, went in rows}
