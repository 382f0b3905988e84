"""The inbox: what other systems tell us is stored before it is answered, and carried out once.

    accept ──> stored, committed ──> process_at_once ──> 2xx
                     └──────────────> sweep (every few seconds): what failed, waits, or needs something from outside

A handler's failure never reaches the sender: the row stays and is tried again, then is dead and waits for a person.
"""

import logging
import math
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from campaigns.sending import outbox
from leads import pipeline
from leads.failing import place_of
from lifecycle.core import sql, ticks
from lifecycle.core.nudging import nudge
from lifecycle.integrations import handling, registry
from lifecycle.integrations.handling import Done
from lifecycle.integrations.storing import Answer, accept

__all__ = ["Answer", "accept", "process", "process_at_once", "sweep"]

logger = logging.getLogger(__name__)

SWEEP = "lifecycle.integrations.tasks.sweep"
# Woken events may wake others; what is left after so many, the sweep does.
MOST_AT_ONCE = 20
REACT_EVERY = 50
COPY_WAIT = timedelta(seconds=2)
_ROW = (
    "SELECT provider, kind, lead_id, state, lease_until > clock_timestamp() FROM integrations_inboxevent WHERE id = %b"
)


def process_at_once(inbox_id: int, *, now: datetime) -> None:
    """For doors, after `accept`: carry it out and react to it before the answer. Never raises; the sweep will retry.

    Where it stops mail of its people, this waits until none that was stopped is in flight any more. A copy waits for
    whoever is at it.
    """
    if pipeline.processes_later():
        return
    try:
        if not process([inbox_id], now=now, may_fetch=False):
            _follow(inbox_id, now=now)
    except Exception as error:
        logger.error("inbox event %s was not processed at once, the sweep will: %s", inbox_id, place_of(error))


def process(inbox_ids: Sequence[int], *, now: datetime, may_fetch: bool = True) -> list[Done]:
    """Carry out these events if they are due, those that they wake, and what follows for their people."""
    done: list[Done] = []
    waiting = list(inbox_ids)
    while waiting and len(done) < MOST_AT_ONCE + len(inbox_ids):
        taken = handling.claim(waiting.pop(0), now=now)
        if taken is None:
            continue
        done.append(handling.work(taken, now=now, may_fetch=may_fetch))
        waiting.extend(done[-1].woken)
        if done[-1].woken:  # what waited for it is told to people who have it behind them, as if it had come in turn
            react(done[-1:], now=now)
    if waiting or any(each.state == "waiting" for each in done):
        nudge(SWEEP)
    react(done, now=now)
    return done


@ticks.when("""
    EXISTS (SELECT FROM integrations_inboxevent WHERE state IN ('waiting', 'parked') AND due_at <= %(now)b)
    OR EXISTS (SELECT FROM integrations_inboxevent
               WHERE state IN ('waiting', 'parked') AND lease_until < clock_timestamp())
""")
def sweep(*, now: datetime, seconds: float = math.inf) -> int:
    """Carry out all that is due at `now`, until `seconds` are over; how many events were tried."""
    handling.bury(now=now)
    began, total = time.monotonic(), 0
    done: list[Done] = []
    while time.monotonic() - began < seconds and (taken := handling.claim(now=now)):
        done.append(handling.work(taken, now=now))
        total += 1
        if len(done) == REACT_EVERY or done[-1].woken:
            react(done, now=now)
            done = []
    react(done, now=now)
    return total


def react(done: Sequence[Done], *, now: datetime) -> None:
    """What follows for the people whom events were about: the pipeline, and no stopped mail of theirs in flight."""
    lead_ids = sorted({lead_id for each in done for lead_id in each.lead_ids})
    if not lead_ids:
        return
    try:
        pipeline.process_pending(lead_ids=lead_ids, limit=len(lead_ids), now=now)
    except Exception as error:
        logger.error("%d leads could not be processed at once, the sweep will: %s", len(lead_ids), place_of(error))
    for lead_id in sorted({lead_id for each in done if each.stops_mail for lead_id in each.lead_ids}):
        outbox.await_in_flight(lead_id)


def _follow(inbox_id: int, *, now: datetime) -> None:
    """Of a copy: wait for whoever is at the event, so that this answer promises no less than theirs."""
    deadline = time.monotonic() + COPY_WAIT.total_seconds()
    while True:
        provider_slug, kind, lead_id, state, is_held = sql.fetch(_ROW, [inbox_id])[0]
        if not is_held or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    provider = registry.get(provider_slug)
    handler = provider.handlers.get(kind) if provider else None
    if state == "done" and lead_id and handler and handler.stops_mail:
        react([Done(state, [lead_id], stops_mail=True)], now=now)
