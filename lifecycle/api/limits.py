"""Counting requests per window, over all web processes, with hardly a write.

Each process counts for itself and tells the shared table only after every eighth of a limit, so ordinary traffic costs
no query and a flood is held by all processes together. In the worst case a window lets (processes - 1) / 8 more
through than its limit. Once a bucket is known to be full it costs nothing until its window ends.
"""

import hashlib
import hmac
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

from lifecycle.api.models import ThrottleCount

SHARE = 8
MOST_BUCKETS = 50_000
SWEPT_EVERY = timedelta(minutes=10)

_ADD = """
    INSERT INTO api_throttlecount (bucket, count, ends_at) VALUES (%s, %s, %s)
    ON CONFLICT (bucket) DO UPDATE SET
        count = CASE WHEN api_throttlecount.ends_at = excluded.ends_at THEN api_throttlecount.count ELSE 0 END
                + excluded.count,
        ends_at = excluded.ends_at
    RETURNING count
"""


@dataclass(frozen=True)
class Rate:
    """So many requests in each window of so many seconds."""

    requests: int
    seconds: int


@dataclass
class _Count:
    ends_at: datetime
    elsewhere: int = 0  # what the table knew when we last told it, ours included
    untold: int = 0


class Counter:
    """The counts of one process. Safe to share between its threads."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._swept_at: datetime | None = None
        self._lock = threading.Lock()

    def hit(self, name: str, value: str, rate: Rate, *, now: datetime) -> int | None:
        """Count one request of `value` under the limit `name`; seconds to wait if it is over the rate, else None."""
        bucket = _bucket(name, value)
        ends_at = _end_of_window(now, rate)
        with self._lock:
            count = self._counts.get(bucket)
            if count is None or count.ends_at != ends_at:
                self._make_room(now)
                count = self._counts[bucket] = _Count(ends_at)
            if count.elsewhere + count.untold >= rate.requests:
                return _wait(ends_at, now)
            count.untold += 1
            told, count.untold = _share_due(count.untold, rate)
        if told:
            count.elsewhere = _tell(bucket, told, ends_at)
            self._sweep(now)
        return _wait(ends_at, now) if count.elsewhere > rate.requests else None

    def clear(self) -> None:
        """Forget what this process counted."""
        with self._lock:
            self._counts.clear()

    def _sweep(self, now: datetime) -> None:
        if self._swept_at is None or now - self._swept_at >= SWEPT_EVERY:
            self._swept_at = now
            ThrottleCount.objects.filter(ends_at__lt=now).delete()

    def _make_room(self, now: datetime) -> None:
        if len(self._counts) >= MOST_BUCKETS:
            self._counts = {bucket: count for bucket, count in self._counts.items() if count.ends_at > now}
        if len(self._counts) >= MOST_BUCKETS:  # a flood of new values: start again rather than grow
            self._counts.clear()


def _share_due(untold: int, rate: Rate) -> tuple[int, int]:
    """What to tell the table now, and what to keep for later."""
    return (untold, 0) if untold >= max(1, rate.requests // SHARE) else (0, untold)


def _tell(bucket: str, hits: int, ends_at: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [bucket, hits, ends_at])
        return int(cursor.fetchone()[0])


def _bucket(name: str, value: str) -> str:
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, f"{name}\0{value}".encode(errors="replace"), hashlib.sha256).hexdigest()


def _end_of_window(now: datetime, rate: Rate) -> datetime:
    started = int(now.timestamp()) // rate.seconds * rate.seconds
    return datetime.fromtimestamp(started, UTC) + timedelta(seconds=rate.seconds)


def _wait(ends_at: datetime, now: datetime) -> int:
    return max(1, int((ends_at - now).total_seconds() + 0.999))
