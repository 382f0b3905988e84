"""What really happened to some people, in the order in which the engine met it. One query a table for all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from campaigns.rehearsal.asking import Questions
from campaigns.rehearsal.knowing import Change
from campaigns.running import people
from leads.batch import EventRow
from leads.models import Workspace
from lifecycle.core import rules, sql

END_OF_TIME = datetime.max.replace(tzinfo=UTC)

# Of kinds that only begin something, what was recorded in the period; of those that rules count, also what came before.
_EVENTS = """
    SELECT e.id, e.lead_id, e.kind, CASE WHEN wanted.is_read THEN e.properties ELSE '{}' END,
           e.occurred_at, e.recorded_at, e.source, e.depth, e.lineage
    FROM leads_event e JOIN unnest(%b::text[], %b::interval[], %b::boolean[]) AS wanted (kind, span, is_read)
        ON e.kind = wanted.kind
       AND (e.recorded_at >= %b OR e.occurred_at >= coalesce(%b::timestamptz - wanted.span, '-infinity'))
    WHERE e.lead_id = ANY(%b::bigint[]) AND e.kind = ANY(%b::text[]) AND e.recorded_at < %b
    ORDER BY e.lead_id, e.occurred_at, e.id
"""
_EVERY_EVENT = """
    SELECT lead_id, recorded_at, source, depth FROM leads_event
    WHERE lead_id = ANY(%b::bigint[]) AND recorded_at >= %b AND recorded_at < %b AND kind <> 'email.sent'
"""
_STAGES = """
    SELECT c.lead_id, c.before, c.after, c.at, e.recorded_at, e.source, e.depth
    FROM leads_stagechange c LEFT JOIN leads_event e ON e.id = c.event_id
    WHERE c.lead_id = ANY(%b::bigint[]) ORDER BY c.lead_id, c.id
"""
_POINTS = """
    SELECT s.lead_id, s.dimension, sum(s.points)::int, coalesce(e.recorded_at, s.at), e.source, e.depth
    FROM leads_scoreentry s LEFT JOIN leads_event e ON e.id = s.event_id
    WHERE s.lead_id = ANY(%b::bigint[]) GROUP BY 1, 2, 4, 5, 6
"""
_SUPPRESSIONS = """
    SELECT l.id, s.scope, s.topic_id, s.reason, s.created_at
    FROM campaigns_suppression s JOIN leads_lead l ON l.address_hash = s.address_hash
    WHERE l.id = ANY(%b::bigint[])
"""
# Opt-outs that were taken back later have no row any more; the log has both.
_LIFTED = """
    SELECT e.lead_id, e.kind, e.properties ->> 'purpose', e.properties ->> 'reason', e.occurred_at
    FROM leads_event e WHERE e.kind = ANY(ARRAY['email.unsubscribed', 'email.resubscribed'])
      AND e.lead_id IN (SELECT r.lead_id FROM leads_event r
                        WHERE r.lead_id = ANY(%b::bigint[]) AND r.kind = 'email.resubscribed')
    ORDER BY e.lead_id, e.occurred_at, e.id
"""
_TOPICS = "SELECT slug, id FROM campaigns_topic"
# Marketing mail that was not of a run which is rehearsed.
_MAILS = """
    SELECT m.lead_id, m.claimed_at, m.due_at, m.priority, m.id, coalesce(s.slug, 'broadcasts')
    FROM campaigns_message m LEFT JOIN campaigns_sequence s ON s.id = m.sequence_id
    LEFT JOIN campaigns_enrollment e ON e.id = m.enrollment_id AND e.sequence_id = %b AND e.enrolled_at >= %b
    WHERE m.lead_id = ANY(%b::bigint[]) AND m.message_class = 'marketing' AND m.state IN ('sending', 'sent', 'unknown')
      AND m.claimed_at >= %b AND m.claimed_at < %b AND NOT m.is_shadow AND e.id IS NULL
    ORDER BY m.lead_id, m.claimed_at
"""
_RUNS = """
    SELECT e.lead_id, e.id, e.sequence_id, s.slug, e.key, e.enrolled_at, e.ended_at, s.group_id, s.priority,
           e.is_holdout, coalesce(began.source, ''), coalesce(began.depth, 0)
    FROM campaigns_enrollment e JOIN campaigns_sequence s ON s.id = e.sequence_id
    LEFT JOIN leads_event began ON began.id = e.entry_event_id
    WHERE e.lead_id = ANY(%b::bigint[]) AND e.enrolled_at < %b
      AND (e.sequence_id = %b AND e.enrolled_at < %b OR e.sequence_id <> %b AND s.group_id = %b)
    ORDER BY e.lead_id, e.enrolled_at, e.id
