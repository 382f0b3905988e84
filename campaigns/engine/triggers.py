"""Who enters a sequence. Pure: an event and a person's history in, a verdict with its reason out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from campaigns.engine import variants
from campaigns.engine.deciding import Journey, Trigger, exit_of
from campaigns.engine.goals import LONGEST_KEY, About
from campaigns.engine.resuming import Left, Resuming, objection, place
from leads.batch import DEEPEST, EventRow
from lifecycle.core import durations, rules

# What campaigns.running.dates records when a date of a person, with an offset, has come.
DATE_REACHED = "date.reached"

Result = Literal["enrolled", "merged", "already_active", "refused"]


@dataclass(frozen=True, slots=True)
class Run:
    """An enrollment of the person, past or active. `left`: how it stood at its end, where somebody asks."""

    id: int
    sequence_id: int
    sequence: str
    key: str
    is_active: bool
    enrolled_at: datetime
    group_id: int | None
    priority: int
    is_holdout: bool = False
    left: Left | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where a run begins: at a step ('' = the first), as if what comes before had been over at `step_since`."""

    step_key: str = ""
    step_since: datetime | None = None
    enrolled_at: datetime | None = None


BEGINNING = Start()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody whom a trigger, an API call or a person proposes. `since` is where goals count from.

    `lineage`: the sequences whose own actions led here. `updates_only`: joins a run, begins none. `until`: how long it
    is tried again while filters do not hold (None: the sequence's grace from `since`); `waiting_id`: the row that keeps
    it meanwhile. `start`: where the run begins. `resuming`: goes on with a run that ended, begins none of its own;
    `context`: what that run's mails are filled with, in place of the payload.
    """

    lead_id: int
    journey: Journey
    key: str
    payload: dict[str, Any]
    since: datetime
    event_id: int | None = None
    depth: int = 0
    lineage: tuple[str, ...] = ()
    updates_only: bool = False
    until: datetime | None = None
    waiting_id: int | None = None
    start: Start = BEGINNING
    resuming: Resuming | None = None
    context: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`run_id`: the active run that stays (merged, already_active). `replaces`: runs of the group that give way.
    `restarts`: the run that ends so that this one begins. `waits_until`: refused for now, tried again until then.
    `is_holdout`: enters the control group, which is never mailed. `resumes`: the ended run that this one goes on with.
    `values`: the figures of the reason."""

    result: Result
    reason: str = ""
    run_id: int | None = None
    replaces: tuple[int, ...] = ()
    is_holdout: bool = False
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)
    restarts: int | None = None
    waits_until: datetime | None = None
    resumes: Left | None = field(default=None, compare=False)


def lineage_name(sequence: str) -> str:
    """How a sequence is called in the lineage of what it causes."""
    return f"sequence:{sequence}"[:80]


def lineage_of(sequence: str, inherited: Iterable[str] | None) -> tuple[str, ...]:
    """The lineage of what a run of the sequence does: the sequence itself, after those that led to the run."""
    return tuple(dict.fromkeys([*(inherited or ()), lineage_name(sequence)]))


def fires(trigger: Trigger, event: EventRow) -> bool:
    """Whether the event is what the trigger waits for."""
    if trigger.event_kind != event.kind:
        return False
    if trigger.date_field:
        at = (trigger.date_field, durations.format_signed(trigger.offset))
        return (event.properties.get("field"), event.properties.get("offset")) == at
    if trigger.segment:
        return event.properties.get("segment") == trigger.segment
    if trigger.where is None:
        return True
    fact = rules.EventFact(event.occurred_at, event.properties, event.id)
    return trigger.where.matches(rules.Facts({}, {event.kind: [fact]}), event.occurred_at)


def key_of(journey: Journey, properties: dict[str, Any]) -> str:
    """The enrollment key that an event's properties give: '' when the journey has none or the property is missing."""
    value = properties.get(journey.key_property) if journey.key_property else None
    return "" if value is None else str(value)[:LONGEST_KEY]


def key_for(journey: Journey, event: EventRow) -> str:
    """The key under which the event's run goes: the journey's property; else a date's own, or in parallel the event."""
    key = key_of(journey, event.properties)
    if event.kind == DATE_REACHED:
        return key or str(event.properties.get("date", ""))
    if journey.second_trigger == "parallel" and not journey.key_property:
        return f"event:{event.id}"
    return key


def proposed(journey: Journey, event: EventRow) -> Candidate | None:
    """Whom an event proposes for a journey; None if none of its triggers waits for it."""
    fired = [trigger for trigger in journey.triggers if fires(trigger, event)]
    if not fired or not journey.takes(event.lead_id):
        return None
    return Candidate(
        lead_id=event.lead_id,
        journey=journey,
        key=key_for(journey, event),
        payload=event.properties,
        since=event.occurred_at,
        event_id=event.id,
        depth=event.depth,
        lineage=tuple(event.lineage),
        updates_only=all(trigger.updates_only for trigger in fired),
        resuming=_resuming(fired),
    )


def _resuming(fired: Sequence[Trigger]) -> Resuming | None:
    """What is resumed, if the event begins no run of its own."""
    if not all(trigger.resumes for trigger in fired):
        return None
    return Resuming(fired[0].resumes, fired[0].resumes_within)


