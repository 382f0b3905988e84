"""Moves people through their sequences: claim what is due, load facts, let the engine decide, apply in bulk."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from campaigns.engine.deciding import Journey, decide
from campaigns.engine.steps import (
    CallWebhook,
    Decision,
    Leave,
    Notify,
    Position,
    ProposeEntry,
    Queue,
    RequestTask,
    SetField,
    Stay,
    TakeOut,
)
from campaigns.engine.triggers import lineage_of
from campaigns.experiments import assigning
from campaigns.running import decisions as decision_log
from campaigns.running import exits, journeys, people, reaching
from campaigns.sending import outbox, settling
from leads import actions
from leads.batch import NewEvent
from leads.models import Workspace
from lifecycle.core import rules, sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge

logger = logging.getLogger(__name__)

_COLUMNS = """
    e.id, e.lead_id, e.version_id, e.step_key, e.step_since, e.is_waiting, e.due_at, e.enrolled_at,
    e.goal_since, e.depth, e.is_holdout, e.key, e.context,
    e.late_before, e.lineage
"""
# Locks lead and enrollment together. People with unprocessed events are passed over: what they just did may change
# everything, and they come back a moment later.
_CLAIM = f"""
    SELECT {_COLUMNS}
    FROM campaigns_enrollment e
    JOIN leads_lead l ON l.id = e.lead_id
    JOIN campaigns_sequence s ON s.id = e.sequence_id
    WHERE e.state = 'active' AND NOT e.is_held AND s.frozen_at IS NULL AND e.due_at <= %b
      AND NOT EXISTS (SELECT 1 FROM leads_pendingevent p WHERE p.lead_id = e.lead_id AND p.dead_at IS NULL)
    ORDER BY e.due_at
    LIMIT %b
    FOR NO KEY UPDATE OF l, e SKIP LOCKED
"""  # noqa: S608 - the SQL is ours
_INSIDE = f"""
    SELECT {_COLUMNS} FROM campaigns_enrollment e
    WHERE e.id = ANY(%b::bigint[]) AND e.state = 'active' ORDER BY e.id
"""  # noqa: S608 - the SQL is ours
_MOVE = """
    UPDATE campaigns_enrollment e
    SET step_key = given.step_key, step_since = given.step_since, is_waiting = given.is_waiting, due_at = given.due_at
    FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[], %b::boolean[], %b::timestamptz[])
      AS given (id, step_key, step_since, is_waiting, due_at)
    WHERE e.id = given.id
