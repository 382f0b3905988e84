"""What a tick costs when nothing is due, with few and with many people in the database."""

from datetime import datetime, timedelta
from statistics import median
from time import perf_counter

from campaigns.sending.delivery.contract import Transport, open_transport
from lifecycle import engine
from lifecycle.core import sql
from tests.bench import cast
from tests.bench.measuring import Results, queries, size

ROUNDS = 9
GROWING = [
    "leads_lead",
    "leads_event",
    "leads_scoreentry",
    "campaigns_message",
    "campaigns_enrollment",
    "leads_touch",
    "sales_alert",
]
_READ = "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname = ANY(%b::text[])"


def measure(results: Results, *, now: datetime) -> None:
    """`now` is when everything before has been done; the last tick did what comes round every few minutes."""
    transport = open_transport()
    engine.run(transport, now=now)
    before = _milliseconds(transport, now)
    people = size("IDLE_LEADS", 100_000, 30_000)
    made = cast.leads(people, prefix="idle", now=now - timedelta(days=1))
    cast.give_past(made, now=now - timedelta(days=1))
    cast.analyze()
    engine.run(transport, now=now + timedelta(minutes=10))
    later = now + timedelta(minutes=11)
    after = _milliseconds(transport, later)
    scanned = _scanned(transport, later)
    with queries() as captured:
        engine.one_pass(transport, now=later)
    transport.close()
    results.add("idle tick", before, "ms", note=f"{len(captured)} queries")
    note = f"{after / before:.2f} times that; reads in sequence: {scanned or 'nothing that grows'}"
    results.add(f"idle tick, {people:,} leads and {3 * people:,} events more", after, "ms", target=30, note=note)


def _milliseconds(transport: Transport, now: datetime) -> float:
    times = []
    for _ in range(ROUNDS):
        began = perf_counter()
        done = engine.one_pass(transport, now=now)
        times.append(perf_counter() - began)
        assert not any(done.values()), done
    return median(times) * 1e3


def _scanned(transport: Transport, now: datetime) -> str:
    """Tables that grow with the number of people and that an idle tick read row by row: a missing index shows here."""
    counts = []
    for _ in range(2):
        sql.fetch("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        counts.append(dict(sql.fetch(_READ, [GROWING])))
        engine.one_pass(transport, now=now)
    return ", ".join(name for name, rows in counts[1].items() if rows > counts[0][name])
