"""What sequences do about the events of a batch: runs end, begin, and wake up. Set-based, in its transaction."""

from collections import defaultdict
from collections.abc import Iterable, Set
from datetime import datetime
from typing import Any, NamedTuple

from campaigns.engine.deciding import Journey, exit_of
from campaigns.engine.goals import About
from campaigns.engine.steps import DateStep, EventStep, SendStep, Step
from campaigns.engine.triggers import Candidate, proposed
from campaigns.running import colleagues, entries, exits, journeys, rescheduling, waiting
from leads.batch import Batch, EventRow
from leads.projection import is_human
from lifecycle.core import rules, sql
from lifecycle.core.nudging import nudge

ADVANCE = "campaigns.tasks.advance"

_ACTIVE = """
    SELECT id, lead_id, version_id, step_key, goal_since, key
    FROM campaigns_enrollment WHERE lead_id = ANY(%b::bigint[]) AND state = 'active'
"""
_PAYLOADS = "SELECT id, context -> 'event' FROM campaigns_enrollment WHERE id = ANY(%b::bigint[])"
_WAKE = "UPDATE campaigns_enrollment SET due_at = %b WHERE id = ANY(%b::bigint[]) AND state = 'active' AND is_waiting"


class Active(NamedTuple):
    id: int
    lead_id: int
    version_id: int
    step_key: str
    goal_since: datetime
    key: str


def react(batch: Batch) -> None:
    """Entries first, so that a goal already in the log ends what a late trigger began; then exits; then wake-ups.

    Last who goes on with a run, which may have ended only just now: a booking and its end may come together.
    """
    live = journeys.live()
    candidates = _proposed(batch, live)
    waited = waiting.of({event.lead_id for event in batch.events}, live)
    _enter(batch, [*waited, *(candidate for candidate in candidates if candidate.resuming is None)])
    colleagues.tell(batch)
    _leave(batch)
    _enter(batch, [candidate for candidate in candidates if candidate.resuming is not None])


def _leave(batch: Batch) -> None:
    active = [Active(*row) for row in sql.fetch(_ACTIVE, [list(batch.leads)])]
    if not active:
        return
    known = journeys.load(run.version_id for run in active)
    active = [run for run in active if run.version_id in known]
    ended = _exit(batch, active, known)
    _wake(batch, [run for run in active if run.id not in ended], known)


def _enter(batch: Batch, candidates: list[Candidate]) -> None:
    if not candidates:
        return
    needs = rules.Needs().merge(
        *(need for candidate in candidates for need in (candidate.journey.entry_needs, candidate.journey.exit_needs))
    )
    batch.load(needs)
    entries.enroll(candidates, lambda candidate: _since(batch, candidate.lead_id, candidate.since), now=batch.now)
    nudge(ADVANCE)


def _proposed(batch: Batch, live: Iterable[Journey]) -> list[Candidate]:
    waiting_for = _by_kind(live)
    return [
        candidate
        for event in batch.events
        for journey in waiting_for.get(event.kind, ())
        if (candidate := proposed(journey, event)) is not None
    ]


def _by_kind(live: Iterable[Journey]) -> dict[str, list[Journey]]:
    by_kind: dict[str, list[Journey]] = defaultdict(list)
    for journey in live:
        for kind in {trigger.event_kind for trigger in journey.triggers}:
            by_kind[kind].append(journey)
    return by_kind


def _since(batch: Batch, lead_id: int, since: datetime) -> rules.Facts:
    facts = batch.facts_of(lead_id)
    return rules.Facts(facts.fields, facts.events, since)


def _exit(batch: Batch, active: list[Active], known: dict[int, Journey]) -> set[int]:
    batch.load(rules.Needs().merge(*(journey.exit_needs for journey in known.values())))
    leaving = []
    latest = _latest(batch)
    payloads = _payloads(active, known)
    for run in active:
        about = About(run.key, payloads.get(run.id) or {})
        leave = exit_of(known[run.version_id], _since(batch, run.lead_id, run.goal_since), latest[run.lead_id], about)
        if leave is not None:
            leaving.append(exits.Exit(run.id, leave.reason, leave.event_id))
    exits.end(leaving, now=batch.now)
    return {each.enrollment_id for each in leaving}


def _payloads(active: list[Active], known: dict[int, Journey]) -> dict[int, Any]:
    """What the runs began with, of those whose exits ask; one query, or none."""
    asked = [run.id for run in active if known[run.version_id].asks_payload]
    return dict(sql.fetch(_PAYLOADS, [asked])) if asked else {}


def _latest(batch: Batch) -> dict[int, datetime]:
    """When to judge each lead: now, or the time of an event that its sender dated a little ahead of us."""
    latest = dict.fromkeys(batch.leads, batch.now)
    for event in batch.events:
        latest[event.lead_id] = max(latest[event.lead_id], event.occurred_at)
    return latest


def wakes(step: Step | None, kinds: Set[str], changed: Set[str] = frozenset()) -> bool:
    """Whether somebody who waits at this step is looked at again when such events happen to them. Pure.

    `changed`: the columns that those events changed (`changed_by`), on which a date may hang.
    """
    if isinstance(step, DateStep):
        return step.anchor.lead_field.partition(".")[0] in changed
    return isinstance(step, EventStep) and step.event_kind in kinds


def reminds(step: Step | None, changed: Set[str]) -> bool:
    """Whether the mail of this step reminds of a date in one of these columns. Pure."""
    dates = step.anchors if isinstance(step, SendStep) else ()
    return any(anchor.lead_field and anchor.lead_field.partition(".")[0] in changed for anchor in dates)


def changed_by(event: EventRow) -> set[str]:
    """The columns of the lead with dates in them that such an event may have changed. Pure."""
    match event.kind:
        case "lead.updated":
            return set(event.properties.get("fields") or ())
        case "form.submitted":
            changed = {"attributes"}
        case "stage.changed":
            changed = {"stage_since"}
        case "lead.sunset" | "lead.revived":
            changed = {"sunset_at"}
        case _:
            changed = set()
    return changed | {"last_human_act_at"} if is_human(event) else changed


def _wake(batch: Batch, active: list[Active], known: dict[int, Journey]) -> None:
    happened: dict[int, set[str]] = defaultdict(set)
    changed: dict[int, set[str]] = defaultdict(set)
    for event in batch.events:
        happened[event.lead_id].add(event.kind)
        changed[event.lead_id] |= changed_by(event)
    woken = []
    for run in active:
        if wakes(known[run.version_id].step(run.step_key), happened[run.lead_id], changed[run.lead_id]):
            woken.append(run.id)
    if woken:
        sql.execute(_WAKE, [batch.now, woken])
        nudge(ADVANCE)
    put_off = [run.id for run in active if reminds(known[run.version_id].step(run.step_key), changed[run.lead_id])]
    rescheduling.look_again(put_off, now=batch.now)
