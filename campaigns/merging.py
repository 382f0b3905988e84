"""What campaigns do when two people become one: opt-outs bind both, and no mail of a sequence comes twice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from campaigns.consent import suppressing
from campaigns.consent.suppressing import Block
from campaigns.engine.deciding import Journey
from campaigns.models import Message, Topic
from campaigns.running import exits, journeys, stopping
from campaigns.running.exits import Exit
from leads.signals import leads_merging, leads_parted, merge_foreseen
from lifecycle.core import sql

# Their runs with how many mails each has sent, in the order of locks.
_HOLD = "SELECT id FROM campaigns_enrollment WHERE lead_id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE"
_RUNS = """
    SELECT e.id, e.lead_id, e.sequence_id, e.version_id, e.key, e.state = 'active', e.enrolled_at,
           (SELECT count(*) FROM campaigns_message m
            WHERE m.enrollment_id = e.id AND m.state IN ('sending', 'sent', 'unknown'))
    FROM campaigns_enrollment e WHERE e.lead_id = ANY(%b::bigint[]) ORDER BY e.id
"""
# Both get one broadcast: the mail that has left stays, else the kept lead's.
_TWICE = stopping.statement(
    """m.lead_id = ANY(%b::bigint[]) AND EXISTS (
        SELECT FROM campaigns_message s
        WHERE s.lead_id = ANY(%b::bigint[]) AND s.broadcast_run_id = m.broadcast_run_id AND s.lead_id <> m.lead_id
          AND (s.state IN ('sent', 'unknown')
               OR s.state = 'sending' AND (m.state = 'ready' OR s.lead_id = %b)
               OR s.state = 'ready' AND m.state = 'ready' AND s.lead_id = %b))"""
)
# A broadcast that is still being queued would come to the kept lead for themselves.
_HAD_IT = """
    INSERT INTO campaigns_message
        (key, lead_id, broadcast_run_id, step_key, variant_key, template_version_id, message_class, topic_id, context,
         priority, subject, state, reason, due_at, created_at, settled_at, attempts, stop_reason, provider_id)
    SELECT 'broadcast:' || m.broadcast_run_id || ':' || %b::bigint, %b::bigint, m.broadcast_run_id, '', m.variant_key,
           m.template_version_id, m.message_class, m.topic_id, '{}', m.priority, '', 'canceled', %b::text, m.due_at,
           %b::timestamptz, %b::timestamptz, 0, '', ''
    FROM campaigns_message m JOIN campaigns_broadcastrun r ON r.id = m.broadcast_run_id
    WHERE m.lead_id = %b AND r.state = 'queuing'
    ON CONFLICT (key) DO NOTHING
"""
_BIND_ALL = """
    INSERT INTO campaigns_suppression (address_hash, scope, topic_id, reason, source, created_at)
    SELECT DISTINCT ON (given.hash, s.scope, s.topic_id) given.hash, s.scope, s.topic_id, s.reason, 'merge',
           %b::timestamptz
    FROM campaigns_suppression s CROSS JOIN unnest(%b::text[]) AS given (hash)
    WHERE s.address_hash = ANY(%b::text[])
    ORDER BY given.hash, s.scope, s.topic_id, s.id
    ON CONFLICT DO NOTHING RETURNING scope, topic_id, reason
"""
# What a run that goes back has not sent yet goes back with it.
_WITH_THEIR_RUN = """
    UPDATE campaigns_message m SET lead_id = e.lead_id
    FROM campaigns_enrollment e
    WHERE e.lead_id = %b AND m.enrollment_id = e.id AND m.lead_id = %b AND m.state = 'ready'
