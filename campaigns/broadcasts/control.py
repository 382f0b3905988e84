"""What people do to a broadcast: schedule, pause, resume, stop; and to single recipients: hold, let go, cancel."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet

from campaigns.broadcasts import auditing, checking, holding, queuing
from campaigns.models import Broadcast, BroadcastRun, Message
from campaigns.running import stopping
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

# What is in flight finishes; should it come back, it is held.
_HOLD = """
    UPDATE campaigns_message SET is_held = true, reason = CASE state WHEN 'ready' THEN %b ELSE reason END
    WHERE broadcast_run_id = ANY(%b::bigint[]) AND state IN ('ready', 'sending') AND NOT is_held
"""
# Everything that was still to come moves by the length of the pause, so that the throttle goes on as it was.
_GO_ON = """
    UPDATE campaigns_message m
    SET is_held = false, reason = CASE m.reason WHEN %b THEN '' ELSE m.reason END,
        due_at = CASE WHEN m.due_at > r.paused_at THEN m.due_at + (%b - r.paused_at) ELSE m.due_at END,
        expires_at = m.expires_at + (%b - r.paused_at)
    FROM campaigns_broadcastrun r
    WHERE r.id = ANY(%b::bigint[]) AND m.broadcast_run_id = r.id AND m.is_held AND m.reason NOT IN (%b, %b)
