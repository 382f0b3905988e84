"""Calls that a door refused, counted by the hour: a wrong secret shows, and a flood costs little."""

import logging
import threading
import time
from collections import Counter
from datetime import datetime, timedelta

from django.db import transaction

from lifecycle.core import sql
from lifecycle.integrations.models import RefusedCall

logger = logging.getLogger(__name__)

# Before the name of a mail provider, whose reports have a door of their own.
MAIL = "email"
KEPT_FOR = timedelta(days=30)
# A process writes so often in a second; what is over it is added to the next write.
MOST_WRITES = 20
_COUNT = """
    INSERT INTO integrations_refusedcall (provider, code, hour, times, last_at)
    VALUES (%b, %b, date_trunc('hour', %b::timestamptz, 'UTC'), %b, %b)
    ON CONFLICT (provider, code, hour) DO UPDATE
    SET times = integrations_refusedcall.times + excluded.times,
        last_at = greatest(integrations_refusedcall.last_at, excluded.last_at)
"""


class Tally:
    """What one process refused. Safe to share between its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._untold: Counter[tuple[str, str]] = Counter()
        self._second, self._writes = 0, 0

    def add(self, provider: str, code: str) -> int:
        """How many are to be written now: all that were not told yet, or none while too much was written."""
        with self._lock:
            self._untold[provider, code] += 1
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._writes = second, 0
            self._writes += 1
            return self._untold.pop((provider, code)) if self._writes <= MOST_WRITES else 0


_tally = Tally()


def count(provider: str, code: str, *, now: datetime) -> None:
    """Count a refused call. Never raises, and waits for nobody: a count is worth less than an answer."""
    if not (times := _tally.add(provider, code)):
        return
    try:
        with transaction.atomic():
            sql.execute("SET LOCAL lock_timeout = '200ms'")
            sql.execute(_COUNT, [provider, code, now, times, now])
    except Exception as error:
        logger.warning("a refused call of %s was not counted: %s", provider, type(error).__name__)


def forget(*, now: datetime) -> int:
    """Delete what is older than a month; how many rows went."""
    return RefusedCall.objects.filter(hour__lt=now - KEPT_FOR).delete()[0]
