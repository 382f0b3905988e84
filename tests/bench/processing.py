"""Events of people nobody knew become scores, stages, segments and runs, with the shipped playbooks."""

from collections.abc import Iterator
from datetime import datetime

from leads import actions, pipeline
from leads.batch import NewEvent
from tests.bench import cast, floors
from tests.bench.measuring import Results, Watch, queries, size

BATCH = 500
ACTS = {
    "form.submitted": {"form": "contact", "message": "How do you count seats?", "company_size": "120"},
    "pricing.viewed": {"path": "/pricing", "plan": "pro"},
    "docs.downloaded": {"file": "api.pdf"},
}


def measure(results: Results, *, now: datetime) -> None:
    pipeline.drain(limit=BATCH, now=now)  # what another part left
    lead_ids = cast.leads(size("PROCESS_LEADS", 10_000, 2_000), prefix="reader", now=now)
    first, rest = lead_ids[:BATCH], lead_ids[BATCH:]
    actions.record(list(_events(first)), now=now)
    with queries() as captured:
        counts = pipeline.process_pending(limit=BATCH, now=now)
    events = list(_events(rest))
    results.add("record events", _recorded(events, now), "events/s", floor=floors.UNNESTED, note=f"1 query for {BATCH}")
    watch = Watch()
    with watch.running():
        done = pipeline.drain(limit=BATCH, now=now)
    assert (done.events, done.failed) == (len(events), 0), done
    derived = f"{done.derived / done.events:.1f} derived events each"
    note = f"{len(rest):,} leads × {len(ACTS)}, {derived}; {len(captured)} queries for {counts.events}"
    rate = done.events / watch.seconds
    results.add("process events, 1 process", rate, "events/s", floor=floors.UNNESTED, target=3_000, note=note)


def _events(lead_ids: list[int]) -> Iterator[NewEvent]:
    for lead_id in lead_ids:
        for kind, properties in ACTS.items():
            yield NewEvent(lead_id, kind, properties, source="bench", key=f"{lead_id}:{kind}")


def _recorded(events: list[NewEvent], now: datetime) -> float:
    watch = Watch()
    with watch.running():
        for start in range(0, len(events), BATCH):
            actions.record(events[start : start + BATCH], now=now)
    return len(events) / watch.seconds
