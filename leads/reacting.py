"""React to what public doors took in. In a web process this is a thread of its own, so that nobody waits for rules.

A form is answered when it is committed. What follows from it, follows a moment later, and together with what came in
meanwhile: a flood is worked off in batches, as a worker would, with a breath between them, since thirty people cost
little more than three. The thread is a hint like any other: if the process dies, the sweep finds what it left.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import close_old_connections

from leads.failing import place_of
from leads.pipeline import process_at_once, process_pending, processes_later

logger = logging.getLogger(__name__)

BATCH = 500
MOST_WAITING = 20_000  # beyond it the sweep is as quick
BREATH = 0.2  # seconds, after a batch of several; nobody alone waits for it

React = Callable[[Sequence[int], datetime], object]


def _breathe() -> None:
    time.sleep(BREATH)


class Reactor:
    """A thread that reacts to people in batches: one at a time when it is calm, hundreds when it is not."""

    def __init__(self, react: React, *, breathe: Callable[[], object] = _breathe) -> None:
        self._react, self._breathe = react, breathe
        self._waiting: dict[int, datetime] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def hint(self, lead_id: int, *, now: datetime) -> None:
        """Something of this lead waits. Returns at once."""
        with self._changed:
            if len(self._waiting) < MOST_WAITING:
                self._waiting[lead_id] = now
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="reactor", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                lead_ids = list(self._waiting)[:BATCH]
                now = max(self._waiting.pop(lead_id) for lead_id in lead_ids)
            self._safely(lead_ids, now)
            if len(lead_ids) > 1:
                self._breathe()

    def _safely(self, lead_ids: Sequence[int], now: datetime) -> None:
        close_old_connections()
        try:
            self._react(lead_ids, now)
        except Exception as error:
            logger.error("%d leads could not be processed at once, the sweep will: %s", len(lead_ids), place_of(error))
        finally:
            close_old_connections()


def _process(lead_ids: Sequence[int], now: datetime) -> None:
    """Whom another worker holds, that worker or the sweep does."""
    process_pending(lead_ids=lead_ids, limit=len(lead_ids), wait=False, now=now)


_reactor: Reactor | None = None


def in_background() -> None:
    """From now on this process answers first and reacts then. Called by the web application as it starts."""
    global _reactor  # one a process
    _reactor = Reactor(_process)


def react(lead_id: int, *, now: datetime) -> None:
    """For public doors, after the commit of what they recorded: react before the answer, or just after it."""
    if _reactor is None:
        process_at_once(lead_id, now=now)
    elif not processes_later():
        _reactor.hint(lead_id, now=now)
