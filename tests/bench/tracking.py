"""Tracking calls over HTTP: batches as SDKs send them, and single calls, which also have their effects at once."""

from datetime import datetime

from leads import pipeline
from leads.models import PendingEvent
from lifecycle.api import keys
from lifecycle.api.models import Scope
from lifecycle.core import sql
from tests.bench import cast, floors
from tests.bench.accepting import OURS
from tests.bench.measuring import Results, Watch, size
from tests.bench.processes import together, web

SIZES = (100, 500)
# A known user of the product, whose lead is known too.
_USERS = """
    INSERT INTO leads_visitor (user_id, lead_id, created_at)
    SELECT 'user-' || n, lead, %b::timestamptz FROM unnest(%b::bigint[]) WITH ORDINALITY AS given (lead, n)
"""


def measure(results: Results, *, now: datetime) -> None:
    count = size("TRACK_EVENTS", 40_000, 10_000)
    lead_ids = cast.leads(count // 20, prefix="tracked", now=now)
    sql.execute(_USERS, [now, lead_ids])
    _, key = keys.issue(name="bench", scopes=[Scope.TRACK_WRITE], now=now)
    cast.analyze()
    with web(OURS) as address:
        for batch in SIZES:
            for whose in ("anonymous", "known"):
                rate = _rate(address, key, count, batch, whose)
                name = f"accept {batch} tracking calls a batch, {_WHO[whose]}"
                results.add(name, rate, "events/s", floor=floors.UNNESTED, target=20_000, note=_NOTES[whose])
        singles = size("TRACK_CALLS", 2_000, 600)
        rate = _rate(address, key, singles, 1, "known")
        note = "scored, staged and enrolled a moment later by the same processes"
        results.add("accept single tracking calls, known users", rate, "calls/s", floor=floors.SINGLE, note=note)
    _process(results, now=now)


_WHO = {"anonymous": "anonymous page views", "known": "known users"}
_NOTES = {
    "anonymous": "over HTTP, granian with 2 workers; a tenth of the browsers is new",
    "known": "over HTTP; queued for the pipeline in the same statement",
}


def _rate(address: str, key: str, count: int, batch: int, whose: str) -> float:
    path = "/v1/track" if batch == 1 else "/v1/batch"
    together([["track", address, path, key, whose, str(batch), str(10 * batch), f"{whose}-{batch}-warm-up"]])
    job = ["track", address, path, key, whose, str(batch), str(count), f"{whose}-{batch}-measured"]
    seconds, (report,) = together([job])
    if report["answers"] != {'200 {"success":true}': count // batch}:
        raise RuntimeError(f"not everything was accepted: {report}")
    return count / seconds


def _process(results: Results, *, now: datetime) -> None:
    """What the known users' calls wait for."""
    waiting, watch = PendingEvent.objects.filter(dead_at__isnull=True).count(), Watch()
    with watch.running():
        done = pipeline.drain(now=now)
    if done.failed or not waiting:
        raise RuntimeError(f"tracked events were not processed: {done}")
    note = f"{done.events:,} events, {done.derived / done.events:.2f} derived each"
    results.add("process tracked events, 1 process", done.events / watch.seconds, "events/s", note=note)
