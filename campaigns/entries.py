"""Putting people into sequences, many at once. The caller's transaction holds the locks of their leads."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns import decisions, exits
from campaigns.triggers import Candidate, Run, Verdict, judge
from lifecycle.core import rules, sql

_RUNS = """
    SELECT e.lead_id, e.id, e.sequence_id, s.slug, e.key, e.state = 'active', e.enrolled_at, s.group_id, s.priority,
           e.is_holdout
    FROM campaigns_enrollment e JOIN campaigns_sequence s ON s.id = e.sequence_id
    WHERE e.lead_id = ANY(%b::bigint[])
      AND (e.sequence_id = ANY(%b::bigint[]) OR (e.state = 'active' AND s.group_id = ANY(%b::bigint[])))
"""
_ENROLL = """
    INSERT INTO campaigns_enrollment
        (sequence_id, version_id, lead_id, key, state, step_key, step_since, is_waiting, due_at, context,
         entry_event_id, depth, enrolled_at, goal_since, exit_reason, is_holdout)
    SELECT sequence_id, version_id, lead_id, key, 'active', step_key, %b::timestamptz, false, %b::timestamptz,
           context::jsonb, event_id, depth, %b::timestamptz, since, '', is_holdout
    FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::bigint[],
                %b::smallint[], %b::timestamptz[], %b::boolean[])
      AS given (sequence_id, version_id, lead_id, key, step_key, context, event_id, depth, since, is_holdout)
    ON CONFLICT (lead_id, sequence_id, key) WHERE state = 'active' DO NOTHING
    RETURNING id, lead_id, sequence_id, key
"""
# The payload joins `events`, and what has been sent stays sent; the next mail shows all of it.
_MERGE = """
    UPDATE campaigns_enrollment e
    SET context = jsonb_set(
        e.context, '{events}', coalesce(e.context -> 'events', '[]'::jsonb) || given.payloads::jsonb)
    FROM unnest(%b::bigint[], %b::text[]) AS given (id, payloads)
    WHERE e.id = given.id
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a candidate; `enrollment_id` is the new run, or the one it met."""

    candidate: Candidate
    verdict: Verdict
    enrollment_id: int | None


FactsOf = Callable[[Candidate], rules.Facts]


def enroll(candidates: Sequence[Candidate], facts_of: FactsOf, *, now: datetime) -> list[Entry]:
    """Judge the candidates, each knowing what those before it did, and write the outcome in bulk.

    Sequences that go first are judged first, so a run never starts just to be replaced in the same call.
    At most six statements whatever the number of candidates.
    """
    if not candidates:
        return []
    candidates = sorted(candidates, key=lambda candidate: -candidate.journey.priority)
    runs = _runs(candidates)
    verdicts: list[Verdict] = []
    for candidate in candidates:
        verdict = judge(candidate, runs[candidate.lead_id], facts_of(candidate), now)
        _foresee(runs[candidate.lead_id], candidate, verdict, now)
        verdicts.append(verdict)
    judged = list(zip(candidates, verdicts, strict=True))
    exits.end(_replaced(judged), now=now)
    held_out = {_place(candidate) for candidate, verdict in judged if verdict.is_holdout}
    entering = [candidate for candidate, verdict in judged if verdict.result == "enrolled"]
    made = _insert(entering, held_out, now=now)
    _merge(judged, made)
    entries = [Entry(candidate, verdict, _run_of(candidate, verdict, made)) for candidate, verdict in judged]
    decisions.note([decisions.of_entry(each.candidate, each.verdict, each.enrollment_id) for each in entries], now=now)
    return entries


def _runs(candidates: Iterable[Candidate]) -> dict[int, list[Run]]:
    leads = {candidate.lead_id for candidate in candidates}
    sequences = {candidate.journey.sequence_id for candidate in candidates}
    groups = {candidate.journey.group_id for candidate in candidates} - {None}
    runs: dict[int, list[Run]] = defaultdict(list)
    for lead_id, *columns in sql.fetch(_RUNS, [list(leads), list(sequences), list(groups)]):
        runs[lead_id].append(Run(*columns))
    return runs


# A run that this very call makes has no id yet, but those judged after it must meet it.
_NEW = 0


def _foresee(runs: list[Run], candidate: Candidate, verdict: Verdict, now: datetime) -> None:
    if verdict.result != "enrolled":
        return
    journey = candidate.journey
    runs[:] = [run for run in runs if run.id not in verdict.replaces]
    runs.append(
        Run(
            _NEW,
            journey.sequence_id,
            journey.sequence,
            candidate.key,
            True,
            now,
            journey.group_id,
            journey.priority,
            verdict.is_holdout,
        )
    )


def _replaced(judged: Iterable[tuple[Candidate, Verdict]]) -> list[exits.Exit]:
    return [
        exits.Exit(run_id, f"replaced by {candidate.journey.sequence}", candidate.event_id)
        for candidate, verdict in judged
        for run_id in verdict.replaces
    ]


Place = tuple[int, int, str]


def _place(candidate: Candidate) -> Place:
    return candidate.lead_id, candidate.journey.sequence_id, candidate.key


def _insert(entering: list[Candidate], held_out: Set[Place] = frozenset(), *, now: datetime) -> dict[Place, int]:
    if not entering:
        return {}
    rows = sql.fetch(
        _ENROLL,
        [
            now,
            now.replace(second=0, microsecond=0),  # due with its minute, as every longer wait
            now,
            [candidate.journey.sequence_id for candidate in entering],
            [candidate.journey.version_id for candidate in entering],
            [candidate.lead_id for candidate in entering],
            [candidate.key for candidate in entering],
            [candidate.journey.first for candidate in entering],
            [sql.to_json(_context(candidate.payload)) for candidate in entering],
            [candidate.event_id for candidate in entering],
            [candidate.depth for candidate in entering],
            [candidate.since for candidate in entering],
            [_place(candidate) in held_out for candidate in entering],
        ],
    )
    return {(lead_id, sequence_id, key): run_id for run_id, lead_id, sequence_id, key in rows}


def _context(payload: dict[str, Any]) -> dict[str, Any]:
    return {"event": payload, "events": [payload]}


def _merge(judged: Iterable[tuple[Candidate, Verdict]], made: dict[Place, int]) -> None:
    payloads: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for candidate, verdict in judged:
        if verdict.result == "merged":
            run_id = verdict.run_id or made.get(_place(candidate))
            if run_id is not None:
                payloads[run_id].append(candidate.payload)
    if payloads:
        sql.execute(_MERGE, [list(payloads), [sql.to_json(several) for several in payloads.values()]])


def _run_of(candidate: Candidate, verdict: Verdict, made: dict[Place, int]) -> int | None:
    if verdict.result == "refused":
        return None
    return verdict.run_id or made.get(_place(candidate))
