"""The demo nurture from its first decision to the last receipt: decided in this process, sent by workers."""

from datetime import datetime, timedelta

from campaigns.models import Message
from campaigns.running import runner
from campaigns.sending import outbox
from campaigns.sending.delivery.contract import open_transport
from lifecycle.core import sql
from tests.bench import cast, floors
from tests.bench.measuring import Results, Watch, queries, size
from tests.bench.processes import together

BATCH = 500
WEEK = timedelta(days=7, minutes=1)
_STATES = "SELECT state, count(*) FROM campaigns_message WHERE key LIKE 'enrollment:%%' GROUP BY state"


def measure(results: Results, *, now: datetime) -> None:
    """The first mail by one worker, a week later the second by two."""
    lead_ids = cast.leads(size("SEND", 20_000, 5_000), prefix="lead", now=now)
    cast.give_past(lead_ids, now=now)
    cast.enroll(lead_ids, now=now)
    cast.analyze()
    _advance(results, now=now)
    _ask(results, now=now)
    _send(results, 1, now=now)
    runner.drain(limit=BATCH, now=now)
    runner.drain(limit=BATCH, now=now + WEEK)
    _send(results, 2, now=now + WEEK)


def _advance(results: Results, *, now: datetime) -> None:
    with queries() as captured:
        runner.advance(limit=BATCH, now=now)
    watch = Watch()
    with watch.running():
        done = runner.drain(limit=BATCH, now=now)
    note = f"{done:,} runs, each decision queues a mail; {len(captured)} queries for {BATCH}"
    results.add(
        "advance, 1 process", done / watch.seconds, "decisions/s", floor=floors.CLAIMED, target=3_000, note=note
    )


def _ask(results: Results, *, now: datetime) -> None:
    """How often one claim asks the database, from the first look to the last receipt."""
    transport = open_transport()
    with queries() as captured:
        counts = outbox.send(transport, now=now, limit=BATCH)
    transport.close()
    note = f"{counts.sent} sent in groups of {transport.batch_size}"
    results.add(f"send, queries for a claim of {BATCH}", len(captured), "", note=note)


def _send(results: Results, processes: int, *, now: datetime) -> None:
    due = Message.objects.filter(state="ready", due_at__lte=now).count()
    seconds, reports = together([["send", now.isoformat()]] * processes)
    states = dict(sql.fetch(_STATES))
    assert not {"ready", "sending", "unknown", "failed"} & states.keys(), states
    sent = sum(report["sent"] for report in reports)
    cpu = sum(report["cpu"] for report in reports) / sent * 1e6
    note = f"{sent:,} sent of {due:,} due, claims of {BATCH}; {cpu:.0f} µs of a worker's CPU each"
    name = "send, 1 process" if processes == 1 else f"send, {processes} processes"
    target = None if processes == 1 else 2_500
    results.add(name, sent / seconds, "mails/s", floor=floors.PIPELINED[processes], target=target, note=note)
    if processes > 1:
        _compare(results, sent / seconds)
        _weigh(results, [report["memory"] for report in reports])


def _compare(results: Results, rate: float) -> None:
    for name in (floors.PLAIN, floors.POST_OFFICE):
        if rival := results.value(name):
            results.add(f"  against {name}", rate / rival, "×")


def _weigh(results: Results, memory: list[list[float]]) -> None:
    """The memory of the workers after each claim; the first ones fill the caches."""
    grown = max(claims[-1] - claims[min(2, len(claims) - 1)] for claims in memory if claims)
    largest = max(max(claims) for claims in memory if claims)
    results.add(
        "  memory of a worker", largest, "MB", target=200, note=f"{grown:+.1f} MB from its third claim to its last"
    )
