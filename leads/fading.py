"""Intent fades by the clock, lead by lead. (leads.scoring says by how much, leads.ledger books it.)"""

from datetime import datetime

from django.db import transaction

from leads import claiming, rulebook, segments
from leads.appraisal import set_temperature
from leads.batch import LeadRow, flush_leads
from leads.ledger import DECAY_EVERY, Ledger
from leads.log import NewEvent, write
from lifecycle.core import sql, ticks

# What fading changes without an event of its own.
_FADED = frozenset({"score", "intent_score"})
_DUE = """
    SELECT id FROM leads_lead WHERE decay_due_at <= %b ORDER BY decay_due_at LIMIT %b FOR NO KEY UPDATE SKIP LOCKED
"""


@ticks.when("EXISTS (SELECT FROM leads_lead WHERE decay_due_at <= %(now)b)")
def drain(*, now: datetime, limit: int = 1_000) -> int:
    """Let everyone fade who is due; how many were."""
    total = 0
    while done := decay_due(now=now, limit=limit):
        total += done
    return total


@transaction.atomic
def decay_due(*, now: datetime, limit: int = 1_000) -> int:
    """Book what has faded by `now` for up to `limit` leads that are due; how many there were. Repeat-safe.

    What is left follows from the grants' ages alone, so a late or a skipped pass changes nothing in the end.
    """
    ids = [row[0] for row in sql.fetch(_DUE, [now, limit])]
    if not ids:
        return 0
    rows = claiming.hold(ids)
    book = rulebook.current()
    ledger = Ledger(rows, book, now)
    events = []
    for row in rows.values():
        change = _fade(row, ledger, now)
        if change:
            events.append(NewEvent(row.id, "temperature.changed", change))
    faded = {row.id: row for row in rows.values() if "intent_score" in row.dirty}
    ledger.flush()
    flush_leads(rows.values(), now=now)
    write(events, now=now, pending=True)
    segments.follow(faded, book.segments, changed=_FADED, now=now)
    return len(rows)


def _fade(row: LeadRow, ledger: Ledger, now: datetime) -> dict[str, object] | None:
    ledger.fade(row)
    row.set("decay_due_at", now + DECAY_EVERY if row["intent_score"] > 0 else None)
    return set_temperature(row, ledger.book.thresholds, now)