"""
TWICE = "merged: the other address got or gets it"


@dataclass(frozen=True, slots=True)
class Run:
    id: int
    lead_id: int
    sequence_id: int
    version_id: int
    key: str
    is_active: bool
    enrolled_at: datetime
    mails: int


@receiver(leads_merging, dispatch_uid="campaigns.merging.settle")
def settle(sender: Any, kept_id: int, other_id: int, now: datetime, **kwargs: Any) -> None:
    """Inside the merge, before rows move."""
    both = [kept_id, other_id]
    sql.fetch(_HOLD, [both])
    runs, known = _runs(both)
    exits.end(ending(runs, known), now=now)
    sql.execute(_TWICE, [now, TWICE, both, both, kept_id, kept_id])
    sql.execute(_HAD_IT, [kept_id, kept_id, TWICE, now, now, other_id])
    hashes = suppressing.addresses_of(both)
    bound = {tuple(row) for row in sql.fetch(_BIND_ALL, [now, hashes, hashes])}
    topics = Topic.objects.in_bulk([topic_id for _, topic_id, _ in bound if topic_id is not None])
    for scope, topic_id, reason in sorted(bound, key=str):
        suppressing.stop(both, Block(scope, reason, "merge", topics.get(topic_id)), now=now)


@receiver(leads_parted, dispatch_uid="campaigns.merging.part")
def part(sender: Any, kept_id: int, other_id: int, now: datetime, **kwargs: Any) -> None:
    """Inside the undoing, when rows are back."""
    sql.execute(_WITH_THEIR_RUN, [other_id, kept_id])


@receiver(merge_foreseen, dispatch_uid="campaigns.merging.foresee")
def foresee(sender: Any, kept_id: int, other_id: int, **kwargs: Any) -> list[str]:
    """Sentences for who looks at a merge before it is done."""
    both = [kept_id, other_id]
    runs, known = _runs(both)
    sequences = {run.id: known[run.version_id].sequence for run in runs if run.version_id in known}
    said = [f"{sequences[leaving.enrollment_id]}: a run ends, {leaving.reason}." for leaving in ending(runs, known)]
    flying = Message.objects.filter(lead_id=other_id, state=Message.State.SENDING).count()
    if flying:
        said.append(f"{flying} mails to the other address are under way; they arrive there.")
    hashes = suppressing.addresses_of(both)
    blocked = sql.fetch("SELECT count(*) FROM campaigns_suppression WHERE address_hash = ANY(%b::text[])", [hashes])
    if blocked[0][0]:
        said.append(f"{blocked[0][0]} opt-outs and blocks will bind both addresses, for good.")
    return said


def ending(runs: Sequence[Run], known: Mapping[int, Journey]) -> list[Exit]:
    """Which runs cannot go on when these are one person's, and why. Pure."""
    gone: dict[int, str] = {}
    for run in runs:
        if run.is_active and (reason := _over(run, runs, known)):
            gone[run.id] = reason
    left = [run for run in runs if run.is_active and run.id not in gone and run.version_id in known]
    groups: dict[int, list[Run]] = defaultdict(list)
    for run in left:
        group_id = known[run.version_id].group_id
        if group_id is not None:
            groups[group_id].append(run)
    for rivals in groups.values():
        first = min(rivals, key=lambda run: (-known[run.version_id].priority, run.enrolled_at, run.id))
        gone |= {run.id: f"replaced by {known[first.version_id].sequence}" for run in rivals if run is not first}
    return [Exit(run_id, reason) for run_id, reason in gone.items()]


def _over(run: Run, runs: Iterable[Run], known: Mapping[int, Journey]) -> str:
    """Why this run is not to go on beside those of the other lead in the same sequence, or ""."""
    journey = known.get(run.version_id)
    others = [one for one in runs if one.sequence_id == run.sequence_id and one.lead_id != run.lead_id]
    if any(one.is_active and one.key == run.key and _goes_on(one, run) for one in others):
        return "merged: the run that was farther goes on"
    if journey is None or journey.second_trigger == "parallel":
        return ""
    same = [one for one in others if not one.is_active and (journey.reentry == "never" or one.key == run.key)]
    if same and journey.reentry in ("never", "once_per_key"):
        return "merged: was in this sequence before"
    return ""


def _goes_on(one: Run, other: Run) -> bool:
    """Of two runs that cannot both go on, the one that sent more, else the older."""
    return (-one.mails, one.enrolled_at, one.id) < (-other.mails, other.enrolled_at, other.id)


def _runs(lead_ids: Sequence[int]) -> tuple[list[Run], dict[int, Journey]]:
    runs = [Run(*row) for row in sql.fetch(_RUNS, [list(lead_ids)])]
    return runs, journeys.load({run.version_id for run in runs if run.is_active})
