"""Write facts into the log. What comes of them is the pipeline's work."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from leads import log
from leads.log import NewEvent


def record(events: Sequence[NewEvent], *, now: datetime) -> list[int]:
    """Insert and queue the events that are not in the log yet, by (source, key); the ids of the new ones, in order.

    An event of an anonymous visitor (no lead) waits for its person instead of the pipeline.
    """
    with transaction.atomic():
        written = log.write(events, now=now, pending=True)
    return [written[position] for position in sorted(written)]
