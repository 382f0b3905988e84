"""What a rep has to do about a lead, because a sequence asks for it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from leads.batch import Batch, EventRow
from lifecycle.core import sql
from lifecycle.sales.models import Task

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

REQUESTED = "sequence.task_requested"

_ASK = """
    INSERT INTO sales_task (key, lead_id, title, owner_id, source, created_at)
    SELECT key, lead_id, title, owner_id, source, %b::timestamptz
    FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::bigint[], %b::text[])
      AS given (key, lead_id, title, owner_id, source)
    ON CONFLICT (key) DO NOTHING
"""


def ask(batch: Batch, events: Sequence[EventRow]) -> None:
    """A task for the lead's owner (nobody's, if no rule gives the lead one) for each event; once, however often."""
    rows = [
        (
            f"event:{event.id}",
            event.lead_id,
            str(event.properties.get("title", ""))[:250],
            batch.leads[event.lead_id]["owner_id"],
            f"{event.properties.get('sequence', '')}: {event.properties.get('step', '')}"[:120],
        )
        for event in events
    ]
    sql.execute(_ASK, [batch.now, *(list(column) for column in zip(*rows, strict=True))])


def finish(task_ids: Iterable[int], *, by: "AbstractBaseUser", now: datetime) -> int:
    """Tick tasks off; how many were still open."""
    return Task.objects.filter(pk__in=list(task_ids), done_at=None).update(done_at=now, done_by_id=by.pk)


def reopen(task_ids: Iterable[int]) -> int:
    """Take the tick back; how many were done."""
    return Task.objects.filter(pk__in=list(task_ids), done_at__isnull=False).update(done_at=None, done_by=None)
