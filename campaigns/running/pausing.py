"""Holding a sequence, in all forms, and letting it go on (rule 23). Nobody drops silently: every verb writes its line.

live ──pause──> paused       nobody enters, people inside go on
  │ ──freeze─> frozen        everything stands still; who enters meanwhile waits inside
  │ ──drain──> draining      nobody enters any more; stopped with the last run's end
  └──stop────> stopped       everybody leaves at once
paused, frozen ──resume──> live (a frozen one: what it was before)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from django.db import transaction

from campaigns.editing import audit
from campaigns.launching import backfills
from campaigns.models import Enrollment, Message, Sequence, SequenceChange
from campaigns.running import exits
from leads.models import Lead
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

How = Literal["shift", "recompute", "skip_late"]
HELD_BY_HAND = "hold: until somebody lets it go"
FROZEN = "frozen: its sequence stands still"

_STILL = """
    UPDATE campaigns_enrollment SET is_held = true WHERE id IN (
        SELECT id FROM campaigns_enrollment WHERE sequence_id = %b AND state = 'active' AND NOT is_held
        ORDER BY id FOR NO KEY UPDATE)
"""
# What is in flight finishes; should it come back, it is held.
_STILL_MAIL = """
    UPDATE campaigns_message m
    SET is_held = true, reason = CASE m.state WHEN 'ready' THEN %b ELSE m.reason END
    FROM campaigns_enrollment e
    WHERE e.sequence_id = %b AND e.is_held AND m.enrollment_id = e.id AND m.state IN ('ready', 'sending')
      AND NOT m.is_held
"""
_GO_ON = "UPDATE campaigns_enrollment SET is_held = false WHERE sequence_id = %b AND is_held AND state = 'active'"
# Who came in while it stood still waits from then on. The hour of a calendar wait is looked for anew, and dates do not
# move because we stood still.
_SHIFT = """
    UPDATE campaigns_enrollment e
    SET is_held = false,
        step_since = e.step_since + given.length,
        is_waiting = e.is_waiting AND coalesce(given.kind, '') <> 'calendar',
        due_at = CASE given.kind WHEN 'calendar' THEN %b::timestamptz WHEN 'date' THEN e.due_at
                 ELSE e.due_at + given.length END
    FROM (
        SELECT r.id, s.kind, %b::timestamptz - greatest(%b::timestamptz, r.enrolled_at) AS length
        FROM campaigns_enrollment r
        LEFT JOIN campaigns_step s ON s.version_id = r.version_id AND s.key = r.step_key
        WHERE r.sequence_id = %b AND r.state = 'active'
    ) AS given
    WHERE e.id = given.id
"""
# A mail bound to a date ends with it, whatever we did meanwhile.
_SHIFT_MAIL = """
    UPDATE campaigns_message m
    SET expires_at = m.expires_at + (%b::timestamptz - greatest(%b::timestamptz, m.created_at))
    FROM campaigns_enrollment e
    WHERE e.sequence_id = %b AND m.enrollment_id = e.id AND m.state IN ('ready', 'sending')
      AND m.expires_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM campaigns_step s WHERE s.version_id = e.version_id AND s.kind = 'date')
"""
_SKIP = """
    UPDATE campaigns_enrollment SET is_held = false, late_before = %b::timestamptz
    WHERE sequence_id = %b AND state = 'active'
"""
_EXPIRE_MAIL = """
    UPDATE campaigns_message m SET state = 'expired', reason = %b, settled_at = %b::timestamptz, is_held = false
    FROM campaigns_enrollment e
    WHERE e.sequence_id = %b AND m.enrollment_id = e.id AND m.state = 'ready' AND m.is_held AND m.reason = %b
      AND m.due_at <= %b::timestamptz
    RETURNING m.enrollment_id, m.step_key
"""
_WAKE = """
    UPDATE campaigns_enrollment e SET due_at = %b::timestamptz
    FROM unnest(%b::bigint[], %b::text[]) AS given (id, step_key)
    WHERE e.id = given.id AND e.step_key = given.step_key AND e.state = 'active' AND e.is_waiting AND e.due_at IS NULL
"""
_LET_GO = """
    UPDATE campaigns_message m SET is_held = false, reason = CASE m.reason WHEN %b THEN '' ELSE m.reason END
    FROM campaigns_enrollment e
    WHERE e.sequence_id = %b AND m.enrollment_id = e.id AND m.is_held AND m.reason <> %b