def judge(candidate: Candidate, runs: Iterable[Run], facts: rules.Facts, now: datetime) -> Verdict:
    """May the candidate enter? `runs`: the person's runs of this sequence, and active ones of its exclusive group."""
    journey = candidate.journey
    runs = list(runs)
    own = [run for run in runs if run.sequence_id == journey.sequence_id]
    met = next((run for run in own if run.is_active and run.key == candidate.key), None)
    verdict = _loop(candidate) or _meeting(candidate, met) or _closed(journey) or _fit(candidate, facts, now)
    if verdict:
        return verdict
    if candidate.resuming is not None:
        verdict = _resumed(candidate, candidate.resuming, own, now) or _group_verdict(journey, runs)
        if verdict.result == "enrolled":
            left = _newest_left(candidate, own)
            verdict = replace(verdict, reason=f"resumed: {candidate.resuming.goal} came to nothing", resumes=left)
    elif met is not None:
        verdict = _group_verdict(journey, [run for run in runs if run is not met])
        verdict = replace(verdict, reason=verdict.reason or "restarted", restarts=met.id)
    else:
        verdict = _reentry(candidate, own, now) or _group_verdict(journey, runs)
    return replace(verdict, is_holdout=_is_held_out(candidate, own)) if verdict.result == "enrolled" else verdict


def _refused(reason: str, **values: Any) -> Verdict:
    """A refusal; its figures go along with the words after the check's name."""
    return Verdict("refused", reason, values={"text": reason.partition(": ")[2], **values} if values else {})


def _loop(candidate: Candidate) -> Verdict | None:
    """Sequences that feed each other, or themselves, come to rest."""
    if lineage_name(candidate.journey.sequence) in candidate.lineage:
        path = " → ".join(name.partition(":")[2] for name in candidate.lineage)
        return _refused(f"loop: it led to this itself ({path})", lineage=list(candidate.lineage))
    if candidate.depth > DEEPEST:
        return _refused(f"loop: {candidate.depth} causes deep, sequences feed each other", depth=candidate.depth)
    return None


def _meeting(candidate: Candidate, met: Run | None) -> Verdict | None:
    """What a second trigger does to the run it meets; None when a run begins (anew)."""
    if met is None:
        return Verdict("refused", "update: no run that it is about") if candidate.updates_only else None
    if candidate.resuming is not None:
        return Verdict("already_active", "active: already in this sequence", run_id=met.id)
    if candidate.updates_only or candidate.journey.second_trigger == "merge":
        return Verdict("merged", "active: it joins the run", run_id=met.id)
    if candidate.journey.second_trigger == "restart":
        return None
    return Verdict("already_active", "active: already in this sequence", run_id=met.id)


_CLOSED = {"paused": "paused: nobody enters for now", "draining": "draining: nobody enters any more"}


def _closed(journey: Journey) -> Verdict | None:
    """Whether the sequence takes nobody in. One that is frozen does: people wait inside until it goes on."""
    reason = _CLOSED.get(journey.status)
    return Verdict("refused", reason) if reason else None


def _fit(candidate: Candidate, facts: rules.Facts, now: datetime) -> Verdict | None:
    """Whether the person is one of those it is for, and is not one of those who leave it."""
    journey = candidate.journey
    if not journey.filters.matches(facts, now):
        reason = f"filter: needs {journey.filters.english()}"
        until = candidate.until or candidate.since + journey.grace
        if until <= now or candidate.resuming is not None:
            return _refused(reason)
        again = _refused(f"{reason} (tried again until {until:%Y-%m-%d %H:%M} UTC)", until=until)
        return replace(again, waits_until=until)
    leave = exit_of(journey, facts, now, About(candidate.key, candidate.payload))
    return Verdict("refused", f"exit: {leave.reason} holds already") if leave else None


def _is_held_out(candidate: Candidate, own: list[Run]) -> bool:
    """As at their first run, so that a control never becomes treated or the reverse; a new person by their share."""
    journey = candidate.journey
    if not journey.holdout_percent:
        return False
    if own:
        return min(own, key=lambda run: run.enrolled_at).is_holdout
    return variants.is_held_out(sequence=journey.sequence, lead_id=candidate.lead_id, percent=journey.holdout_percent)


def _reentry(candidate: Candidate, own: list[Run], now: datetime) -> Verdict | None:
    """Runs in parallel know nothing of each other, so there only those of the same key count."""
    journey = candidate.journey
    if journey.second_trigger == "parallel" or journey.reentry == "once_per_key":
        own = [run for run in own if run.key == candidate.key]
    if not own or journey.reentry == "after_exit":
        return None
    if journey.reentry == "once_per_key":
        return _refused("reentry: once per key")
    if journey.reentry == "after" and journey.reentry_after is not None:
        free_at = max(run.enrolled_at for run in own) + journey.reentry_after
        reason = f"reentry: not before {free_at:%Y-%m-%d %H:%M} UTC"
        return _refused(reason, until=free_at) if free_at > now else None
    return _refused("reentry: never")


def _resumed(candidate: Candidate, wanted: Resuming, own: list[Run], now: datetime) -> Verdict | None:
    """Why the person's last run does not go on; re-entry rules are about new runs and have no say."""
    reason = objection(candidate.journey, _newest_left(candidate, own), wanted, now)
    return _refused(reason, goal=wanted.goal) if reason else None


def _newest_left(candidate: Candidate, own: Iterable[Run]) -> Left | None:
    """How the person's last run of this key stood at its end."""
    left = [run.left for run in own if run.key == candidate.key and run.left is not None]
    return max(left, key=lambda one: one.ended_at, default=None)


def start_of(candidate: Candidate, verdict: Verdict, now: datetime) -> Candidate:
    """The candidate as who goes on with an earlier run; unchanged for everybody else."""
    at = place(candidate.journey, verdict.resumes, now) if verdict.resumes else None
    if at is None or verdict.resumes is None:
        return candidate
    return replace(candidate, start=Start(*at), context=verdict.resumes.context)


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
