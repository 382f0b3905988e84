"""Putting people into sequences, many at once. The caller's transaction holds the locks of their leads."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from campaigns.engine.resuming import Left
from campaigns.engine.triggers import Candidate, Run, Verdict, judge, start_of
from campaigns.running import decisions, exits, rescheduling
from lifecycle.core import rules, sql

_RUNS = """
    SELECT e.lead_id, e.id, e.sequence_id, s.slug, e.key, e.state = 'active', e.enrolled_at, s.group_id, s.priority,
           e.is_holdout
    FROM campaigns_enrollment e JOIN campaigns_sequence s ON s.id = e.sequence_id
    WHERE e.lead_id = ANY(%b::bigint[])
      AND (e.sequence_id = ANY(%b::bigint[]) OR (e.state = 'active' AND s.group_id = ANY(%b::bigint[])))
"""
# How runs stood at their end, for those who may go on with one.
_LEFT = """
    SELECT DISTINCT ON (e.lead_id, e.sequence_id, e.key)
           e.id, e.ended_at, coalesce(v.kind, ''), e.step_key, e.step_since, e.enrolled_at,
           (SELECT max(coalesce(m.sent_at, m.handed_at, m.due_at)) FROM campaigns_message m
            WHERE m.enrollment_id = e.id AND m.step_key = e.step_key AND m.state IN ('sending', 'sent', 'unknown')),
           e.context
    FROM campaigns_enrollment e LEFT JOIN leads_event v ON v.id = e.exit_event_id
    WHERE e.lead_id = ANY(%b::bigint[]) AND e.sequence_id = ANY(%b::bigint[]) AND e.state = 'ended'
    ORDER BY e.lead_id, e.sequence_id, e.key, e.ended_at DESC, e.id DESC
"""
_ENROLL = """
    WITH made AS (
        INSERT INTO campaigns_enrollment
            (sequence_id, version_id, lead_id, key, state, step_key, step_since, is_waiting, due_at, context,
             entry_event_id, depth, lineage, enrolled_at, goal_since, exit_reason, is_holdout, is_held)
        SELECT sequence_id, version_id, lead_id, key, 'active', step_key, step_since, false, %b::timestamptz,
               context::jsonb, event_id, depth, string_to_array(lineage, ','), enrolled_at, since, '', is_holdout,
               EXISTS (SELECT FROM campaigns_sequence s WHERE s.id = given.sequence_id AND s.frozen_at IS NOT NULL)
        FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::text[],
                    %b::bigint[], %b::smallint[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::boolean[])
          AS given (sequence_id, version_id, lead_id, key, step_key, step_since, context, event_id, depth, lineage,
                    enrolled_at, since, is_holdout)
        ON CONFLICT (lead_id, sequence_id, key) WHERE state = 'active' DO NOTHING
        RETURNING id, lead_id, sequence_id, key
    ), arrived AS (
        DELETE FROM campaigns_waitingentry w USING made
        WHERE (w.lead_id, w.sequence_id, w.key) = (made.lead_id, made.sequence_id, made.key)
    )
    SELECT id, lead_id, sequence_id, key FROM made
"""
# The payload joins `events`, and what has been sent stays sent; the next mail shows all of it. An update also becomes
# what `event` says. Who waits for a date that may have moved is looked at again.
_MERGE = """
    UPDATE campaigns_enrollment e
    SET context = e.context || jsonb_build_object(
            'event', coalesce(e.context -> 'event', '{}'::jsonb) || given.news::jsonb,
            'events', coalesce(e.context -> 'events', '[]'::jsonb) || given.payloads::jsonb),
        due_at = CASE WHEN e.is_waiting AND EXISTS (SELECT FROM campaigns_step s
                WHERE s.version_id = e.version_id AND s.key = e.step_key AND s.kind = 'date')
            THEN %b::timestamptz ELSE e.due_at END
    FROM unnest(%b::bigint[], %b::text[], %b::text[]) AS given (id, news, payloads)
    WHERE e.id = given.id AND e.state = 'active'