"""
_MET = """
    SELECT lead_id, step_key, variant_key FROM campaigns_assignment
    WHERE lead_id = ANY(%b::bigint[]) AND sequence_id = %b AND assigned_at < %b
"""

# Where within an instant something comes: opt-outs stop first; then the events of doors with what they caused, wave by
# wave; then the clock's own work; last what left. Within a wave, who goes first in the group enters first.
OPT_OUTS, DOORS, CLOCK, SENDS = range(4)
FORERUNNERS, EVENTS, FOLLOWERS = range(3)


class Block(NamedTuple):
    """A suppression of the person's address from `begins` on, until it was lifted."""

    scope: str
    topic_id: int | None
    reason: str
    begins: datetime
    ends: datetime

    def holds(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


class Mailed(NamedTuple):
    """A marketing mail that really left, outside of what is rehearsed."""

    at: datetime
    due_at: datetime
    priority: int
    id: int
    sequence: str


class PastRun(NamedTuple):
    id: int
    sequence_id: int
    sequence: str
    key: str
    enrolled_at: datetime
    ended_at: datetime
    group_id: int | None
    priority: int
    is_holdout: bool = False


@dataclass(slots=True)
class Wave:
    """What came at once: one wave of the pipeline, an opt-out, somebody's entry elsewhere in the group.

    `is_processed`: the pipeline saw it, so that runs were looked at. It sees neither a score that fades nor a sending.
    """

    at: datetime
    is_processed: bool = False
    changes: list[Change] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    arrivals: list[PastRun] = field(default_factory=list)


@dataclass(slots=True)
class Past:
    """One person. `before`: events known when the period began; `assignments`: step → the variant met before it;
    `stage` and `first_tier`: the first there were."""

    person: people.Person
    before: list[EventRow] = field(default_factory=list)
    waves: list[Wave] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    mails: list[Mailed] = field(default_factory=list)
    runs: list[PastRun] = field(default_factory=list)
    assignments: dict[str, str] = field(default_factory=dict)
    stage: str = ""
    first_tier: str = ""
    _places: dict[tuple[datetime, int, int, int], Wave] = field(default_factory=dict)

    def wave(self, at: datetime, turn: int, depth: int = 0, rank: int = EVENTS) -> Wave:
        place = (at, turn, depth, rank)
        found = self._places.get(place)
        if found is None:
            is_processed = turn in (DOORS, CLOCK) and depth >= 0 and rank == EVENTS
            found = self._places[place] = Wave(at, is_processed)
        return found

    def events(self) -> Iterator[EventRow]:
        """All that is known to have happened."""
        yield from self.before
        for wave in self._places.values():
            yield from wave.events

    def in_order(self) -> None:
        """Nothing more is added: the waves are those of the places, in their order."""
        self.waves = [self._places[place] for place in sorted(self._places)]
        self._places.clear()


def load(lead_ids: Sequence[int], asked: Questions, workspace: Workspace) -> dict[int, Past]:
    """The past of these people, as much as the questions touch; call `in_order` when nothing is added any more."""
    ids = list(lead_ids)
    needs = rules.Needs(fields=asked.fields)
    persons = people.load(dict.fromkeys(ids, asked.until), needs, workspace)
    pasts = {lead_id: Past(person) for lead_id, person in persons.items()}
    ids = list(pasts)
    _events(pasts, ids, asked)
    if asked.stages:
        _stages(pasts, ids, asked)
    if asked.scores:
        _scores(pasts, ids, asked)
    _blocks(pasts, ids, asked)
    _mails(pasts, ids, asked)
    _runs(pasts, ids, asked)
    if asked.variants:
        for lead_id, step, variant in sql.fetch(_MET, [ids, asked.sequence_id, asked.since]):
            pasts[lead_id].assignments[step] = variant
    return pasts


def _turn(source: str | None, depth: int | None) -> tuple[int, int]:
    """Where in its instant an event and what it changed come. What no event caused, the clock did just before."""
    if source is None or depth is None:
        return CLOCK, -1
    return (CLOCK if source == "engine" and depth == 0 else DOORS), depth


def _events(pasts: Mapping[int, Past], ids: list[int], asked: Questions) -> None:
    kinds = list(asked.spans)
    rows = sql.fetch(
        _EVENTS,
        [
            kinds,
            list(asked.spans.values()),
            [kind in asked.read for kind in kinds],
            asked.since,
            asked.since,
            ids,
            kinds,
            asked.until,
        ],
    )
    for event_id, lead_id, kind, properties, occurred_at, recorded_at, source, depth, lineage in rows:
        event = EventRow(event_id, lead_id, kind, properties, occurred_at, recorded_at, source, depth, lineage or ())
        if kind == "tier.changed":
            pasts[lead_id].first_tier = pasts[lead_id].first_tier or properties.get("before", "")
        if recorded_at < asked.since:
            pasts[lead_id].before.append(event)
        elif not asked.is_own(event):  # the rehearsed run makes its own
            turn = (SENDS, 0) if kind == "email.sent" else _turn(source, depth)
            pasts[lead_id].wave(recorded_at, *turn).events.append(event)
    if asked.every_instant:
        for lead_id, recorded_at, source, depth in sql.fetch(_EVERY_EVENT, [ids, asked.since, asked.until]):
            pasts[lead_id].wave(recorded_at, *_turn(source, depth))


def _change(past: Past, asked: Questions, place: tuple[datetime, int, int], change: Change) -> None:
    if place[0] < asked.until:
        past.wave(*place).changes.append(change)


def _stages(pasts: Mapping[int, Past], ids: list[int], asked: Questions) -> None:
    for lead_id, before, after, at, recorded_at, source, depth in sql.fetch(_STAGES, [ids]):
        past = pasts[lead_id]
        past.stage = past.stage or before
        _change(past, asked, (recorded_at or at, *_turn(source, depth)), Change("stage", after, at))


def _scores(pasts: Mapping[int, Past], ids: list[int], asked: Questions) -> None:
    for lead_id, dimension, points, at, source, depth in sql.fetch(_POINTS, [ids]):
        _change(pasts[lead_id], asked, (at, *_turn(source, depth)), Change(dimension, points, at))


def _blocks(pasts: Mapping[int, Past], ids: list[int], asked: Questions) -> None:
    for lead_id, scope, topic_id, reason, at in sql.fetch(_SUPPRESSIONS, [ids]):
        pasts[lead_id].blocks.append(Block(scope, topic_id, reason, at, END_OF_TIME))
    lifted = sql.fetch(_LIFTED, [ids])
    if lifted:
        _lifted(pasts, lifted, dict(sql.fetch(_TOPICS)))
    for past in pasts.values():
        for block in past.blocks:
            if asked.since <= block.begins < asked.until:
                past.wave(block.begins, OPT_OUTS).blocks.append(block)


def _lifted(pasts: Mapping[int, Past], rows: Iterable[tuple[Any, ...]], topics: Mapping[str, int]) -> None:
    open_since: dict[tuple[int, str], tuple[str, datetime]] = {}
    for lead_id, kind, purpose, reason, at in rows:
        if kind == "email.unsubscribed":
            open_since.setdefault((lead_id, purpose), (reason or "", at))
            continue
        begun = open_since.pop((lead_id, purpose), None)
        if begun is None:
            continue
        topic_id = topics.get(purpose.removeprefix("topic:"))
        scope = "topic" if purpose.startswith("topic:") else "marketing"
        pasts[lead_id].blocks.append(Block(scope, topic_id, begun[0], begun[1], at))


def _mails(pasts: Mapping[int, Past], ids: list[int], asked: Questions) -> None:
    first = asked.since - timedelta(days=asked.cap_days)
    for lead_id, *mailed in sql.fetch(_MAILS, [asked.sequence_id, asked.since, ids, first, asked.until]):
        pasts[lead_id].mails.append(Mailed(*mailed))


def _runs(pasts: Mapping[int, Past], ids: list[int], asked: Questions) -> None:
    own = asked.sequence_id
    for lead_id, *columns in sql.fetch(_RUNS, [ids, asked.until, own, asked.since, own, asked.group_id]):
        *columns, source, depth = columns
        run = PastRun(*columns)
        if run.ended_at is None:
            run = run._replace(ended_at=END_OF_TIME)
        pasts[lead_id].runs.append(run)
        if run.sequence_id != own and run.enrolled_at >= asked.since:
            rank = FORERUNNERS if asked.goes_first(run.priority, run.sequence_id) else FOLLOWERS
            pasts[lead_id].wave(run.enrolled_at, *_turn(source, depth), rank).arrivals.append(run)