"""


class Due(NamedTuple):
    id: int
    lead_id: int
    version_id: int
    step_key: str
    step_since: datetime
    is_waiting: bool
    due_at: datetime | None
    enrolled_at: datetime
    goal_since: datetime
    depth: int
    is_holdout: bool
    key: str
    context: dict[str, Any]
    late_before: datetime | None
    lineage: list[str] | None


class Move(NamedTuple):
    enrollment_id: int
    step_key: str
    step_since: datetime
    is_waiting: bool
    due_at: datetime | None


@dataclass
class Plan:
    """What a batch of decisions writes."""

    moves: list[Move] = field(default_factory=list)
    leaving: list[exits.Exit] = field(default_factory=list)
    drafts: list[outbox.Draft] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    fields: dict[int, dict[str, object]] = field(default_factory=dict)
    met: list[assigning.Met] = field(default_factory=list)
    wishes: list[reaching.Wish] = field(default_factory=list)
    depth: int = 0
    noted: list[decision_log.Made] = field(default_factory=list)
    lineage: dict[int, set[str]] = field(default_factory=dict)


@ticks.when("EXISTS (SELECT FROM campaigns_enrollment WHERE state = 'active' AND NOT is_held AND due_at <= %(now)b)")
def drain(*, now: datetime, limit: int = 500, most: int = 200) -> int:
    """Advance up to `most` batches until nothing is due at `now` any more; the number of enrollments looked at."""
    total = 0
    for _ in range(most):
        done = advance(limit=limit, now=now)
        total += done
        if not done:
            break
    return total


@atomic_with_retry
def advance(*, limit: int = 500, now: datetime) -> int:
    """Advance up to `limit` due enrollments in one transaction and a fixed number of queries; how many there were."""
    due = [Due(*row) for row in sql.fetch(_CLAIM, [now, limit])]
    if not due:
        return 0
    known = journeys.load(run.version_id for run in due)
    needs = rules.Needs().merge(
        *(need for journey in known.values() for need in (journey.exit_needs, journey.step_needs))
    )
    persons = people.load({run.lead_id: now for run in due}, needs, Workspace.load())
    met = assigning.load(known.values(), (run.lead_id for run in due))
    plan = Plan()
    for run in due:
        journey = known.get(run.version_id)
        decisions = _decided(run, journey, persons[run.lead_id], met, now) if journey else None
        if journey is None or decisions is None:
            plan.moves.append(Move(run.id, run.step_key, run.step_since, run.is_waiting, now + journeys.SETBACK))
        else:
            _plan(plan, run, journey, decisions)
            stood = (run.step_key, run.due_at if run.is_waiting else None)
            plan.noted += decision_log.of_walk(run.lead_id, journey.sequence_id, run.id, decisions, stood=stood)
    _apply(plan, persons, now=now)
    return len(due)


def inside(enrollment_ids: Sequence[int], *, lock: bool = False) -> list[Due]:
    """Those of these runs that are active, by id; with `lock` for a caller who holds the locks of their leads."""
    statement = f"{_INSIDE} FOR NO KEY UPDATE OF e" if lock else _INSIDE
    return [Due(*row) for row in sql.fetch(statement, [list(enrollment_ids)])]


def position_of(run: Due, journey: Journey, person: people.Person, met: assigning.Known) -> Position:
    """Where a run stands, with all that steps may ask."""
    return Position(
        enrollment_id=run.id,
        lead_id=run.lead_id,
        step_key=run.step_key,
        step_since=run.step_since,
        is_waiting=run.is_waiting,
        due_at=run.due_at,
        enrolled_at=run.enrolled_at,
        zone=person.zone,
        assignments=met.of(run.lead_id, journey.sequence_id),
        promotions=met.promotions(journey.sequence_id),
        is_holdout=run.is_holdout,
        key=run.key,
        context=run.context,
        late_before=run.late_before,
    )


def _decided(
    run: Due, journey: Journey, person: people.Person, met: assigning.Known, now: datetime
) -> list[Decision] | None:
    """What happens next; None if that cannot be told. Then the person stays exactly as they are, for a while."""
    position = position_of(run, journey, person, met)
    try:
        return decide(journey, position, person.facts(run.goal_since), now)
    except Exception:
        logger.exception("could not decide on enrollment %s at step %s", run.id, run.step_key)
        return None


def _plan(plan: Plan, run: Due, journey: Journey, decisions: Iterable[Decision]) -> None:
    for decision in decisions:
        match decision:
            case Queue():
                plan.drafts.append(_draft(run, journey, decision))
                if decision.assigns:
                    place = (run.lead_id, journey.sequence_id, decision.step_key)
                    plan.met.append(assigning.Met(*place, decision.variant_key))
            case SetField(field=name, value=value):
                plan.fields.setdefault(run.lead_id, {})[name] = value
                plan.depth = max(plan.depth, run.depth + 1)
                plan.lineage.setdefault(run.lead_id, set()).update(lineage_of(journey.sequence, run.lineage))
            case Notify(step_key=step_key, message=message):
                plan.events.append(_notice(run, journey, step_key, message))
            case RequestTask() | CallWebhook() | ProposeEntry() | TakeOut():
                plan.wishes.append(reaching.Wish(run, journey, decision))
            case Stay(step_key=step_key, step_since=since, until=until):
                plan.moves.append(Move(run.id, step_key, since, True, until))
            case Leave(step_key=step_key, reason=reason, event_id=event_id):
                plan.leaving.append(exits.Exit(run.id, reason, event_id))


def _draft(run: Due, journey: Journey, queued: Queue) -> outbox.Draft:
    return outbox.Draft(
        key=f"enrollment:{run.id}:{queued.step_key}",
        lead_id=run.lead_id,
        template_id=queued.template_id,
        enrollment_id=run.id,
        sequence_id=journey.sequence_id,
        step_key=queued.step_key,
        variant_key=queued.variant_key,
        priority=journey.priority,
        due_at=queued.due_at,
        expires_at=queued.expires_at,
        is_shadow=queued.is_shadow,
    )


def _notice(run: Due, journey: Journey, step_key: str, message: str) -> NewEvent:
    return NewEvent(
        run.lead_id,
        "sequence.notified",
        {"sequence": journey.sequence, "step": step_key, "message": message},
        key=f"enrollment:{run.id}:{step_key}:notified",
        depth=run.depth + 1,
        lineage=lineage_of(journey.sequence, run.lineage),
    )


def _apply(plan: Plan, persons: dict[int, people.Person], *, now: datetime) -> None:
    queued = outbox.queue(plan.drafts, now=now)
    if queued:
        nudge("campaigns.tasks.send")
    assigning.remember(plan.met, now=now)
    if plan.moves:
        columns = [list(column) for column in zip(*plan.moves, strict=True)]
        sql.execute(_MOVE, columns)
    if queued < len(plan.drafts):  # moved between versions: some had that mail in this run, and do not get it twice
        settling.wake_done([draft.key for draft in plan.drafts], now=now)
    exits.end(plan.leaving, now=now)
    decision_log.note(plan.noted, now=now)
    if plan.fields:
        actions.set_fields(plan.fields, now=now, depth=plan.depth, lineage=plan.lineage)
    if plan.events:
        actions.record(plan.events, now=now)
    reaching.fulfil(plan.wishes, persons, now=now)
