"""Ninety days of a whole base rehearsed: the shipped demo nurture over the events of every person."""

from datetime import datetime, timedelta
from time import process_time

from campaigns.models import Sequence
from campaigns.rehearsal import rehearse
from campaigns.rehearsal.running import CHUNK
from lifecycle.core import sql
from tests.bench import cast
from tests.bench.measuring import Results, Watch, size

DAYS = 90
READ = "read the same events in a plain loop"
# Ten acts of each person at odd times; every third person asks for contact, every tenth of all books a meeting.
_QUARTER = """
    INSERT INTO leads_event (recorded_at, lead_id, kind, properties, occurred_at, source, key, depth)
    SELECT at, lead, kind, '{"form": "contact", "path": "/pricing"}', at, 'quarter', lead || ':' || n, 0
    FROM unnest(%b::bigint[]) AS lead CROSS JOIN generate_series(0, 9) AS n
    CROSS JOIN LATERAL (SELECT %b::timestamptz + interval '1 minute' * ((lead * 7919 + n * 104729) %% 129600) AS at,
        CASE WHEN n = 0 AND lead %% 3 = 0 THEN 'form.submitted' WHEN n = 1 AND lead %% 10 = 0 THEN 'meeting.booked'
             WHEN n < 5 THEN 'page.viewed' ELSE 'pricing.viewed' END AS kind) AS act
"""
_PLAIN = """
    SELECT id, lead_id, kind, properties, occurred_at, recorded_at FROM leads_event
    WHERE lead_id = ANY(%b::bigint[]) AND recorded_at >= %b AND recorded_at < %b
"""


def measure(results: Results, *, now: datetime) -> None:
    """`now` is when the ninety days begin."""
    lead_ids = cast.leads(size("REHEARSE_LEADS", 100_000, 10_000), prefix="rehearsed", now=now)
    sql.execute(_QUARTER, [lead_ids, now])
    cast.analyze()
    until = now + timedelta(days=DAYS)
    plain = Watch()
    with plain.running():
        events = _read(lead_ids, now, until)
    results.add(READ, plain.seconds * 1e3, "ms", note=f"{events:,} events")
    sequence = Sequence.objects.select_related("current_version").get(slug="demo-nurture")
    version = sequence.current_version
    assert version is not None
    watch, worked = Watch(), process_time()
    with watch.running():
        found = rehearse(version, since=now, until=until)
    worked = process_time() - worked
    outcome = found.outcome
    note = f"{outcome.entries:,} entries, {outcome.sent:,} mails; {worked:.0f} s of them Python's own"
    name = f"rehearse {DAYS} days × {len(lead_ids):,} leads"
    results.add(name, watch.seconds * 1e3, "ms", floor=READ, target=60_000, note=note)


def _read(lead_ids: list[int], since: datetime, until: datetime) -> int:
    events = 0
    for start in range(0, len(lead_ids), CHUNK):
        for _row in sql.fetch(_PLAIN, [lead_ids[start : start + CHUNK], since, until]):
            events += 1
    return events
