"""How far runs are: counted now and then, so that no page has to; and done when no recipient is open any more."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from campaigns.broadcasts import auditing
from campaigns.models import Broadcast, BroadcastRun, Message
from lifecycle.core import sql

# While it is sent, and then as long as people still click.
OPEN_EVERY = timedelta(seconds=10)
ENDED_EVERY = timedelta(minutes=10)
CLICKS_COME = timedelta(days=30)

_COUNTS = """
    SELECT state, is_held, count(*) FROM campaigns_message WHERE broadcast_run_id = %b GROUP BY state, is_held
"""
_CLICKED = """
    SELECT count(DISTINCT m.id) FROM campaigns_hit h JOIN campaigns_message m ON m.id = h.message_id
    WHERE m.broadcast_run_id = %b AND h.kind = 'click' AND h.verdict = 'human'
"""


def finish(*, now: datetime) -> int:
    """End the runs in which nobody is open any more; how many."""
    ended = 0
    for run in BroadcastRun.objects.filter(state=BroadcastRun.State.SENDING).select_related("broadcast").order_by("pk"):
        if not is_open(run):
            ended += _end(run, now)
    return ended


def is_open(run: BroadcastRun) -> bool:
    """Whether a recipient has no end yet."""
    return run.messages.filter(state__in=Message.OPEN).exists()


def count_due(*, now: datetime) -> None:
    """Bring the counts of runs up to date that may have changed, not too often."""
    still = Q(state__in=BroadcastRun.OPEN) & (Q(counted_at=None) | Q(counted_at__lte=now - OPEN_EVERY))
    ended = Q(done_at__gt=now - CLICKS_COME) & (Q(counted_at=None) | Q(counted_at__lte=now - ENDED_EVERY))
    for run in BroadcastRun.objects.filter(still | ended):
        count(run, now=now)


def count(run: BroadcastRun, *, now: datetime) -> BroadcastRun:
    """Count the run's recipients by state, and who clicked. Two queries and a small write."""
    counts: dict[str, int] = {}
    for state, is_held, number in sql.fetch(_COUNTS, [run.pk]):
        counts[state] = counts.get(state, 0) + number
        if is_held and state == Message.State.READY:
            counts["held"] = number
    counts["clicked"] = sql.fetch(_CLICKED, [run.pk])[0][0]
    run.counts, run.counted_at = counts, now
    run.save(update_fields=["counts", "counted_at"])
    return run


@transaction.atomic
def _end(run: BroadcastRun, now: datetime) -> bool:
    """The broadcast first, then its run: the order of locks of everything that changes both."""
    broadcast = Broadcast.objects.select_for_update(no_key=True).get(pk=run.broadcast_id)
    ending = BroadcastRun.objects.filter(pk=run.pk, state=BroadcastRun.State.SENDING)
    if not ending.update(state=BroadcastRun.State.DONE, done_at=now, paused_at=None):
        return False
    if broadcast.crontab_id is None and broadcast.status in (Broadcast.Status.SCHEDULED, Broadcast.Status.PAUSED):
        broadcast.status = Broadcast.Status.DONE
        broadcast.save(update_fields=["status"])
    run.state = BroadcastRun.State.DONE
    count(run, now=now)
    auditing.note(broadcast, "done", run=run, now=now, **run.counts)
    return True
