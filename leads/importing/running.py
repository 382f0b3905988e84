"""An import from its file to its end: each chunk is one transaction together with how far the run is.

A run belongs to one worker at a time, by a lease. A worker that dies, or a server that restarts, leaves rows done and
counted or not at all; the next worker goes on at the row after the last counted one.
"""

import logging
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Any, BinaryIO, cast

from django.db import OperationalError, transaction

from leads import addresses
from leads.importing import reading, storing
from leads.importing.cleaning import Cleaner, Person, Refusal
from leads.importing.mapping import MappingProblem, check
from leads.importing.planning import Options, Surroundings, Taken
from leads.importing.reading import FileProblem, Row
from leads.importing.storing import CREATED, UNCHANGED, UPDATED, Stored
from leads.models import ImportRun
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.core.nudging import nudge

logger = logging.getLogger(__name__)

TASK = "leads.tasks.import_people"
CHUNK = 5_000
LEASE = timedelta(minutes=2)
# Refused rows that are kept to be read; the others are counted.
MOST_REFUSALS = 20_000

_LOOKING_FOR_WORK = """
    SELECT id FROM leads_importrun
    WHERE state IN ('checking', 'running') AND (lease_until IS NULL OR lease_until < clock_timestamp())
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_THIS_ONE = """
    SELECT id FROM leads_importrun
    WHERE id = %b AND state IN ('checking', 'running') AND (lease_until IS NULL OR lease_until < clock_timestamp())
    FOR UPDATE SKIP LOCKED
"""
_TAKE = """
    UPDATE leads_importrun SET lease_token = %b, lease_until = clock_timestamp() + %b,
        started_at = coalesce(started_at, %b::timestamptz)
    WHERE id = %b
"""
_HOLD = "SELECT done, refused FROM leads_importrun WHERE id = %b AND lease_token = %b AND state = %b FOR NO KEY UPDATE"
_COUNT = """
    UPDATE leads_importrun SET done = done + %b, created = created + %b, updated = updated + %b,
        unchanged = unchanged + %b, refused = refused + %b, lease_until = clock_timestamp() + %b
    WHERE id = %b
"""
_REFUSE = """
    INSERT INTO leads_importrefusal (run_id, line, reason, "row")
    SELECT %b, line, reason, cells::jsonb FROM unnest(%b::int[], %b::text[], %b::text[]) AS given (line, reason, cells)
    ON CONFLICT (run_id, line) DO NOTHING
"""
_END = """
    UPDATE leads_importrun SET state = %b, error = %b, rows = coalesce(%b::int, rows), finished_at = %b::timestamptz,
        lease_token = NULL, lease_until = NULL
    WHERE id = %b AND lease_token = %b AND state IN ('checking', 'running')
"""
_RELEASE = "UPDATE leads_importrun SET lease_token = NULL, lease_until = NULL WHERE id = %b AND lease_token = %b"

Progress = Callable[[int, int | None], None]


class Superseded(Exception):
    """The run was canceled, or another worker has it."""


@dataclass(slots=True)
class _Job:
    """A run in a worker's hands. `seen`: people whom a check would have made by now, in earlier chunks."""

    run: ImportRun
    token: uuid.UUID
    cleaner: Cleaner
    options: Options
    seen: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        return self.run.state


def run_due(*, now: datetime, seconds: float = 60.0) -> int:
    """Work on the runs that wait, for about so many seconds; rows done. What is left goes on at the next call."""
    until, rows = monotonic() + seconds, 0
    while monotonic() < until and (claimed := _claim(_LOOKING_FOR_WORK, [], now=now)):
        rows += _work(*claimed, until=until, progress=None, now=now)
    return rows


def run_now(
    run: ImportRun, begin: Callable[[ImportRun], bool] = lambda run: True, *, progress: Progress, now: datetime
) -> bool:
    """Begin this run and work on it to its end, in this process; False if another worker has it.

    Beginning and claiming are one transaction: a worker of the running product sees the run only when it is taken.
    """
    with transaction.atomic():
        claimed = _claim(_THIS_ONE, [run.pk], now=now) if begin(run) else None
    if claimed is None:
        return False
    _work(*claimed, until=None, progress=progress, now=now)
    return True


def _claim(statement: str, parameters: list[Any], *, now: datetime) -> tuple[int, uuid.UUID] | None:
    token = uuid.uuid4()
    with transaction.atomic():
        found = sql.fetch(statement, parameters)
        if not found:
            return None
        sql.execute(_TAKE, [token, LEASE, now, found[0][0]])
    return found[0][0], token


