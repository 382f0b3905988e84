"""Segments of very many: built whole, tried while a rule is typed, and kept by time alone."""

from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from django.db import connection

from leads import segments
from leads.models import Event, Lead, Segment, SegmentDue
from leads.rule_fields import VOCABULARY
from leads.segments import waiting
from lifecycle.core import sql
from lifecycle.core.rules import Rule, parse
from tests.bench import cast
from tests.bench.measuring import Results, queries, size

FIELD = {"all": [{"field": "company_size", "op": "gte", "value": 500}, {"field": "role", "op": "eq", "value": "head"}]}
VIEWS = {"event": "pricing.viewed", "within": "7d"}
QUIET = {"field": "last_human_act_at", "op": "older_than", "value": "90d"}
INSERTED = "INSERT … SELECT, member rows"
COUNTED = "SELECT count(*) by the same filter"
KINDS = ["page.viewed", "page.viewed", "pricing.viewed", "email.opened", "email.clicked"]

# Loaded as a dump is restored: without checks of each row, which are the same for us and for the floor.
_EVENTS = """
    INSERT INTO leads_event (recorded_at, lead_id, kind, properties, occurred_at, source, key, depth)
    SELECT at, l.id, (%b::text[])[n %% 5 + 1], '{"path": "/pricing", "plan": "pro"}', at, 'crowd', l.id || ':' || n, 0
    FROM leads_lead l CROSS JOIN generate_series(1, %b::int) n
    CROSS JOIN LATERAL (
        SELECT %b::timestamptz - ((l.id * 7919 + n * 104729) %% 129600) * interval '1 minute' AS at) AS happened
    WHERE l.id >= %b ORDER BY l.id
"""
_ACTS = """
    UPDATE leads_lead SET last_human_act_at = %b::timestamptz - (id * 7919 %% 130000) * interval '1 minute'
    WHERE id >= %b
"""
_BARE = """
    INSERT INTO bench_member (segment_id, lead_id, entered_at)
    SELECT 1, id, now() FROM leads_lead WHERE company_size >= 500 AND role = 'head' ORDER BY id
"""
_MEMBER_TABLE = """
    CREATE TABLE bench_member (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, segment_id bigint NOT NULL, lead_id bigint NOT NULL,
        entered_at timestamptz NOT NULL, UNIQUE (segment_id, lead_id));
    CREATE INDEX ON bench_member (lead_id);
"""


def measure(results: Results, *, now: datetime) -> None:
    people, each = size("SEGMENT_LEADS", 1_000_000, 50_000), size("SEGMENT_EVENTS", 3, 3)
    crowd(people, each, now)
    told = f"{people:,} leads, {people * each:,} events"
    _floors(results)
    for name, rule in (("fields", FIELD), ("events in a window", VIEWS), ("time alone", QUIET)):
        _builds(results, name, parse(rule, VOCABULARY), told, now)
    _previews(results, now)
    _sweeps(results, now)


def crowd(people: int, each: int, now: datetime) -> None:
    first = cast.leads(people, prefix="crowd", now=now - timedelta(days=100))[0]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
    sql.execute(_EVENTS, [KINDS, each, now, first])
    sql.execute(_ACTS, [now, first])
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE leads_lead, leads_event")


def _floors(results: Results) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_MEMBER_TABLE)
        seconds, count = timed(lambda: (cursor.execute(_BARE), cursor.rowcount)[1])
        cursor.execute("DROP TABLE bench_member")
    results.add(INSERTED, count / seconds, "rows/s", note=f"{count:,} in one statement, no events")


def _builds(results: Results, name: str, rule: Rule, told: str, now: datetime) -> None:
    filtered = Lead.objects.filter(rule.q(now, Event.objects.all()))
    floor = f"{COUNTED}: {name}"
    results.add(floor, timed(filtered.count)[0] * 1e3, "ms")
    made = Segment.objects.create(slug=f"bench-{len(results.lines)}", name=name, rule=rule.data)
    seconds, moved = timed(lambda: segments.refresh(made, now=now))
    dues = SegmentDue.objects.filter(segment=made).count()
    note = f"{moved.entered:,} enter with an event each, {dues:,} due times; {told}"
    results.add(f"build a segment: {name}", seconds * 1e3, "ms", floor=floor, target=60_000, note=note)
    if moved.entered:
        results.add(f"members written: {name}", moved.entered / seconds, "rows/s", floor=INSERTED)
    seconds, moved = timed(lambda: segments.refresh(made, now=now))
    assert moved == (0, 0), moved
    results.add(f"look at all again: {name}", seconds * 1e3, "ms", floor=floor, target=10_000)


def _previews(results: Results, now: datetime) -> None:
    for name, data in (("fields", FIELD), ("events in a window", VIEWS)):
        rule = parse(data, VOCABULARY)
        seconds, seen = timed(lambda rule=rule: segments.preview(rule, now=now))
        note = f"{seen.count:,} {'counted' if seen.is_exact else 'estimated'}, ten people with reasons"
        results.add(f"preview of a rule: {name}", seconds * 1e3, "ms", target=2_000, note=note)


def _sweeps(results: Results, now: datetime) -> None:
    """People whose time has come, a thousand at a time; then nobody, beside all those who wait."""
    rows = SegmentDue.objects.count()
    later = SegmentDue.objects.order_by("due_at").values_list("due_at", flat=True)[size("SEGMENT_DUE", 20_000, 2_000)]
    with queries() as captured:
        waiting.look(now=later, limit=1_000)
    seconds, looked = timed(lambda: waiting.drain(now=later))
    note = f"{looked.leads:,} looked at, {looked.changes:,} came or went; {len(captured)} queries for 1,000"
    results.add("sweep of due times", looked.leads / seconds, "leads/s", target=2_000, note=note)
    times = sorted(timed(lambda: waiting.drain(now=later))[0] for _ in range(9))
    results.add("idle sweep", times[4] * 1e3, "ms", target=10, note=f"{rows:,} due times wait")


def timed(act: Any) -> tuple[float, Any]:
    began = perf_counter()
    done = act()
    return perf_counter() - began, done
