"""A message for each recipient, in chunks by lead id, each chunk one transaction with the mark of how far it went.

A worker that dies loses its chunk alone; whoever comes next goes on behind the last one that committed.
"""

import time
from collections.abc import Sequence
from datetime import datetime

from campaigns.broadcasts import audience, holding
from campaigns.broadcasts.assigning import Place, Plan, assign, spread
from campaigns.engine.variants import Variant
from campaigns.models import Broadcast, BroadcastRun
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry

CHUNK = 5_000

# The key makes it one mail per run and person, whatever is repeated. A lead erased meanwhile is not there to join.
_QUEUE = """
  WITH queued AS (
    INSERT INTO campaigns_message
        (key, lead_id, broadcast_run_id, step_key, variant_key, template_version_id, message_class, topic_id, context,
         priority, subject, state, reason, is_held, due_at, expires_at, created_at, attempts, stop_reason, provider_id)
    SELECT 'broadcast:' || %b::bigint || ':' || l.id, l.id, %b::bigint, '', given.variant_key, v.id, v.message_class,
           v.topic_id, '{}', %b::smallint, '', 'ready', CASE WHEN given.is_held THEN %b ELSE '' END, given.is_held,
           given.due_at, given.due_at + %b::interval, %b::timestamptz, 0, '', ''
    FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::boolean[], %b::timestamptz[])
      AS given (lead_id, version_id, variant_key, is_held, due_at)
    JOIN leads_lead l ON l.id = given.lead_id
    JOIN campaigns_templateversion v ON v.id = given.version_id
    ORDER BY l.id
    ON CONFLICT (key) DO NOTHING
    RETURNING is_held)
  SELECT count(*), count(*) FILTER (WHERE is_held) FROM queued
"""


def queue_due(*, now: datetime, seconds: float) -> int:
    """Queue the recipients of runs that are at it, at most about so long; how many chunks were done."""
    chunks, began = 0, time.monotonic()
    queuing = BroadcastRun.objects.filter(state=BroadcastRun.State.QUEUING, paused_at=None).order_by("pk")
    for run in queuing.select_related("broadcast__segment"):
        if run.queued_to == 0:
            audience.refresh(run.broadcast, now=now)
        while time.monotonic() - began < seconds and queue_chunk(run.pk, now=now):
            chunks += 1
    return chunks


@atomic_with_retry
def queue_chunk(run_id: int, *, now: datetime) -> bool:
    """Queue the next recipients of a run; False when another worker is at it, or nothing was left to do."""
    locked = BroadcastRun.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    run = locked.select_related("broadcast").filter(pk=run_id, state=BroadcastRun.State.QUEUING, paused_at=None).first()
    if run is None:
        return False
    ids = audience.next_ids(run.broadcast, after=run.queued_to, limit=CHUNK)
    if ids:
        out = audience.left_out(run.broadcast, after=run.queued_to, until=ids[-1], now=now)
        chosen = [lead_id for lead_id in ids if lead_id not in out]
        plan = plan_of(run)
        new, held = _insert(run, assign(plan, chosen, queued=run.tested if plan.is_tested else run.recipients), now)
        run.queued_to = ids[-1]
        run.recipients += new
        run.excluded += len(ids) - len(chosen)
        run.tested += new - held if plan.is_tested else 0
    if len(ids) < CHUNK:
        _close(run, now)
    run.save(update_fields=["queued_to", "recipients", "excluded", "tested", "state", "decide_at"])
    return True


def plan_of(run: BroadcastRun) -> Plan:
    """How the run deals its mails out. A variant without weight gets nobody."""
    mails = [mail for mail in run.variants if mail["weight"]] or run.variants[:1]
    variants = [Variant(mail["key"], max(1, mail["weight"]), mail["version"]) for mail in mails]
    broadcast = run.broadcast
    return Plan(run.pk, variants, broadcast.test_percent, run.started_at, broadcast.per_hour)


def expiry(broadcast: Broadcast) -> str | None:
    """The broadcast's late policy as SQL takes it."""
    return f"{broadcast.late_after.total_seconds()} seconds" if broadcast.late_after is not None else None


def _insert(run: BroadcastRun, places: Sequence[Place], now: datetime) -> tuple[int, int]:
    """How many messages are new, and how many of them are held."""
    if not places:
        return 0, 0
    values = [
        [place.lead_id for place in places],
        [place.variant.template_id for place in places],
        # The holdback has no variant yet: that is how it is found when the winner is known.
        ["" if place.is_held else place.variant.key for place in places],
        [place.is_held for place in places],
        [place.due_at for place in places],
    ]
    fixed = [run.pk, run.pk, run.broadcast.priority, holding.HOLDBACK, expiry(run.broadcast), now]
    new, held = sql.fetch(_QUEUE, [*fixed, *values])[0]
    return new, held


def _close(run: BroadcastRun, now: datetime) -> None:
    """Everybody is queued. With a holdback, the winner is chosen some time after the last mail of the test is due."""
    run.state = BroadcastRun.State.SENDING
    if plan_of(run).is_tested and run.recipients > run.tested:
        last = spread(run.started_at, max(0, run.tested - 1), run.broadcast.per_hour)
        run.state = BroadcastRun.State.TESTING
        run.decide_at = max(last, now) + run.broadcast.test_wait
