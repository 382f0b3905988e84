"""Beginning, watching and ending a backfill."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count

from campaigns.editing import audit
from campaigns.engine.triggers import Candidate
from campaigns.launching.matching import as_backfilled, matching
from campaigns.models import Backfill, BackfillEntry, Sequence
from campaigns.running import journeys
from lifecycle.core import sql
from lifecycle.core.nudging import nudge

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

CHUNK = 5_000
HOUR = timedelta(hours=1)

_ADD = """
    INSERT INTO campaigns_backfillentry (backfill_id, lead_id, key, payload, event_id, since, due_at, state, reason)
    SELECT %b, lead_id, key, payload::jsonb, event_id, since, due_at, 'waiting', ''
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::timestamptz[], %b::timestamptz[])
      AS given (lead_id, key, payload, event_id, since, due_at)
    ON CONFLICT (backfill_id, lead_id, key) DO NOTHING
"""


class LaunchRefused(ValueError):
    """No backfill was begun; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill got. `refusals`: reason → people, the most frequent first."""

    matched: int
    entered: int
    waiting: int
    refused: int
    refusals: dict[str, int]


@transaction.atomic
def start(
    sequence: Sequence,
    *,
    mode: str,
    sample: int | None = None,
    per_hour: int | None = None,
    actor: "AbstractBaseUser | None" = None,
    now: datetime,
) -> Backfill:
    """Let those who match the sequence's current version already enter it: `all`, `elapsed` or a `sample` of K.

    They wait for their turn, `per_hour` of them an hour (None: all at once), and are then judged as everybody is.
    Raises LaunchRefused.
    """
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=sequence.pk)
    _check(sequence, mode, sample, per_hour)
    versions = [journey for journey in journeys.live() if journey.sequence_id == sequence.pk]
    if not versions:
        raise LaunchRefused(f"the sequence is {sequence.get_status_display().lower()}")
    if not any(journey.triggers for journey in versions):
        raise LaunchRefused("nobody can match: the sequence has no trigger, people enter by hand or over the API")
    chosen = chain.from_iterable(matching(journey, now=now) for journey in versions)
    if mode == Backfill.Mode.SAMPLE:
        chosen = chain(_sample(chosen, sequence.slug, sample or 0))
    backfill = Backfill.objects.create(sequence=sequence, mode=mode, sample=sample, per_hour=per_hour, created_at=now)
    while several := list(islice(chosen, CHUNK)):
        backfill.matched += _add(backfill, several, backfill.matched, now)
    backfill.save(update_fields=["matched"])
    detail = {"mode": mode, "sample": sample, "per_hour": per_hour, "matched": backfill.matched}
    audit.note(sequence, "backfill begun", actor=actor, now=now, version=sequence.current_version, detail=detail)
    nudge("campaigns.tasks.backfill")
    return backfill


def _check(sequence: Sequence, mode: str, sample: int | None, per_hour: int | None) -> None:
    if mode not in Backfill.Mode.values:
        raise LaunchRefused(f"mode: {mode!r} is not known: {', '.join(Backfill.Mode.values)}")
    if (mode == Backfill.Mode.SAMPLE) != bool(sample):
        raise LaunchRefused("sample: say how many people, and only for a sample")
    if per_hour is not None and per_hour < 1:
        raise LaunchRefused("per_hour: at least 1, or nothing for all at once")
    if sequence.current_version_id is None:
        raise LaunchRefused("the sequence is not published yet")
    if sequence.backfills.filter(stopped_at=None, entries__state=BackfillEntry.State.WAITING).exists():
        raise LaunchRefused("another backfill of this sequence is under way: stop it first")


def _sample(candidates: Iterator[Candidate], sequence: str, size: int) -> list[Candidate]:
    """The same people whenever it is drawn: those with the smallest hashes."""
    return list(islice(sorted(candidates, key=lambda each: _lot(sequence, each)), size))


def _lot(sequence: str, candidate: Candidate) -> bytes:
    return hashlib.sha256(f"backfill:{sequence}:{candidate.lead_id}:{candidate.key}".encode()).digest()


def _add(backfill: Backfill, several: list[Candidate], rank: int, now: datetime) -> int:
    made = [as_backfilled(each) for each in several]
    return sql.execute(
        _ADD,
        [
            backfill.pk,
            [each.lead_id for each in made],
            [each.key for each in made],
            [sql.to_json(each.payload) for each in made],
            [each.event_id for each in made],
            [each.since for each in made],
            [_turn(backfill, rank + place, now) for place in range(len(made))],
        ],
    )


def _turn(backfill: Backfill, rank: int, now: datetime) -> datetime:
    return now + HOUR * rank / backfill.per_hour if backfill.per_hour else now


@transaction.atomic
def stop(backfill: Backfill, *, actor: "AbstractBaseUser | None" = None, now: datetime) -> int:
    """Let nobody more in; who entered stays. How many were still waiting; 0 if it was stopped or done before."""
    backfill = Backfill.objects.select_for_update(no_key=True).select_related("sequence").get(pk=backfill.pk)
    waiting = backfill.entries.filter(state=BackfillEntry.State.WAITING)
    left = waiting.update(state=BackfillEntry.State.REFUSED, reason="stopped: the backfill was stopped")
    if backfill.stopped_at is None and left:
        Backfill.objects.filter(pk=backfill.pk).update(stopped_at=now)
        audit.note(backfill.sequence, "backfill stopped", actor=actor, now=now, detail={"left": left})
    return left


def progress(backfill: Backfill) -> Progress:
    """Entered, waiting and refused by reason; one query."""
    rows = list(backfill.entries.values_list("state", "reason").annotate(people=Count("pk")).order_by("-people"))
    by_state = {state: sum(count for given, _, count in rows if given == state) for state in BackfillEntry.State.values}
    refusals = {reason: count for state, reason, count in rows if state == BackfillEntry.State.REFUSED}
    return Progress(backfill.matched, by_state["enrolled"], by_state["waiting"], by_state["refused"], refusals)
