"""The one consumer of the log: everything that follows from an event follows here, in one transaction a batch.

    claim people → their waiting events → waves of (project, tiers, visits, touches, score, stage, conversions,
    segments, receivers) → mark done

Effects and the mark commit together, so whatever is delivered twice or killed in between is applied once.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from leads import claiming, conversions, failing, projection, rulebook, touching, visits
from leads.appraisal import Appraiser
from leads.batch import Batch
from leads.engagement import Tiers
from leads.failing import place_of
from leads.segments import Memberships
from leads.signals import events_projected, events_recorded
from lifecycle.core import sql, ticks

logger = logging.getLogger(__name__)

_later = ContextVar("what doors record is processed later", default=False)
_DONE = "DELETE FROM leads_pendingevent WHERE event_id = ANY(%b::bigint[])"


@dataclass(frozen=True, slots=True)
class ProcessCounts:
    """What a pass did. `events` are those from the queue, `derived` those they caused; `failed` counts attempts."""

    leads: int = 0
    events: int = 0
    derived: int = 0
    failed: int = 0

    def __add__(self, other: "ProcessCounts") -> "ProcessCounts":
        return ProcessCounts(
            self.leads + other.leads,
            self.events + other.events,
            self.derived + other.derived,
            self.failed + other.failed,
        )


@dataclass(slots=True)
class _Attempt:
    """What a transaction took up, remembered for when it fails."""

    lead_ids: list[int]
    event_ids: list[int]


def process_pending(
    *, limit: int = 500, lead_ids: Sequence[int] | None = None, wait: bool = True, now: datetime
) -> ProcessCounts:
    """Process what waits for up to `limit` people; nothing waiting gives zero counts.

    People held by another worker are passed over. Those named in `lead_ids` are waited for (OperationalError after
    five seconds) unless `wait` says otherwise. A failure of one person's event does not touch anyone else.
    """
    attempt = _Attempt([], [])
    try:
        return _process(attempt, limit=limit, lead_ids=lead_ids, wait=wait and lead_ids is not None, now=now)
    except Exception:
        if not attempt.lead_ids:
            raise
        logger.warning("a batch of %d leads failed, its halves are tried by themselves", len(attempt.lead_ids))
        return _apart(attempt.lead_ids, now=now)


@ticks.when("EXISTS (SELECT FROM leads_pendingevent WHERE dead_at IS NULL)")
def drain(*, limit: int = 500, most: int = 200, now: datetime) -> ProcessCounts:
    """Process batch after batch until nothing waits, only failures are left, or `most` batches are done."""
    total = ProcessCounts()
    for _ in range(most):
        counts = process_pending(limit=limit, now=now)
        total += counts
        if not counts.events:
            break
    return total


def process_at_once(lead_id: int, *, now: datetime) -> None:
    """For doors, after the commit of what they recorded: react before answering. Never raises; the sweep will retry."""
    if processes_later():
        return
    try:
        process_pending(lead_ids=[lead_id], now=now)
    except Exception as error:
        logger.error("lead %s could not be processed at once, the sweep will: %s", lead_id, place_of(error))


def processes_later() -> bool:
    """Whether the caller asked for nothing to be processed now."""
    return _later.get()


@contextmanager
def processed_later() -> Iterator[None]:
    """Doors called inside only record; the next `process_pending` does the rest. For replays of many acts."""
    token = _later.set(True)
    try:
        yield
    finally:
        _later.reset(token)


def _process(
    attempt: _Attempt,
    *,
    limit: int = 500,
    lead_ids: Sequence[int] | None = None,
    wait: bool = False,
    events: int = claiming.MOST_EVENTS,
    now: datetime,
) -> ProcessCounts:
    """One batch in one transaction."""
    with transaction.atomic():
        leads = claiming.claim(limit=limit, lead_ids=lead_ids, wait=wait)
        if not leads:
            return ProcessCounts()
        batch = claiming.waiting(leads, limit=events, now=now)
        done = [event.id for event in batch.events]
        attempt.lead_ids, attempt.event_ids = list(batch.leads), done
        if not done:
            return ProcessCounts()
        derived = run_waves(batch)
        sql.execute(_DONE, [done])
    return ProcessCounts(len(batch.leads), len(done), derived)


def run_waves(batch: Batch) -> int:
    """Let the batch's events have their effects, and those they cause theirs; the number of events caused."""
    book = rulebook.current()
    batch.load(book.needs.merge(visits.NEEDS))
    appraiser, memberships = Appraiser(batch, book), Memberships(batch, book.segments)
    tiers, derived = Tiers(batch, book.tiers), 0
    while True:
        projection.project(batch)
        events_projected.send(sender=Batch, batch=batch)
        tiers.wave()
        visits.derive(batch)
        touching.derive(batch)
        appraiser.wave()
        appraiser.flush()
        batch.flush()
        conversions.derive(batch)
        memberships.wave()
        events_recorded.send(sender=Batch, batch=batch)
        batch.flush()
        if not batch.next_wave():
            memberships.appoint()
            return derived
        derived += len(batch.events)


def _apart(lead_ids: list[int], *, now: datetime) -> ProcessCounts:
    """Halves, quarters … down to the people who cannot be processed; everyone else is."""
    if len(lead_ids) == 1:
        return _one_by_one(lead_ids[0], now=now)
    middle = len(lead_ids) // 2
    counts = ProcessCounts()
    for part in (lead_ids[:middle], lead_ids[middle:]):
        try:
            counts += _process(_Attempt([], []), lead_ids=part, limit=len(part), now=now)
        except Exception:
            counts += _apart(part, now=now)
    return counts


def _one_by_one(lead_id: int, *, now: datetime) -> ProcessCounts:
    """One person's events, each in a transaction of its own, up to the one that fails."""
    counts = ProcessCounts()
    while True:
        attempt = _Attempt([], [])
        try:
            step = _process(attempt, limit=1, lead_ids=[lead_id], events=1, now=now)
        except Exception as error:
            if not attempt.event_ids:
                raise
            return counts + _count_failure(attempt.event_ids[0], error, now=now)
        if not step.events:
            return counts
        counts += step


def _count_failure(event_id: int, error: Exception, *, now: datetime) -> ProcessCounts:
    """The log names the place, not the values."""
    attempts = failing.count("leads_pendingevent", event_id, error, now=now)
    logger.error("event %s failed, attempt %s: %s", event_id, attempts, place_of(error))
    return ProcessCounts(failed=1)
