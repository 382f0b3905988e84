"""Engagement tiers of very many: the first look at everybody, a pass that finds nothing, and who falls at a tick."""

from datetime import datetime

from leads import engagement
from leads.engagement import looking
from leads.models import Event, PendingEvent
from lifecycle.core import sql
from tests.bench.measuring import Results, queries, size
from tests.bench.segmenting import crowd, timed

UPDATED = "UPDATE of two columns, lead rows"
_UPDATE = "UPDATE leads_lead SET updated_at = %b, tier_since = %b WHERE id IN (SELECT id FROM leads_lead LIMIT 20000)"
_DUE = """
    UPDATE leads_lead SET tier_due_at = %b, engagement_tier = 'most_engaged'
    WHERE id IN (SELECT id FROM leads_lead ORDER BY id DESC LIMIT %b)
"""


def measure(results: Results, *, now: datetime) -> None:
    people, each = size("TIER_LEADS", 200_000, 5_000), size("TIER_EVENTS", 3, 3)
    crowd(people, each, now)
    told = f"{people:,} leads, {people * each:,} events"
    seconds, count = timed(lambda: sql.execute(_UPDATE, [now, None]))
    results.add(UPDATED, count / seconds, "rows/s", note=f"{count:,} in one statement")
    seconds, _ = timed(lambda: engagement.drain(now=now, most=10_000))
    results.add("first look at everybody's tier", people / seconds, "leads/s", floor=UPDATED, note=told)
    seconds, found = timed(lambda: engagement.verify(now=now))
    results.add("verify all tiers, none wrong", people / seconds, "leads/s", note=f"{found} mended")
    _falls(results, size("TIER_FALLS", 10_000, 1_000), now)
    seconds, _ = timed(lambda: engagement.drain(now=now))
    results.add("tiers, a tick with nobody due", seconds * 1e3, "ms", target=10, note=told)


def _falls(results: Results, due: int, now: datetime) -> None:
    sql.execute("DELETE FROM leads_pendingevent")
    sql.execute(_DUE, [now, due])
    with queries() as captured:
        looking._sweep(now, looking.BATCH)
    before = Event.objects.filter(kind="tier.changed").count()
    seconds, _ = timed(lambda: engagement.drain(now=now))
    fell = Event.objects.filter(kind="tier.changed").count() - before
    assert PendingEvent.objects.count() >= fell
    note = f"{fell:,} with an event each, {len(captured)} queries a thousand"
    results.add("people whose tier falls", fell / seconds, "leads/s", floor=UPDATED, note=note)