"""
_DRAINED = """
    SELECT id FROM campaigns_sequence s WHERE status = 'draining' AND NOT EXISTS (
        SELECT FROM campaigns_enrollment e WHERE e.sequence_id = s.id AND e.state = 'active')
"""


@dataclass(frozen=True, slots=True)
class Touched:
    """How many people and mails a verb touches; `overdue` of them fell due while the sequence stood still."""

    people: int
    mails: int
    overdue_people: int = 0
    overdue_mails: int = 0


def touches(sequence: Sequence, *, now: datetime) -> Touched:
    """Who is inside and what waits to be sent; four counts."""
    inside = sequence.enrollments.filter(state=Enrollment.State.ACTIVE)
    mails = Message.objects.filter(enrollment__in=inside, state=Message.State.READY)
    overdue = (inside.filter(due_at__lte=now).count(), mails.filter(due_at__lte=now).count())
    return Touched(inside.count(), mails.count(), *(overdue if sequence.frozen_at else (0, 0)))


@transaction.atomic
def pause(
    sequence: Sequence, *, now: datetime, actor: "AbstractBaseUser | None" = None, reason: str = ""
) -> SequenceChange | None:
    """Refuse new entries; people inside go on to their end. None if it was not live."""
    sequence = _locked(sequence)
    if sequence.status != Sequence.Status.LIVE:
        return None
    inside = sequence.enrollments.filter(state=Enrollment.State.ACTIVE).count()
    _set(sequence, Sequence.Status.PAUSED)
    return audit.note(sequence, "paused", actor=actor, now=now, reason=reason, detail={"people": inside})


@atomic_with_retry
def freeze(
    sequence: Sequence, *, now: datetime, actor: "AbstractBaseUser | None" = None, reason: str = ""
) -> SequenceChange | None:
    """Let everything stand still: no step, no mail but those in flight. Goals and opt-outs still end runs.

    None if it does not run.
    """
    sequence = _locked(sequence)
    if sequence.status not in (Sequence.Status.LIVE, Sequence.Status.PAUSED, Sequence.Status.DRAINING):
        return None
    before = sequence.status
    _set(sequence, Sequence.Status.FROZEN, frozen_at=now)
    detail = {
        "people": sql.execute(_STILL, [sequence.pk]),
        "mails": sql.execute(_STILL_MAIL, [FROZEN, sequence.pk]),
        "before": before,
    }
    return audit.note(sequence, "frozen", actor=actor, now=now, reason=reason, detail=detail)


@atomic_with_retry
def resume(
    sequence: Sequence,
    *,
    now: datetime,
    how: How = "shift",
    actor: "AbstractBaseUser | None" = None,
    reason: str = "",
) -> SequenceChange | None:
    """Let people in again; a frozen sequence goes on, as it was before. None if it was neither paused nor frozen.

    "shift" moves what people wait for by the length of the stop; "recompute" keeps the plan, and what is overdue goes
    now, under caps and rate limits; "skip_late" keeps the plan and skips the mails that were planned before now.
    """
    sequence = _locked(sequence)
    if sequence.status == Sequence.Status.PAUSED:
        _set(sequence, Sequence.Status.LIVE)
        return audit.note(sequence, "resumed", actor=actor, now=now, reason=reason)
    if sequence.status != Sequence.Status.FROZEN or sequence.frozen_at is None:
        return None
    frozen_at = sequence.frozen_at
    touched = _thaw(sequence, how, frozen_at, now)
    froze = sequence.changes.filter(action="frozen").first()
    _set(sequence, froze.detail["before"] if froze else Sequence.Status.LIVE)
    detail = {**touched, "how": how, "seconds": int((now - frozen_at).total_seconds())}
    return audit.note(sequence, "resumed", actor=actor, now=now, reason=reason, detail=detail)


def _thaw(sequence: Sequence, how: How, frozen_at: datetime, now: datetime) -> dict[str, int]:
    """How many people go on, how many mails are let go and how many are skipped."""
    skipped: list[tuple[Any, ...]] = []
    if how == "shift":
        people = sql.execute(_SHIFT, [now, now, frozen_at, sequence.pk])
        sql.execute(_SHIFT_MAIL, [now, frozen_at, sequence.pk])
    elif how == "skip_late":
        people = sql.execute(_SKIP, [now, sequence.pk])
        late = f"late: fell due while its sequence stood still since {frozen_at:%Y-%m-%d %H:%M} UTC"
        skipped = sql.fetch(_EXPIRE_MAIL, [late, now, sequence.pk, FROZEN, now])
        if skipped:
            sql.execute(_WAKE, [now, [row[0] for row in skipped], [row[1] for row in skipped]])
    else:
        people = sql.execute(_GO_ON, [sequence.pk])
    mails = sql.execute(_LET_GO, [FROZEN, sequence.pk, HELD_BY_HAND])
    return {"people": people, "mails": mails, "skipped": len(skipped)}


@transaction.atomic
def drain(
    sequence: Sequence, *, now: datetime, actor: "AbstractBaseUser | None" = None, reason: str = ""
) -> SequenceChange | None:
    """Refuse new entries for good; it stops with the last run's end. None if it was neither live nor paused."""
    sequence = _locked(sequence)
    if sequence.status not in (Sequence.Status.LIVE, Sequence.Status.PAUSED):
        return None
    inside = sequence.enrollments.filter(state=Enrollment.State.ACTIVE).count()
    _set(sequence, Sequence.Status.DRAINING)
    _end_launches(sequence, actor, now)
    return audit.note(sequence, "draining", actor=actor, now=now, reason=reason, detail={"people": inside})


