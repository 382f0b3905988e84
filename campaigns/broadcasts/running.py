"""The tick of broadcasts: safe to run twice, in parallel, or an hour late."""

from datetime import datetime

from campaigns.broadcasts import deciding, progress, queuing, scheduling
from lifecycle.core import ticks

# Seconds a tick may queue, so that it ends well before its worker's time limit.
TURN = 20.0


@ticks.when(f"""
    EXISTS (SELECT FROM campaigns_broadcast WHERE status = 'scheduled')
    OR EXISTS (SELECT FROM campaigns_broadcastrun WHERE state IN ('queuing', 'testing', 'sending')
               OR done_at > %(now)b - interval '{progress.CLICKS_COME.total_seconds()} seconds')
""")  # noqa: S608 - ours
def run_due(*, now: datetime) -> int:
    """Begin what is due, queue, choose winners, end what is over; how many of these things were done."""
    if not ticks.among([run_due], now=now):
        return 0
    begun = scheduling.start_due(now=now)
    queued = queuing.queue_due(now=now, seconds=TURN)
    decided = deciding.decide_due(now=now)
    ended = progress.finish(now=now)
    progress.count_due(now=now)
    return begun + queued + decided + ended
