"""People in flight on their way to another version: in chunks, each safe to repeat, finished by a tick after a crash.

Who is on the way and how far it got is written on the sequence's row (`Sequence.moving`), in the transaction of each
chunk. Locks as everywhere: lead → enrollment → message.
"""

from collections.abc import Sequence as Several
from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib.auth import get_user_model

from campaigns.editing import audit
from campaigns.editing.placing import is_past, placed, sending_steps
from campaigns.engine.deciding import Journey, exit_of
from campaigns.engine.goals import About
from campaigns.engine.steps import Position
from campaigns.experiments import assigning
from campaigns.models import Sequence, SequenceVersion
from campaigns.running import exits, journeys, people, runner, stopping
from leads.models import Lead, Workspace
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge

CHUNK = 500
STAY, MOVE, EXIT = "stay", "move", "exit"

_NEXT = """
    SELECT id, lead_id FROM campaigns_enrollment
    WHERE sequence_id = %b AND state = 'active' AND version_id <> %b AND (%b::bigint IS NULL OR version_id = %b::bigint)
      AND id > %b
    ORDER BY id LIMIT %b
"""
_PLACE = """
    UPDATE campaigns_enrollment e
    SET version_id = %b, step_key = given.step_key, step_since = given.step_since, is_waiting = given.is_waiting,
        due_at = given.due_at
    FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[], %b::boolean[], %b::timestamptz[])
      AS given (id, step_key, step_since, is_waiting, due_at)
    WHERE e.id = given.id AND e.state = 'active'
"""
# A ready mail of a step that is gone ends here; one in flight is only marked, and its sender drops it if it still can.
_CANCEL = stopping.statement("m.enrollment_id = ANY(%b::bigint[]) AND m.step_key <> ALL(%b::text[])")


@dataclass
class Going:
    """What `Sequence.moving` holds. `of`: only people of that version; `reason`: why runs end; `after`: the last run
    that was looked at."""

    to: int
    policy: str
    not_past: str | None = None
    of: int | None = None
    actor: int | None = None
    reason: str = ""
    after: int = 0
    moved: int = 0
    exited: int = 0
    stayed: int = 0
    canceled: int = 0

    @property
    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("moved", "exited", "stayed", "canceled")}


def begin(sequence: Sequence, going: Going) -> None:
    """Write down who is to go where, in the transaction that publishes; `finish` or the tick does it."""
    sequence.moving = asdict(going)
    Sequence.objects.filter(pk=sequence.pk).update(moving=sequence.moving)
    nudge("campaigns.tasks.move_people")


def finish(sequence_id: int, *, now: datetime, most: int = 10_000) -> int:
    """Move up to `most` chunks of the people who are on their way; how many people were looked at."""
    total = 0
    for _ in range(most):
        looked_at = _chunk(sequence_id, now=now)
        if looked_at is None:
            break
        total += looked_at
    return total


@ticks.when("EXISTS (SELECT FROM campaigns_sequence WHERE moving IS NOT NULL)")
def finish_all(*, now: datetime, most: int = 200) -> int:
    """The tick: what a crash or a large number left over; how many people were looked at."""
    waiting = sql.fetch("SELECT id FROM campaigns_sequence WHERE moving IS NOT NULL ORDER BY id")
    return sum(finish(pk, now=now, most=most) for (pk,) in waiting)


@atomic_with_retry
def _chunk(sequence_id: int, *, now: datetime) -> int | None:
    """The next people on their way, in one transaction; None when nobody is left or another worker is at it."""
    rows = Sequence.objects.select_for_update(no_key=True, skip_locked=True)
    sequence = rows.filter(pk=sequence_id, moving__isnull=False).first()
    if sequence is None or sequence.moving is None:
        return None
    going = Going(**sequence.moving)
    chosen = sql.fetch(_NEXT, [sequence_id, going.to, going.of, going.of, going.after, CHUNK])
    if not chosen:
        _note_the_end(sequence, going, now=now)
        return None
    leads = Lead.objects.filter(pk__in=[lead_id for _, lead_id in chosen]).order_by("pk")
    list(leads.select_for_update(no_key=True).values_list("pk"))
    going.after = chosen[-1][0]
    _change(going, runner.inside([pk for pk, _ in chosen], lock=True), now)
    Sequence.objects.filter(pk=sequence_id).update(moving=asdict(going))
    return len(chosen)


def _note_the_end(sequence: Sequence, going: Going, *, now: datetime) -> None:
    version = SequenceVersion.objects.get(pk=going.to)
    actor = get_user_model().objects.filter(pk=going.actor).first() if going.actor else None
    audit.note(sequence, "moved", actor=actor, now=now, version=version, detail=going.counts)
    Sequence.objects.filter(pk=sequence.pk).update(moving=None)


def _change(going: Going, runs: list[runner.Due], now: datetime) -> None:
    known = journeys.load({going.to, *(run.version_id for run in runs)})
    new = known[going.to]
    if going.policy == EXIT:
        going.exited += len(exits.end([exits.Exit(run.id, going.reason) for run in runs], now=now))
        return
    going.stayed += sum(run.version_id not in known for run in runs)
    runs = [run for run in runs if run.version_id in known]
    persons = people.load({run.lead_id: now for run in runs}, new.exit_needs, Workspace.load())
    met = assigning.load([new], (run.lead_id for run in runs))
    leaving, moves = [], []
    for run in runs:
        person = persons[run.lead_id]
        at = placed(known[run.version_id], new, runner.position_of(run, new, person, met), now)
        leave = exit_of(new, person.facts(run.goal_since), now, About.run(run.key, run.context))
        if is_past(new, at.step_key, going.not_past):
            going.stayed += 1
        elif leave is not None:
            leaving.append(exits.Exit(run.id, leave.reason, leave.event_id))
        else:
            moves.append(at)
    going.exited += len(exits.end(leaving, now=now))
    _place(going, new, moves, now)


def _place(going: Going, new: Journey, moves: Several[Position], now: datetime) -> None:
    if not moves:
        return
    ids = [at.enrollment_id for at in moves]
    columns = [[getattr(at, name) for at in moves] for name in ("step_key", "step_since", "is_waiting", "due_at")]
    going.moved += sql.execute(_PLACE, [going.to, ids, *columns])
    reason = "edit: the step is gone from its sequence"
    going.canceled += sql.execute(_CANCEL, [now, reason, ids, sending_steps(new)])
    nudge("campaigns.tasks.advance")