@ticks.when("EXISTS (SELECT FROM campaigns_sequence WHERE status = 'draining')")
def finish_drains(*, now: datetime) -> int:
    """Stop the draining sequences whose last run has ended; how many. One query when there is none."""
    return sum(_finish(pk, now) for (pk,) in sql.fetch(_DRAINED))


@transaction.atomic
def _finish(sequence_id: int, now: datetime) -> bool:
    sequence = Sequence.objects.select_for_update(no_key=True).get(pk=sequence_id)
    if sequence.status != Sequence.Status.DRAINING:
        return False
    _set(sequence, Sequence.Status.STOPPED)
    audit.note(sequence, "stopped", actor=None, now=now, reason="the last run has ended")
    return True


@atomic_with_retry
def stop(
    sequence: Sequence, *, now: datetime, actor: "AbstractBaseUser | None" = None, reason: str = ""
) -> SequenceChange | None:
    """End the sequence: nobody enters, everybody inside leaves, nothing of it is sent. None if it does not run."""
    sequence = _locked(sequence)
    if sequence.status in (Sequence.Status.STOPPED, Sequence.Status.DRAFT):
        return None
    _set(sequence, Sequence.Status.STOPPED)
    _end_launches(sequence, actor, now)
    inside = sequence.enrollments.filter(state=Enrollment.State.ACTIVE)
    leads = Lead.objects.filter(pk__in=inside.values("lead_id")).order_by("pk")
    list(leads.select_for_update(no_key=True).values_list("pk"))
    ids = list(inside.order_by("pk").values_list("pk", flat=True))
    open_mails = Message.objects.filter(enrollment__in=ids, state=Message.State.READY).count()
    left = exits.end([exits.Exit(pk, "sequence stopped") for pk in ids], now=now)
    detail = {"people": len(left), "mails": open_mails}
    return audit.note(sequence, "stopped", actor=actor, now=now, reason=reason, detail=detail)


def _end_launches(sequence: Sequence, actor: "AbstractBaseUser | None", now: datetime) -> None:
    """Who still waits for their turn must not enter unasked when the sequence is published again."""
    for backfill in sequence.backfills.filter(stopped_at=None).order_by("pk"):
        backfills.stop(backfill, actor=actor, now=now)


def hold(message_ids: Iterable[int]) -> int:
    """Keep these ready mails until somebody lets them go; how many were not held before."""
    ready = Message.objects.filter(pk__in=message_ids, state=Message.State.READY, is_held=False)
    return ready.update(is_held=True, reason=HELD_BY_HAND)


@transaction.atomic
def let_go(message_ids: Iterable[int]) -> int:
    """Let go what was held by hand; how many go on. Where the sequence stands still, they wait for it.

    Recipients of broadcasts are let go by `broadcasts.control`, which knows what else holds them.
    """
    held = Message.objects.filter(pk__in=message_ids, state=Message.State.READY, is_held=True, reason=HELD_BY_HAND)
    held.filter(sequence__frozen_at__isnull=False).update(reason=FROZEN)
    return held.filter(broadcast_run__isnull=True).update(is_held=False, reason="")


def _locked(sequence: Sequence) -> Sequence:
    return Sequence.objects.select_for_update(no_key=True).get(pk=sequence.pk)


def _set(sequence: Sequence, status: str, *, frozen_at: datetime | None = None) -> None:
    sequence.status, sequence.frozen_at = status, frozen_at
    sequence.save(update_fields=["status", "frozen_at"])
