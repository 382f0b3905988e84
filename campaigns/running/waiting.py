"""Triggers that came before their filters held: tried again with the person's events, and a last time at the end.

`entries.enroll` keeps such a trigger as a row and forgets it once it is decided; here is who is tried again, and when.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from campaigns.engine.deciding import Journey
from campaigns.engine.triggers import Candidate
from campaigns.running import decisions, entries, journeys, people
from leads.models import Workspace
from lifecycle.core import rules, sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry

_COLUMNS = "w.id, w.lead_id, w.sequence_id, w.key, w.payload, w.event_id, w.since, w.until, w.depth, w.lineage"
_OF = f"""
    SELECT {_COLUMNS} FROM campaigns_waitingentry w
    WHERE w.lead_id = ANY(%b::bigint[]) AND w.sequence_id = ANY(%b::bigint[]) ORDER BY w.since, w.id
"""  # noqa: S608 - the SQL is ours
# Who has unprocessed events is tried with them first.
_OVER = f"""
    SELECT {_COLUMNS} FROM campaigns_waitingentry w JOIN leads_lead l ON l.id = w.lead_id
    WHERE w.until <= %b
      AND NOT EXISTS (SELECT FROM leads_pendingevent p WHERE p.lead_id = w.lead_id AND p.dead_at IS NULL)
    ORDER BY w.until LIMIT %b
    FOR NO KEY UPDATE OF l, w SKIP LOCKED
"""  # noqa: S608 - the SQL is ours
_FORGET = "DELETE FROM campaigns_waitingentry WHERE id = ANY(%b::bigint[])"
# Who wants no marketing mail is not let into what would bring them some, neither from here nor by a launch.
_MARKETING = """
    EXISTS (SELECT FROM campaigns_sequence s JOIN campaigns_step p ON p.version_id = s.current_version_id
        LEFT JOIN campaigns_variant v ON v.step_id = p.id
        JOIN campaigns_emailtemplate t ON t.id = coalesce(v.template_id, p.template_id)
        WHERE s.id = {sequence} AND p.kind = 'send' AND t.message_class = 'marketing')
"""
_GIVE_UP = f"""
    DELETE FROM campaigns_waitingentry w
    WHERE w.lead_id = ANY(%b::bigint[]) AND {_MARKETING.format(sequence="w.sequence_id")}
    RETURNING w.lead_id, w.sequence_id
"""  # noqa: S608 - the SQL is ours
_LET_GO = f"""
    UPDATE campaigns_backfillentry b SET state = 'refused', reason = %b
    FROM campaigns_backfill f
    WHERE b.lead_id = ANY(%b::bigint[]) AND b.state = 'waiting' AND f.id = b.backfill_id
      AND {_MARKETING.format(sequence="f.sequence_id")}
    RETURNING b.lead_id, f.sequence_id
"""  # noqa: S608 - the SQL is ours

Row = tuple[Any, ...]


def of(lead_ids: Collection[int], live: Iterable[Journey]) -> list[Candidate]:
    """Those of these people who wait for one of these sequences; one query, or none when no sequence lets wait."""
    live = [journey for journey in live if journey.may_wait]
    if not live:
        return []
    rows = sql.fetch(_OF, [list(lead_ids), list({journey.sequence_id for journey in live})])
    found = [(row, journeys.entered_by(row[1], row[2], live)) for row in rows]
    return [_candidate(row, journey) for row, journey in found if journey is not None]


@ticks.when("EXISTS (SELECT FROM campaigns_waitingentry WHERE until <= %(now)b)")
def expire(*, now: datetime, limit: int = 500) -> list[entries.Entry]:
    """Judge a last time those whose grace is over; what became of each. All that are over, `limit` at a time."""
    decided: list[entries.Entry] = []
    while (batch := _expire(now=now, limit=limit)) is not None:
        decided += batch
    return decided


@atomic_with_retry
def _expire(*, now: datetime, limit: int) -> list[entries.Entry] | None:
    rows = sql.fetch(_OVER, [now, limit])
    if not rows:
        return None
    live = journeys.live()
    found = [(row, journeys.entered_by(row[1], row[2], live)) for row in rows]
    candidates = [_candidate(row, journey) for row, journey in found if journey is not None]
    _turn_away([row for row, journey in found if journey is None], now=now)
    if not candidates:
        return []
    needs = rules.Needs().merge(
        *(need for each in candidates for need in (each.journey.entry_needs, each.journey.exit_needs))
    )
    persons = people.load({each.lead_id: now for each in candidates}, needs, Workspace.load())
    return entries.enroll(candidates, lambda each: persons[each.lead_id].facts(each.since), now=now)


def _turn_away(rows: Sequence[Row], *, now: datetime) -> None:
    """Their sequence was paused or stopped meanwhile."""
    if rows:
        sql.execute(_FORGET, [[row[0] for row in rows]])
        text = {"text": "the sequence takes nobody at the moment"}
        noted = [decisions.Made(row[1], "entry", "refused", "closed", text, sequence_id=row[2]) for row in rows]
        decisions.note(noted, now=now)


def give_up(lead_ids: Collection[int], *, reason: str, now: datetime) -> int:
    """These people want no marketing mail: what would bring them some waits for them no longer; how many times."""
    leads = list(lead_ids)
    gone = [*sql.fetch(_GIVE_UP, [leads]), *sql.fetch(_LET_GO, [f"consent: {reason}"[:250], leads])]
    noted = [
        decisions.Made(lead_id, "entry", "refused", "consent", {"text": reason}, sequence_id=sequence_id)
        for lead_id, sequence_id in gone
    ]
    decisions.note(noted, now=now)
    return len(gone)


def _candidate(row: Row, journey: Journey) -> Candidate:
    waiting_id, lead_id, _, key, payload, event_id, since, until, depth, lineage = row
    return Candidate(
        lead_id,
        journey,
        key,
        payload,
        since,
        event_id=event_id,
        depth=depth,
        lineage=tuple(lineage or ()),
        until=until,
        waiting_id=waiting_id,
    )
