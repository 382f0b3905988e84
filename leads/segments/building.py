"""A whole segment in line with its rule: a new one, a changed one, and each once a day to be sure.

Goes through the leads in the order of their ids, a chunk a transaction, and keeps its place on the segment's row: a
worker that dies delays, a second one takes the next chunk, and a large segment holds no long locks.
"""

import logging
import time
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import IntegrityError, connection
from django.db.models import Q

from leads.models import Segment
from leads.rule_fields import VOCABULARY
from leads.segments import chunks, counting, waiting
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge
from lifecycle.core.rules import Rule, RuleError, parse

CHUNK = 20_000
# What follows from time is done when it is due. This finds what nothing told of: a company's data typed over.
SURE_EVERY = timedelta(days=1)
# How long to wait for those who may have read the rule as it was before.
PATIENCE = 10.0
TRIES = 3
logger = logging.getLogger(__name__)

_HOLD = """
    SELECT slug, rule, is_active, built_to, refreshed_at IS NULL FROM leads_segment
    WHERE id = %b FOR NO KEY UPDATE {otherwise}
"""
_STATE = "SELECT version, is_active, built_to FROM leads_segment WHERE id = %b"
_BEGIN = """
    UPDATE leads_segment SET built_to = 0
    WHERE id = %b AND built_to IS NULL AND version = %b AND is_active = %b
"""
_NEXT = "SELECT id FROM leads_lead WHERE id > %b ORDER BY id LIMIT %b"
_REACHED = f"SELECT count(*), max(id) FROM ({_NEXT}) AS part"  # noqa: S608 - ours
_GO_ON = "UPDATE leads_segment SET built_to = %b WHERE id = %b"
_DONE = "UPDATE leads_segment SET built_to = NULL, refreshed_at = %b WHERE id = %b"
# Everybody who holds a lead, as CREATE INDEX CONCURRENTLY looks for them.
_AT_WORK = """
    SELECT virtualtransaction FROM pg_locks
    WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation = 'leads_lead'::regclass AND mode = 'RowShareLock' AND granted AND pid <> pg_backend_pid()
"""


class Moved(NamedTuple):
    """How many entered and left."""

    entered: int = 0
    left: int = 0


class _Step(NamedTuple):
    """A chunk, and what comes then; `begin`: the rule changed meanwhile, so from the beginning."""

    moved: Moved = Moved()
    is_done: bool = False
    begin: bool = False


def parsed(segment: Segment) -> Rule:
    """The segment's rule; RuleError with the place and the way out if it does not read."""
    return parse(segment.rule, VOCABULARY)


def change_rule(segment: Segment, rule: object, *, now: datetime) -> Segment:
    """Give a segment another rule, as a new version, and bring its members up to date. RuleError for a bad rule."""
    data = parse(rule, VOCABULARY).data
    if data != segment.rule:
        segment.rule = data
        segment.renew()
        segment.save(update_fields=["rule", "version", "refreshed_at", "built_to"])
    refresh(segment, now=now)
    return segment


def refresh(segment: Segment, *, now: datetime, wait: bool = True) -> Moved:
    """Bring all members in line with the rule, beginning or going on. An inactive segment keeps nobody.

    Another worker's chunk is waited for, or without `wait` the rest is left to that worker. RuleError if the rule does
    not read; the members stay as they are then.
    """
    total, step = Moved(), _Step(begin=True)
    while not step.is_done:
        if step.begin:
            _begin(segment.pk)
        step = _step(segment.pk, wait=wait, now=now)
        total = Moved(total.entered + step.moved.entered, total.left + step.moved.left)
    return total


def make_current(segment: Segment, *, now: datetime) -> None:
    """The members as they are now: built if that is outstanding, else whoever is due is looked at."""
    if segment.refreshed_at is None or segment.built_to is not None:
        refresh(segment, now=now)
    else:
        waiting.drain(now=now, segment_ids=[segment.pk])


@ticks.when(f"""
    EXISTS (SELECT FROM leads_segmentdue WHERE due_at <= %(now)b)
    OR EXISTS (SELECT FROM leads_segmenttally WHERE NOT is_summed)
    OR EXISTS (SELECT FROM leads_segment WHERE refreshed_at IS NULL OR built_to IS NOT NULL
               OR is_active AND refreshed_at <= %(now)b - interval '{SURE_EVERY.total_seconds()} seconds')
""")  # noqa: S608 - ours
def refresh_due(*, now: datetime) -> int:
    """Build what is new, changed or not looked at for a day, look at everybody who is due; how many there were."""
    due = Segment.objects.filter(
        Q(refreshed_at=None) | Q(built_to__isnull=False) | Q(is_active=True, refreshed_at__lte=now - SURE_EVERY)
    )
    done = 0
    for segment in due:
        done += 1
        try:
            refresh(segment, wait=False, now=now)
        except RuleError as error:
            logger.error("segment %s keeps its members, its rule does not read: %s", segment.slug, error)
            sql.execute(_DONE, [now, segment.pk])
    done += waiting.drain(now=now).leads
    counting.add_up()
    return done


def _begin(segment_id: int) -> None:
    """Begin a pass, unless one is under way. Only when nobody is at work any more who may know an older rule only."""
    while True:
        found = sql.fetch(_STATE, [segment_id])
        if not found or found[0][2] is not None:
            return
        version, is_active, _ = found[0]
        _let_others_finish()
        if sql.execute(_BEGIN, [segment_id, version, is_active]):
            return


def _let_others_finish() -> None:
    """Wait until everybody who holds a lead now has let go. The next ones read the rules of now."""
    if connection.in_atomic_block:
        return  # whoever sees our change comes after our commit
    others = {row[0] for row in sql.fetch(_AT_WORK)}
    deadline = time.monotonic() + PATIENCE
    while others:
        if time.monotonic() > deadline:
            logger.warning("a segment is built while %d older transactions hold leads", len(others))
            return
        time.sleep(0.02)
        others &= {row[0] for row in sql.fetch(_AT_WORK)}


def _step(segment_id: int, *, wait: bool, now: datetime) -> _Step:
    """One chunk, again if a lead of it was erased meanwhile."""
    for left in reversed(range(TRIES)):
        try:
            return _one_step(segment_id, wait=wait, now=now)
        except IntegrityError:
            if not left or connection.in_atomic_block:
                raise
    raise AssertionError("the last try returned or raised")


@atomic_with_retry
def _one_step(segment_id: int, *, wait: bool, now: datetime) -> _Step:
    held = sql.fetch(_HOLD.format(otherwise="" if wait else "SKIP LOCKED"), [segment_id])
    if not held:
        return _Step(is_done=True)  # deleted, or another worker is at it
    slug, rule, is_active, built_to, is_new = held[0]
    if built_to is None:
        return _Step(begin=is_new, is_done=not is_new)  # the rule changed, or another worker did the last chunk
    count, last = sql.fetch(_REACHED, [built_to, CHUNK])[0]
    moved = Moved()
    if count:
        chunk = chunks.Chunk(segment_id, slug, built_to, last)
        found = parse(rule, VOCABULARY) if is_active else None
        moved = Moved(*chunk.bring(found, is_new=is_new, now=now))
    if moved.entered or moved.left:
        nudge(waiting.PROCESS)
        counting.add_up([segment_id])  # progress to be seen
    is_done = count < CHUNK
    if is_done:
        sql.execute(_DONE, [now, segment_id])
        counting.add_up([segment_id])
        counting.count_exactly(segment_id)
    else:
        sql.execute(_GO_ON, [last, segment_id])
    return _Step(moved, is_done)
