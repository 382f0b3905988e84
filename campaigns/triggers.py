"""Who enters a sequence. Pure: an event and a person's history in, a verdict with its reason out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from campaigns import variants
from campaigns.engine import Journey, Trigger, exit_of
from leads.batch import DEEPEST, EventRow
from lifecycle.core import rules

Result = Literal["enrolled", "merged", "already_active", "refused"]


@dataclass(frozen=True, slots=True)
class Run:
    """An enrollment of the person, past or active."""

    id: int
    sequence_id: int
    sequence: str
    key: str
    is_active: bool
    enrolled_at: datetime
    group_id: int | None
    priority: int
    is_holdout: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a trigger, an API call or a person proposes. `since` is where goals count from."""

    lead_id: int
    journey: Journey
    key: str
    payload: dict[str, Any]
    since: datetime
    event_id: int | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`run_id`: the active run that stays (merged, already_active). `replaces`: runs of the group that give way.
    `is_holdout`: enters the control group, which is never mailed."""

    result: Result
    reason: str = ""
    run_id: int | None = None
    replaces: tuple[int, ...] = ()
    is_holdout: bool = False


def fires(trigger: Trigger, event: EventRow) -> bool:
    """Whether the event is what the trigger waits for."""
    if trigger.event_kind != event.kind:
        return False
    if trigger.segment:
        return event.properties.get("segment") == trigger.segment
    if trigger.where is None:
        return True
    fact = rules.EventFact(event.occurred_at, event.properties, event.id)
    return trigger.where.matches(rules.Facts({}, {event.kind: [fact]}), event.occurred_at)


def key_of(journey: Journey, properties: dict[str, Any]) -> str:
    """The enrollment key that an event's properties give: '' when the journey has none or the property is missing."""
    value = properties.get(journey.key_property) if journey.key_property else None
    return "" if value is None else str(value)[:120]


def judge(candidate: Candidate, runs: Iterable[Run], facts: rules.Facts, now: datetime) -> Verdict:
    """May the candidate enter? `runs`: the person's runs of this sequence, and active ones of its exclusive group."""
    journey = candidate.journey
    runs = list(runs)
    own = [run for run in runs if run.sequence_id == journey.sequence_id]
    for run in own:
        if run.is_active and run.key == candidate.key:
            merges = journey.second_trigger == "merge"
            return Verdict("merged" if merges else "already_active", "already in this sequence", run_id=run.id)
    if candidate.depth > DEEPEST:
        return Verdict("refused", f"loop: {candidate.depth} causes deep, sequences feed each other")
    if not journey.filters.matches(facts, now):
        return Verdict("refused", f"filter: needs {journey.filters.english()}")
    leave = exit_of(journey, facts, now)
    if leave is not None:
        return Verdict("refused", f"exit: {leave.reason} holds already")
    refusal = _reentry_refusal(candidate, own, now)
    if refusal:
        return Verdict("refused", refusal)
    verdict = _group_verdict(journey, runs)
    return replace(verdict, is_holdout=_is_held_out(candidate, own)) if verdict.result == "enrolled" else verdict


def _is_held_out(candidate: Candidate, own: list[Run]) -> bool:
    """As at their first run, so that a control never becomes treated or the reverse; a new person by their share."""
    journey = candidate.journey
    if not journey.holdout_percent:
        return False
    if own:
        return min(own, key=lambda run: run.enrolled_at).is_holdout
    return variants.is_held_out(sequence=journey.sequence, lead_id=candidate.lead_id, percent=journey.holdout_percent)


def _reentry_refusal(candidate: Candidate, own: list[Run], now: datetime) -> str:
    journey = candidate.journey
    if not own or journey.reentry == "after_exit":
        return ""
    if journey.reentry == "once_per_key":
        return "re-entry: once per key" if any(run.key == candidate.key for run in own) else ""
    if journey.reentry == "after" and journey.reentry_after is not None:
        free_at = max(run.enrolled_at for run in own) + journey.reentry_after
        return f"re-entry: not before {free_at:%Y-%m-%d %H:%M} UTC" if free_at > now else ""
    return "re-entry: never"


def _group_verdict(journey: Journey, runs: list[Run]) -> Verdict:
    if journey.group_id is None:
        return Verdict("enrolled")
    others = [run for run in runs if run.is_active and run.group_id == journey.group_id]
    for run in others:
        if run.sequence_id == journey.sequence_id:
            return Verdict("refused", f"group: already in {run.sequence}, with another key")
        if run.priority >= journey.priority:
            return Verdict("refused", f"group: already in {run.sequence}, which goes first")
    return Verdict("enrolled", replaces=tuple(run.id for run in others))