"""
# A second such trigger while one waits takes its place.
_WAIT = """
    INSERT INTO campaigns_waitingentry AS w
        (lead_id, sequence_id, key, payload, event_id, since, until, depth, lineage, reason)
    SELECT lead_id, sequence_id, key, payload::jsonb, event_id, since, until, depth, string_to_array(lineage, ','),
           reason
    FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::timestamptz[], %b::timestamptz[],
                %b::smallint[], %b::text[], %b::text[])
      AS given (lead_id, sequence_id, key, payload, event_id, since, until, depth, lineage, reason)
    ON CONFLICT (lead_id, sequence_id, key) DO UPDATE
    SET payload = excluded.payload, event_id = excluded.event_id, since = excluded.since, until = excluded.until,
        depth = excluded.depth, lineage = excluded.lineage, reason = excluded.reason
"""
_DECIDED = "DELETE FROM campaigns_waitingentry WHERE id = ANY(%b::bigint[])"


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
    Those whose filters do not hold yet are kept and tried again (`running.waiting`). At most ten statements, three for
    plain entries, whatever the number of candidates.
    """
    if not candidates:
        return []
    candidates = sorted(candidates, key=lambda candidate: -candidate.journey.priority)
    runs = _runs(candidates)
    judged: list[tuple[Candidate, Verdict]] = []
    for candidate in candidates:
        verdict = judge(candidate, runs[candidate.lead_id], facts_of(candidate), now)
        _foresee(runs[candidate.lead_id], candidate, verdict, now)
        judged.append((start_of(candidate, verdict, now), verdict))
    exits.end(_replaced(judged), now=now)
    held_out = {_place(candidate) for candidate, verdict in judged if verdict.is_holdout}
    entering = [candidate for candidate, verdict in judged if verdict.result == "enrolled"]
    made = _insert(entering, held_out, now=now)
    _merge(judged, made, now=now)
    _keep_waiting(judged)
    entries = [Entry(candidate, verdict, _run_of(candidate, verdict, made)) for candidate, verdict in judged]
    news = [each for each in entries if not (each.candidate.waiting_id and each.verdict.waits_until)]
    decisions.note([decisions.of_entry(each.candidate, each.verdict, each.enrollment_id) for each in news], now=now)
    return entries


def _runs(candidates: Iterable[Candidate]) -> dict[int, list[Run]]:
    leads = {candidate.lead_id for candidate in candidates}
    sequences = {candidate.journey.sequence_id for candidate in candidates}
    groups = {candidate.journey.group_id for candidate in candidates} - {None}
    runs: dict[int, list[Run]] = defaultdict(list)
    for lead_id, *columns in sql.fetch(_RUNS, [list(leads), list(sequences), list(groups)]):
        runs[lead_id].append(Run(*columns))
    if any(candidate.resuming for candidate in candidates):
        ended = {run_id: Left(*columns) for run_id, *columns in sql.fetch(_LEFT, [list(leads), list(sequences)])}
        runs.update({lead_id: [replace(run, left=ended.get(run.id)) for run in runs[lead_id]] for lead_id in leads})
    return runs


# A run that this very call makes has no id yet, but those judged after it must meet it.
_NEW = 0


def _foresee(runs: list[Run], candidate: Candidate, verdict: Verdict, now: datetime) -> None:
    if verdict.result != "enrolled":
        return
    journey = candidate.journey
    runs[:] = [
        run
        for run in runs
        if run.id not in verdict.replaces
        and not (run.is_active and run.sequence_id == journey.sequence_id and run.key == candidate.key)
    ]
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
    leaving = []
    for candidate, verdict in judged:
        gone = dict.fromkeys(verdict.replaces, f"replaced by {candidate.journey.sequence}")
        if verdict.restarts:
            gone[verdict.restarts] = "restarted by a new trigger"
        leaving += [exits.Exit(run_id, reason, candidate.event_id) for run_id, reason in gone.items() if run_id != _NEW]
    return leaving


