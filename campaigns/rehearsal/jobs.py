"""Rehearsals that people asked for in the admin: asked, taken up by a worker under a lease, answered.

The lease is renewed with every step forward and fences what is written, so a second worker never answers as well.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from campaigns.editing.publishing import PublishRefused, problems_of
from campaigns.models import RehearsalRun, SequenceVersion
from campaigns.rehearsal.running import NothingToRehearse, rehearse
from campaigns.rehearsal.telling import data
from lifecycle.core import sql, ticks
from lifecycle.core.nudging import nudge

logger = logging.getLogger(__name__)

TASK = "campaigns.tasks.rehearse"
LEASE = timedelta(minutes=2)
ATTEMPTS = 3

_CLAIM = """
    UPDATE campaigns_rehearsalrun SET state = 'running', attempts = attempts + 1, lease_token = %b,
        lease_until = clock_timestamp() + %b, progress = 0
    WHERE id = (SELECT id FROM campaigns_rehearsalrun
                WHERE state = 'waiting' OR state = 'running' AND lease_until < clock_timestamp()
                ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, attempts
"""
_PROGRESS = """
    UPDATE campaigns_rehearsalrun SET progress = %b, lease_until = clock_timestamp() + %b
    WHERE id = %b AND lease_token = %b AND state = 'running'
"""
_FINISH = """
    UPDATE campaigns_rehearsalrun
    SET state = %b, progress = 100, result = %b::jsonb, error = %b, finished_at = %b, lease_token = NULL,
        lease_until = NULL
    WHERE id = %b AND lease_token = %b AND state = 'running'
"""


class Superseded(Exception):
    """Another worker took the rehearsal over, or it was deleted."""


@transaction.atomic
def ask(version: SequenceVersion, *, days: int, by: Any = None, now: datetime) -> RehearsalRun:
    """Ask for a rehearsal of the last `days`; the one that is already open for the same, if there is one.

    Raises PublishRefused for a draft that could not be published.
    """
    problems = [] if version.state == SequenceVersion.State.PUBLISHED else problems_of(version)
    if problems:
        raise PublishRefused(problems)
    SequenceVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    span = timedelta(days=days)
    for run in RehearsalRun.objects.filter(version=version, state__in=RehearsalRun.OPEN):
        if run.until - run.since == span:
            return run
    run = RehearsalRun.objects.create(version=version, since=now - span, until=now, asked_by=by, asked_at=now)
    nudge(TASK)
    return run


@ticks.when("""
    EXISTS (SELECT FROM campaigns_rehearsalrun
            WHERE state = 'waiting' OR state = 'running' AND lease_until < clock_timestamp())
""")
def run_due(*, now: datetime) -> int:
    """Answer what is asked, one after the other; how many. Safe beside other workers."""
    answered = 0
    while (claimed := _claim()) is not None:
        _answer(*claimed, now=now)
        answered += 1
    return answered


def _claim() -> tuple[int, uuid.UUID, int] | None:
    token = uuid.uuid4()
    rows = sql.fetch(_CLAIM, [token, LEASE])
    return (rows[0][0], token, rows[0][1]) if rows else None


def _answer(run_id: int, token: uuid.UUID, attempts: int, *, now: datetime) -> None:
    if attempts > ATTEMPTS:
        _finish(run_id, token, None, f"gave up: {ATTEMPTS} workers ended while they rehearsed it", now)
        return
    run = RehearsalRun.objects.select_related("version__sequence__current_version").get(pk=run_id)
    try:
        found = rehearse(run.version, since=run.since, until=run.until, progress=_progress(run_id, token))
    except Superseded:
        logger.warning("rehearsal %s was taken over by another worker", run_id)
    except (PublishRefused, NothingToRehearse) as refused:
        _finish(run_id, token, None, str(refused), now)
    except Exception as error:
        logger.exception("rehearsal %s failed", run_id)
        _finish(run_id, token, None, f"{type(error).__name__}: see the log of the worker", now)
    else:
        _finish(run_id, token, data(found), "", now)


def _progress(run_id: int, token: uuid.UUID) -> Callable[[int, int], None]:
    said = [-1]

    def tell(done: int, total: int) -> None:
        percent = 100 * done // max(total, 1)
        if percent == said[0]:
            return
        said[0] = percent
        if not sql.execute(_PROGRESS, [percent, LEASE, run_id, token]):
            raise Superseded

    return tell


def _finish(run_id: int, token: uuid.UUID, result: dict[str, Any] | None, error: str, now: datetime) -> None:
    state = RehearsalRun.State.FAILED if result is None else RehearsalRun.State.DONE
    told = None if result is None else sql.to_json(result)
    sql.execute(_FINISH, [str(state), told, error[:500], now, run_id, token])