"""
# As when a sequence is left: a ready message ends, one in flight is marked and dropped if it still can be.
_CANCEL = stopping.statement(
    "m.broadcast_run_id = ANY(%b::bigint[]) AND (%b::bigint[] IS NULL OR m.id = ANY(%b::bigint[]))"
)


@transaction.atomic
def schedule(broadcast: Broadcast, *, actor: "AbstractBaseUser | None", now: datetime, at_once: bool = False) -> bool:
    """Set it going: at its moment, by its crontab, or with `at_once` right now. False if it was going already.

    Mails that were never published are published along. Raises BroadcastRefused with every problem and its place.
    """
    broadcast = _locked(broadcast)
    if broadcast.status == Broadcast.Status.SCHEDULED or (
        broadcast.status == Broadcast.Status.PAUSED and _open_runs(broadcast)
    ):
        return False
    if at_once:
        broadcast.send_at = None
    checking.check(broadcast, now=now)
    if problems := checking.publish_mails(broadcast, now=now):
        raise checking.BroadcastRefused(problems)
    broadcast.status, broadcast.note, broadcast.scheduled_at = Broadcast.Status.SCHEDULED, "", now
    broadcast.save(update_fields=["status", "note", "scheduled_at", "send_at"])
    auditing.note(broadcast, "scheduled", actor=actor, now=now)
    return True


@atomic_with_retry
def pause(broadcast: Broadcast, *, actor: "AbstractBaseUser | None", now: datetime) -> int | None:
    """Begin no new run, and hold everybody of the runs under way; how many. None if it was not going."""
    broadcast = _locked(broadcast)
    if broadcast.status != Broadcast.Status.SCHEDULED:
        return None
    runs = _open_runs(broadcast)
    BroadcastRun.objects.filter(pk__in=runs).update(paused_at=now)
    held = sql.execute(_HOLD, [holding.PAUSED, runs])
    broadcast.status = Broadcast.Status.PAUSED
    broadcast.save(update_fields=["status"])
    auditing.note(broadcast, "paused", actor=actor, now=now, people=held)
    return held


@atomic_with_retry
def resume(broadcast: Broadcast, *, actor: "AbstractBaseUser | None", now: datetime) -> int | None:
    """Go on where it was paused; how many mails were let go. None if it was not paused.

    What was planned for the time of the pause moves by its length; moments of a crontab in it are not made up for.
    """
    broadcast = _locked(broadcast)
    if broadcast.status != Broadcast.Status.PAUSED:
        return None
    runs = _open_runs(broadcast)
    if not runs:
        checking.check(broadcast, now=now)
    free = sql.execute(_GO_ON, [holding.PAUSED, now, now, runs, holding.HOLDBACK, holding.BY_HAND])
    for run in BroadcastRun.objects.filter(pk__in=runs).exclude(paused_at=None):
        _go_on(run, now)
    broadcast.status, broadcast.note = Broadcast.Status.SCHEDULED, ""
    if broadcast.crontab_id is not None:
        broadcast.scheduled_at = now
    broadcast.save(update_fields=["status", "note", "scheduled_at"])
    auditing.note(broadcast, "resumed", actor=actor, now=now, people=free)
    return free


@atomic_with_retry
def stop(broadcast: Broadcast, *, actor: "AbstractBaseUser | None", now: datetime, reason: str = "") -> int:
    """End it: nothing more of it is sent; how many mails were canceled or dropped in flight."""
    broadcast = _locked(broadcast)
    text = f"stopped: {reason or 'the broadcast was stopped'}"[:120]
    runs = _open_runs(broadcast)
    canceled = sql.execute(_CANCEL, [now, text, runs, None, None])
    BroadcastRun.objects.filter(pk__in=runs).update(
        state=BroadcastRun.State.STOPPED, reason=text, done_at=now, paused_at=None, counted_at=None
    )
    broadcast.status, broadcast.note = Broadcast.Status.STOPPED, ""
    broadcast.save(update_fields=["status", "note"])
    auditing.note(broadcast, "stopped", actor=actor, reason=reason, now=now, people=canceled)
    return canceled


def hold(message_ids: Sequence[int]) -> int:
    """Hold single recipients until somebody lets them go; how many were still to be sent."""
    ready = _recipients(message_ids).filter(state=Message.State.READY).exclude(reason=holding.BY_HAND)
    return ready.update(is_held=True, reason=holding.BY_HAND)


@transaction.atomic
def let_go(message_ids: Sequence[int]) -> int:
    """Let held recipients go again; how many. What holds their whole run holds them from now on."""
    held = _recipients(message_ids).filter(state=Message.State.READY, is_held=True, reason=holding.BY_HAND)
    runs = BroadcastRun.objects.filter(pk__in=held.values("broadcast_run")).select_related("broadcast").order_by("pk")
    count = 0
    for run in runs.select_for_update(no_key=True, of=("self",)):
        mine = held.filter(broadcast_run=run)
        if run.state in (BroadcastRun.State.QUEUING, BroadcastRun.State.TESTING) and queuing.plan_of(run).is_tested:
            count += mine.filter(variant_key="").update(reason=holding.HOLDBACK)
        if run.paused_at is not None:
            count += mine.update(reason=holding.PAUSED)
        else:
            count += mine.update(is_held=False, reason="")
    return count


def cancel(message_ids: Sequence[int], *, reason: str, now: datetime) -> int:
    """Take single recipients out; how many were not sent yet."""
    runs = list(_recipients(message_ids).values_list("broadcast_run_id", flat=True).distinct())
    text = f"canceled: {reason or 'by hand'}"[:120]
    return sql.execute(_CANCEL, [now, text, runs, list(message_ids), list(message_ids)])


def _locked(broadcast: Broadcast) -> Broadcast:
    """The row as it is now, ours until the end of the transaction: broadcast, run, message is the order of locks."""
    return Broadcast.objects.select_for_update(no_key=True, of=("self",)).select_related("crontab").get(pk=broadcast.pk)


def _open_runs(broadcast: Broadcast) -> list[int]:
    runs = broadcast.runs.filter(state__in=BroadcastRun.OPEN).order_by("pk").select_for_update(no_key=True)
    return list(runs.values_list("pk", flat=True))


def _go_on(run: BroadcastRun, now: datetime) -> None:
    assert run.paused_at is not None
    length = now - run.paused_at
    if run.decide_at is not None and run.state == BroadcastRun.State.TESTING:
        run.decide_at += length
    if run.state == BroadcastRun.State.QUEUING:  # the rest of its throttle is still to be planned
        run.started_at += length
    run.paused_at = None
    run.save(update_fields=["decide_at", "started_at", "paused_at"])


def _recipients(message_ids: Sequence[int]) -> "QuerySet[Message]":
    return Message.objects.filter(pk__in=message_ids, broadcast_run__isnull=False)