Place = tuple[int, int, str]


def _place(candidate: Candidate) -> Place:
    return candidate.lead_id, candidate.journey.sequence_id, candidate.key


def _insert(entering: list[Candidate], held_out: Set[Place] = frozenset(), *, now: datetime) -> dict[Place, int]:
    if not entering:
        return {}
    # A run that begins anew within this call never was: the last one of its place is what begins.
    entering = list({_place(candidate): candidate for candidate in entering}.values())
    rows = sql.fetch(
        _ENROLL,
        [
            now.replace(second=0, microsecond=0),  # due with its minute, as every longer wait
            [candidate.journey.sequence_id for candidate in entering],
            [candidate.journey.version_id for candidate in entering],
            [candidate.lead_id for candidate in entering],
            [candidate.key for candidate in entering],
            [candidate.start.step_key or candidate.journey.first for candidate in entering],
            [candidate.start.step_since or now for candidate in entering],
            [sql.to_json(candidate.context or _context(candidate.payload)) for candidate in entering],
            [candidate.event_id for candidate in entering],
            [candidate.depth for candidate in entering],
            [",".join(candidate.lineage) or None for candidate in entering],
            [candidate.start.enrolled_at or now for candidate in entering],
            [candidate.since for candidate in entering],
            [_place(candidate) in held_out for candidate in entering],
        ],
    )
    return {(lead_id, sequence_id, key): run_id for run_id, lead_id, sequence_id, key in rows}


def _context(payload: dict[str, Any]) -> dict[str, Any]:
    return {"event": payload, "events": [payload]}


def _merge(judged: Iterable[tuple[Candidate, Verdict]], made: dict[Place, int], *, now: datetime) -> None:
    joining: dict[Place, list[Candidate]] = defaultdict(list)
    runs: dict[Place, int | None] = {}
    for candidate, verdict in judged:
        place = _place(candidate)
        if verdict.result == "enrolled":  # begun (anew): what joined the run before went with it
            joining.pop(place, None)
        elif verdict.result == "merged":
            joining[place].append(candidate)
            runs[place] = verdict.run_id or made.get(place)
    given = [(run_id, joining[place]) for place, run_id in runs.items() if run_id and joining.get(place)]
    if given:
        ids, several = zip(*given, strict=True)
        payloads = [sql.to_json([candidate.payload for candidate in one]) for one in several]
        sql.execute(_MERGE, [now, list(ids), [sql.to_json(_news(one)) for one in several], payloads])
        rescheduling.look_again(ids, now=now)


def _news(joining: Iterable[Candidate]) -> dict[str, Any]:
    """What updates say of the matter itself: a webinar's new time."""
    news: dict[str, Any] = {}
    for candidate in joining:
        if candidate.updates_only:
            news |= candidate.payload
    return news


def _keep_waiting(judged: Iterable[tuple[Candidate, Verdict]]) -> None:
    judged = list(judged)
    waiting = {_place(one): (one, verdict) for one, verdict in judged if verdict.waits_until and not one.waiting_id}
    if waiting:
        rows = [_waiting_row(candidate, verdict) for candidate, verdict in waiting.values()]
        sql.execute(_WAIT, [list(column) for column in zip(*rows, strict=True)])
    decided = [one.waiting_id for one, verdict in judged if one.waiting_id and not verdict.waits_until]
    if decided:
        sql.execute(_DECIDED, [decided])


def _waiting_row(candidate: Candidate, verdict: Verdict) -> tuple[Any, ...]:
    return (
        *(candidate.lead_id, candidate.journey.sequence_id, candidate.key, sql.to_json(candidate.payload)),
        *(candidate.event_id, candidate.since, verdict.waits_until, candidate.depth),
        *(",".join(candidate.lineage) or None, verdict.reason[:250]),
    )


def _run_of(candidate: Candidate, verdict: Verdict, made: dict[Place, int]) -> int | None:
    if verdict.result == "refused":
        return None
    return verdict.run_id or made.get(_place(candidate))