def _work(run_id: int, token: uuid.UUID, *, until: float | None, progress: Progress | None, now: datetime) -> int:
    """Chunk after chunk; whatever ends the run early is told on its row."""
    run = ImportRun.objects.get(pk=run_id)
    done = run.done
    try:
        for done in _chunks(run, token, now=now):
            if progress:
                progress(done, run.rows)
            if until is not None and monotonic() > until:
                sql.execute(_RELEASE, [run_id, token])
                nudge(TASK)
                break
    except Superseded:
        logger.info("import %s goes on elsewhere, or was canceled", run_id)
    except (FileProblem, MappingProblem) as problem:
        _end(run_id, token, _failed(run), str(problem), None, now)
    except OperationalError as error:
        logger.warning("import %s waits for its next worker: %s", run_id, type(error).__name__)
        sql.execute(_RELEASE, [run_id, token])
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        logger.error("import %s failed: %s at %s:%s", run_id, type(error).__name__, last.filename, last.lineno)
        told = f"{type(error).__name__} after row {done:,}: see the log of the worker. What is done stays."
        _end(run_id, token, _failed(run), told, None, now)
    return done - run.done


def _chunks(run: ImportRun, token: uuid.UUID, *, now: datetime) -> Iterator[int]:
    """Rows done after each chunk."""
    with opened(run) as file:
        shape = reading.examine(file)
        check(run.mapping, shape.headings)
        if run.rows is None:
            run.rows = reading.count(file, shape)
            ImportRun.objects.filter(pk=run.pk).update(rows=run.rows)
        cleaner = Cleaner(shape.headings, run.mapping, source=run.source, key=addresses.address_key())
        options = Options(run.pk, run.source, run.updates_known, dry=run.state == ImportRun.State.CHECKING)
        job = _Job(run, token, cleaner, options)
        rows, done = reading.rows(file, shape, skip=run.done), run.done
        while chunk := list(islice(rows, CHUNK)):
            cleaned = [job.cleaner.clean(row) for row in chunk]
            people = [one for one in cleaned if isinstance(one, Person)]
            with transaction.atomic():
                around = storing.surroundings(people, now=now, dry=options.dry)
            _step(job, chunk, cleaned, around, at=done, now=now)
            done += len(chunk)
            yield done
    ended = ImportRun.State.CHECKED if options.dry else ImportRun.State.DONE
    _end(run.pk, token, ended, "", done, now)
    if not options.dry:
        forget_file(run)


@atomic_with_retry
def _step(
    job: _Job,
    chunk: Sequence[Row],
    cleaned: Sequence[Person | Refusal],
    around: Surroundings,
    *,
    at: int,
    now: datetime,
) -> None:
    """One chunk and the run's counters, whole or not at all."""
    held = sql.fetch(_HOLD, [job.run.pk, job.token, str(job.state)])
    if not held or held[0][0] != at:
        raise Superseded
    people = [one for one in cleaned if isinstance(one, Person)]
    stored = (
        _rehearsed(job, people, around, now=now)
        if job.options.dry
        else storing.store(people, job.options, around, now=now)
    )
    refusals = sorted(
        [*stored.refusals, *(one for one in cleaned if isinstance(one, Refusal))], key=lambda one: one.line
    )
    storing.opt_out(refusals, stored.taken, job.options, now=now)
    _keep(job.run.pk, refusals[: max(MOST_REFUSALS - held[0][1], 0)])
    counts = [stored.count(CREATED), stored.count(UPDATED), stored.count(UNCHANGED), len(refusals)]
    sql.execute(_COUNT, [len(chunk), *counts, LEASE, job.run.pk])
    if not job.options.dry:
        nudge("leads.tasks.process_pending")


def _rehearsed(job: _Job, people: Sequence[Person], around: Surroundings, *, now: datetime) -> Stored:
    """What `store` would do. Who comes again in a later chunk is known by then, which a check has to remember."""
    known = storing.known_ids(people)
    again = [one for one in people if one.hashed in job.seen and one.address.normal not in known]
    lines = {one.line for one in again}
    stored = storing.store([one for one in people if one.line not in lines], job.options, around, now=now)
    outcome = UPDATED if job.options.updates_known else UNCHANGED
    stored.taken += [Taken(one, 0, outcome, [], None) for one in again]
    job.seen.update(one.person.hashed for one in stored.taken if one.outcome == CREATED)
    return stored


def _keep(run_id: int, refusals: Sequence[Refusal]) -> None:
    if refusals:
        lines, reasons = [one.line for one in refusals], [one.reason for one in refusals]
        sql.execute(_REFUSE, [run_id, lines, reasons, [sql.to_json(one.cells) for one in refusals]])


def _failed(run: ImportRun) -> str:
    """A check that fails did nothing: the columns may be matched anew."""
    return ImportRun.State.UPLOADED if run.state == ImportRun.State.CHECKING else ImportRun.State.FAILED


def _end(run_id: int, token: uuid.UUID, state: str, error: str, rows: int | None, now: datetime) -> None:
    sql.execute(_END, [str(state), error, rows, now, run_id, token])


@contextmanager
def opened(run: ImportRun) -> Iterator[BinaryIO]:
    """The run's file. FileProblem if it is not there any more."""
    try:
        file = run.file.open("rb")
    except (OSError, ValueError) as error:
        raise FileProblem("The file is not there any more; upload it again.") from error
    try:
        yield cast(BinaryIO, file)
    finally:
        file.close()


def forget_file(run: ImportRun) -> None:
    """Remove the file of people, which nobody needs any more."""
    if run.file:
        run.file.delete(save=False)
        ImportRun.objects.filter(pk=run.pk).update(file="")
