"""The tick of a backfill: people whose turn has come are proposed as if their trigger had just fired."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from campaigns.engine.deciding import Journey
from campaigns.engine.steps import Position
from campaigns.engine.triggers import Candidate, Verdict
from campaigns.launching.elapsed import elapsed
from campaigns.models import Backfill
from campaigns.running import decisions, entries, journeys, people
from leads.models import Workspace
from lifecycle.core import rules, sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge

# A plan that is late by more than this moves by what it is late: an hour's worth never enters at once.
PATIENCE = timedelta(minutes=10)

_DUE = """
    SELECT b.id, b.lead_id, f.sequence_id, f.mode, b.key, b.payload, b.event_id, b.since
    FROM campaigns_backfillentry b
    JOIN campaigns_backfill f ON f.id = b.backfill_id
    JOIN campaigns_sequence s ON s.id = f.sequence_id
    JOIN leads_lead l ON l.id = b.lead_id
    WHERE b.state = 'waiting' AND b.due_at <= %b AND f.stopped_at IS NULL AND s.status = 'live'
      AND NOT EXISTS (SELECT FROM leads_pendingevent p WHERE p.lead_id = b.lead_id AND p.dead_at IS NULL)
    ORDER BY b.due_at, b.id LIMIT %b
    FOR NO KEY UPDATE OF l, b SKIP LOCKED
"""
_LATE = """
    UPDATE campaigns_backfillentry b SET due_at = b.due_at + (%b::timestamptz - late.first)
    FROM (
        SELECT w.backfill_id, min(w.due_at) AS first FROM campaigns_backfillentry w
        JOIN campaigns_backfill f ON f.id = w.backfill_id
        JOIN campaigns_sequence s ON s.id = f.sequence_id
        WHERE w.state = 'waiting' AND w.due_at < %b AND f.per_hour IS NOT NULL AND f.stopped_at IS NULL
          AND s.status = 'live'
        GROUP BY w.backfill_id
    ) late
    WHERE b.backfill_id = late.backfill_id AND b.state = 'waiting'
"""
_SETTLE = """
    UPDATE campaigns_backfillentry b SET state = given.state, reason = given.reason
    FROM unnest(%b::bigint[], %b::text[], %b::text[]) AS given (id, state, reason) WHERE b.id = given.id
"""
GONE_THROUGH = "late: who entered then would have gone through all of it"


class Turn(NamedTuple):
    id: int
    lead_id: int
    sequence_id: int
    mode: str
    key: str
    payload: dict[str, Any]
    event_id: int | None
    since: datetime


@ticks.when("EXISTS (SELECT FROM campaigns_backfillentry WHERE state = 'waiting' AND due_at <= %(now)b)")
def drain(*, now: datetime, limit: int = 500, most: int = 40) -> int:
    """Let in those whose turn has come, `limit` at a time; how many were decided on."""
    sql.execute(_LATE, [now, now - PATIENCE])
    total = 0
    for _ in range(most):
        decided = enter(limit=limit, now=now)
        total += decided
        if not decided:
            break
    return total


@atomic_with_retry
def enter(*, limit: int = 500, now: datetime) -> int:
    """Decide on up to `limit` people in one transaction and a fixed number of queries; how many there were."""
    turns = [Turn(*row) for row in sql.fetch(_DUE, [now, limit])]
    if not turns:
        return 0
    live = journeys.live()
    found = [(turn, journeys.entered_by(turn.lead_id, turn.sequence_id, live)) for turn in turns]
    entering = [(turn, journey) for turn, journey in found if journey is not None]
    if not entering:
        return 0
    needs = rules.Needs().merge(
        *(each for _, journey in entering for each in (journey.entry_needs, journey.exit_needs))
    )
    if any(turn.mode == Backfill.Mode.ELAPSED for turn, _ in entering):
        needs = needs.merge(*(journey.step_needs for _, journey in entering))
    persons = people.load({turn.lead_id: now for turn in turns}, needs, Workspace.load())
    outcomes = _entered(entering, persons, now)
    states, reasons = zip(*outcomes.values(), strict=True)
    sql.execute(_SETTLE, [list(outcomes), list(states), [reason[:250] for reason in reasons]])
    nudge("campaigns.tasks.advance")
    return len(entering)


def _entered(
    entering: list[tuple[Turn, Journey]], persons: Mapping[int, people.Person], now: datetime
) -> dict[int, tuple[str, str]]:
    """Turn → (state, reason)."""
    outcomes: dict[int, tuple[str, str]] = {}
    proposed: dict[tuple[int, int, str], Turn] = {}
    candidates, skipped, too_late = [], {}, []
    for turn, journey in entering:
        candidate = Candidate(turn.lead_id, journey, turn.key, turn.payload, turn.since, turn.event_id, until=now)
        if turn.mode == Backfill.Mode.ELAPSED:
            placed, skipped[turn.id] = _elapsed(candidate, persons[turn.lead_id], now)
            if placed is None:
                outcomes[turn.id] = ("refused", GONE_THROUGH)
                too_late.append(decisions.of_entry(candidate, Verdict("refused", GONE_THROUGH), None))
                continue
            candidate = placed
        candidates.append(candidate)
        proposed[turn.lead_id, turn.sequence_id, turn.key] = turn
    decisions.note(too_late, now=now)
    for entry in entries.enroll(candidates, lambda each: persons[each.lead_id].facts(each.since), now=now):
        turn = proposed[entry.candidate.lead_id, entry.candidate.journey.sequence_id, entry.candidate.key]
        is_in = entry.verdict.result == "enrolled"
        outcomes[turn.id] = ("enrolled", skipped.get(turn.id, "")) if is_in else ("refused", entry.verdict.reason)
    return outcomes


def _elapsed(candidate: Candidate, person: people.Person, now: datetime) -> tuple[Candidate | None, str]:
    """The candidate where plain time has led it, and which mails that skips; None when it led to the end."""
    at = Position(
        enrollment_id=0,
        lead_id=candidate.lead_id,
        step_key=candidate.journey.first,
        step_since=candidate.since,
        is_waiting=False,
        due_at=None,
        enrolled_at=candidate.since,
        zone=person.zone,
        key=candidate.key,
        context={"event": candidate.payload, "events": [candidate.payload]},
    )
    found = elapsed(candidate.journey, at, person.facts(candidate.since), now)
    if found.start is None:
        return None, ""
    return replace(candidate, start=found.start), f"skipped: {', '.join(found.skipped)}" if found.skipped else ""
