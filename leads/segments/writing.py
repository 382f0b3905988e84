"""The statements that write members, and what must be written beside each: its tally, its due time.

A membership's own id is the key of the events that tell of it, so each is told once when it begins and once when it
ends, whoever writes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from leads.log import NewEvent
from lifecycle.core import sql

_TALLY = """
    INSERT INTO leads_segmenttally (segment_id, day, came, went, is_summed)
    SELECT segment_id, (%b::timestamptz AT TIME ZONE 'UTC')::date, {counts}, false FROM changed GROUP BY segment_id
"""
_ENTER = """
    WITH changed AS (
        INSERT INTO leads_segmentmember (segment_id, lead_id, entered_at)
        SELECT segment_id, lead_id, %b::timestamptz
        FROM unnest(%b::bigint[], %b::bigint[]) AS given (segment_id, lead_id)
        ON CONFLICT DO NOTHING RETURNING id, segment_id, lead_id
    ), tally AS ({tally})
    SELECT id, segment_id, lead_id FROM changed
"""
_LEAVE = """
    WITH changed AS (
        DELETE FROM leads_segmentmember m USING unnest(%b::bigint[], %b::bigint[]) AS given (segment_id, lead_id)
        WHERE m.segment_id = given.segment_id AND m.lead_id = given.lead_id RETURNING m.id, m.segment_id, m.lead_id
    ), tally AS ({tally})
    SELECT id, segment_id, lead_id FROM changed
"""
_MEMBERS = """
    SELECT segment_id, lead_id FROM leads_segmentmember
    WHERE lead_id = ANY(%b::bigint[]) AND segment_id = ANY(%b::bigint[])
"""
_DUES = """
    SELECT segment_id, lead_id, due_at FROM leads_segmentdue
    WHERE lead_id = ANY(%b::bigint[]) AND segment_id = ANY(%b::bigint[])
"""
_SOONER = """
    INSERT INTO leads_segmentdue (segment_id, lead_id, due_at)
    SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::timestamptz[])
    ON CONFLICT (segment_id, lead_id) DO UPDATE SET due_at = least(leads_segmentdue.due_at, excluded.due_at)
"""

Pair = tuple[int, int]  # segment, lead


class Change(NamedTuple):
    """A membership that really began or ended."""

    member_id: int
    segment_id: int
    lead_id: int


def members(segment_ids: Sequence[int], lead_ids: Sequence[int]) -> set[Pair]:
    """Who of these leads is in which of these segments."""
    return {(segment, lead) for segment, lead in sql.fetch(_MEMBERS, [list(lead_ids), list(segment_ids)])}


def write_members(entered: Iterable[Pair], left: Iterable[Pair], *, now: datetime) -> tuple[list[Change], list[Change]]:
    """Write the differences; those that were really new and really gone."""
    new, gone = sorted(entered), sorted(left)
    really_gone = _changes(_LEAVE.format(tally=_TALLY.format(counts="0, count(*)")), [*_columns(gone), now], gone)
    really_new = _changes(_ENTER.format(tally=_TALLY.format(counts="count(*), 0")), [now, *_columns(new), now], new)
    return really_new, really_gone


def told(changes: Iterable[Change], kind: str, slugs: Mapping[int, str], *, now: datetime) -> list[NewEvent]:
    """The events that tell of it, in a fixed order."""
    return [
        NewEvent(
            change.lead_id,
            kind,
            {"segment": slugs[change.segment_id]},
            occurred_at=now,
            key=f"{kind}:{change.member_id}",
        )
        for change in sorted(changes, key=lambda change: (change.segment_id, change.lead_id))
    ]


def write_sooner(wanted: Mapping[Pair, datetime]) -> None:
    """Make sure that each is looked at by then. An earlier due time stays: looking too early does no harm.

    So somebody who acts every day costs no write every day. Their leads must be locked.
    """
    if not wanted:
        return
    segments, leads = sorted({pair[0] for pair in wanted}), sorted({pair[1] for pair in wanted})
    known = {(segment, lead): due for segment, lead, due in sql.fetch(_DUES, [leads, segments])}
    sooner = sorted((*pair, due) for pair, due in wanted.items() if pair not in known or due < known[pair])
    if sooner:
        sql.execute(_SOONER, [list(column) for column in zip(*sooner, strict=True)])


def _columns(pairs: Sequence[Pair]) -> list[list[int]]:
    return [[pair[0] for pair in pairs], [pair[1] for pair in pairs]]


def _changes(statement: str, parameters: list[object], pairs: Sequence[Pair]) -> list[Change]:
    return [Change(*row) for row in sql.fetch(statement, parameters)] if pairs else []
