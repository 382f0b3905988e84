"""A hint to the workers that something is due. Lost hints only delay: the next tick of beat finds the work anyway."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from celery import current_app
from django.conf import settings
from django.db import transaction

logger = logging.getLogger(__name__)

# Older than this the tick has done it.
EXPIRES = 5
# A thousand posts a second need no thousand hints: one in this time is enough, the tick finds the rest.
APART = 0.25

_last: dict[str, float] = {}
_is_silent = ContextVar("no hints", default=False)


def nudge(task: str) -> None:
    """Ask for `task` to run soon, after the current transaction's commit. Never raises, never waits for a broker."""
    if settings.NUDGE_WORKERS and not _is_silent.get():
        transaction.on_commit(lambda: _send(task))


@contextmanager
def silent() -> Iterator[None]:
    """No hints meanwhile: for a program that runs the engine itself."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


def _send(task: str) -> None:
    now = time.monotonic()
    if now - _last.get(task, -APART) < APART:
        return
    _last[task] = now
    try:
        current_app.send_task(task, expires=EXPIRES, ignore_result=True, retry=False)
    except Exception as error:
        logger.warning("no hint for %s: %s", task, type(error).__name__)
