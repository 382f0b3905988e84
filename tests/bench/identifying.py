"""Identify calls become people: strangers with a past of two page views each, and users who are known already."""

from datetime import datetime
from uuid import uuid4

from leads import identity, log
from leads.log import NewEvent
from lifecycle.core import sql
from tests.bench import floors
from tests.bench.measuring import Results, Watch, queries, size

BATCH = 500
_VISITORS = """
    INSERT INTO leads_visitor (anonymous_id, user_id, created_at)
    SELECT CASE WHEN kind = 'browser' THEN 'browser-' || n END, CASE WHEN kind = 'user' THEN 'user-' || n END,
           %b::timestamptz
    FROM generate_series(1, %b::integer) n CROSS JOIN (VALUES ('browser'), ('user')) AS kinds (kind)
    RETURNING id, anonymous_id, user_id
"""


def measure(results: Results, *, now: datetime) -> None:
    count = size("IDENTIFIES", 10_000, 2_000)
    rows = sql.fetch(_VISITORS, [now, count])
    browsers = {name: number for number, name, _ in rows if name}
    users = {name: number for number, _, name in rows if name}
    pairs = [(users[f"user-{n}"], browsers[f"browser-{n}"], n) for n in range(1, count + 1)]
    views = [NewEvent(None, "page.viewed", _page(), now, "track", visitor_id=browser) for _, browser, _ in pairs] * 2
    for start in range(0, len(views), BATCH):
        log.write(views[start : start + BATCH], now=now, pending=True)
    for name in ("strangers with two page views", "known users, nothing new"):
        _store(pairs, now)
        with queries() as captured:
            identity.identify_pending(limit=BATCH, now=now)
        watch = Watch()
        with watch.running():
            done = identity.drain(limit=BATCH, now=now)
        assert (done.calls, done.failed) == (count - BATCH, 0), done
        note = f"1 process; {len(captured)} queries for {BATCH}"
        rate = done.calls / watch.seconds
        results.add(f"identify {name}", rate, "calls/s", floor=floors.UNNESTED, target=500, note=note)


def _store(pairs: list[tuple[int, int, int]], now: datetime) -> None:
    for start in range(0, len(pairs), BATCH):
        part = pairs[start : start + BATCH]
        keys = [uuid4().hex for _ in part]
        tracked = log.Tracked(
            lead_ids=[None] * len(part),
            visitor_ids=[user for user, _, _ in part],
            kinds=["user.identified"] * len(part),
            properties=[sql.to_json({"traits": _traits(n)}) for _, _, n in part],
            moments=[now] * len(part),
            keys=keys,
            asking={key: browser for key, (_, browser, _) in zip(keys, part, strict=True)},
        )
        log.write_tracked(tracked, source="track", now=now)


def _page() -> dict[str, object]:
    return {"url": "https://www.example.com/?utm_source=news", "path": "/"}


def _traits(n: int) -> dict[str, object]:
    company = {"name": f"Firm {n % 900}", "employee_count": 120}
    return {"email": f"person{n}@firm{n % 900}.example", "firstName": "Ana", "title": "CTO", "company": company}
