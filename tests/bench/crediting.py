"""Attribution over a whole base: all six models at once, against reading the same touches and against SQL's own sum."""

from collections.abc import Callable
from datetime import datetime, timedelta

from lifecycle.core import sql
from lifecycle.reports.attribution import Question, attribution
from tests.bench import cast
from tests.bench.measuring import Results, Watch, size

TOUCHES = 10
READ = "read the same touches, row by row"
LAST = "last touch alone, by SQL"
LOOKBACK = timedelta(days=90)
# Ten touches of each person over eighty days, of two hundred campaigns; as they came in, so everybody's lie apart.
_TOUCHES = """
    INSERT INTO leads_touch (lead_id, kind, source, medium, campaign, term, content, click_ids, referrer, landing_page,
                             form, raw, occurred_at, recorded_at)
    SELECT lead, CASE WHEN n = 3 THEN 'form' ELSE 'visit' END,
           (ARRAY['google', 'direct', 'linkedin', 'news'])[draw %% 4 + 1],
           (ARRAY['cpc', '', 'social', 'email'])[draw %% 4 + 1],
           CASE WHEN draw %% 3 = 0 THEN '' ELSE 'campaign-' || draw %% 200 END, '', '', '{}', '', '', '', '{}', at, at
    FROM generate_series(0, %b::int - 1) AS n CROSS JOIN unnest(%b::bigint[]) AS lead
    CROSS JOIN LATERAL (SELECT (lead * 7919 + n * 104729) %% 1000 AS draw,
        %b::timestamptz + n * interval '8 days' + lead %% 1000 * interval '10 minutes' AS at) AS drawn
"""
# Everybody becomes an MQL, and buys for one of seven prices.
_WON = """
    INSERT INTO leads_conversion (lead_id, kind, key, amount, currency, payment, occurred_at, recorded_at)
    SELECT lead, kind, lead::text, CASE WHEN kind = 'purchase' THEN (lead %% 7 + 1) * 99.95 END,
           CASE WHEN kind = 'purchase' THEN 'EUR' ELSE '' END, '', at, at
    FROM unnest(%b::bigint[]) AS lead CROSS JOIN unnest(ARRAY['mql', 'purchase']) AS kind
    CROSS JOIN LATERAL (SELECT %b::timestamptz + interval '81 days' + lead %% 500 * interval '1 minute' AS at) AS won
"""
_PLAIN = """
    SELECT lead_id, date_part('epoch', occurred_at), campaign FROM leads_touch WHERE lead_id = ANY(%b::bigint[])
    ORDER BY lead_id, occurred_at, id
"""
_LAST = """
    SELECT campaign, sum(amount) FROM (
        SELECT DISTINCT ON (c.id) c.id, c.amount, t.campaign FROM leads_conversion c
        JOIN leads_touch t ON t.lead_id = c.lead_id AND t.occurred_at <= c.occurred_at
            AND t.occurred_at >= c.occurred_at - %b::interval
        WHERE c.kind = 'purchase' ORDER BY c.id, t.occurred_at DESC, t.id DESC) AS credited GROUP BY campaign
"""


def measure(results: Results, *, now: datetime) -> None:
    """`now` is when the first touches were. A tenth of the people first, then all, so that the slope shows."""
    many = size("ATTRIBUTED_LEADS", 100_000, 10_000)
    few = _report(results, _made(many // 10, "some", now), "some")
    all_of_them = _report(results, _made(many - many // 10, "more", now), "all")
    note = f"{all_of_them / few:.1f} times as long over 10 times as many"
    results.notes.append(f"attribution grows as what it reads: {note}")


def _made(count: int, prefix: str, now: datetime) -> int:
    lead_ids = cast.leads(count, prefix=f"attributed-{prefix}", now=now)
    sql.execute(_TOUCHES, [TOUCHES, lead_ids, now])
    sql.execute(_WON, [lead_ids, now])
    cast.analyze()
    return count


def _report(results: Results, made: int, which: str) -> float:
    buyers = sql.fetch("SELECT lead_id FROM leads_conversion WHERE kind = 'purchase'")
    touches = TOUCHES * len(buyers)
    told = f"{len(buyers):,} conversions, {touches:,} touches"
    if which == "all":
        ids = [lead_id for (lead_id,) in buyers]
        read = _seconds(lambda: sum(1 for _ in sql.stream(_PLAIN, [ids])))
        results.add(READ, touches / read, "touches/s", note=told)
        results.add(
            LAST, touches / _seconds(lambda: sql.fetch(_LAST, [LOOKBACK])), "touches/s", note="one model, no refunds"
        )
    asked = Question(lookback=LOOKBACK, half_life=timedelta(days=7))
    seconds = _seconds(lambda: attribution(asked))
    name = f"attribution, six models, {which}"
    floor = READ if which == "all" else ""
    results.add(name, touches / seconds, "touches/s", floor=floor, note=f"{told}: {seconds:.1f} s")
    return seconds


def _seconds(act: Callable[[], object]) -> float:
    watch = Watch()
    with watch.running():
        act()
    return watch.seconds
