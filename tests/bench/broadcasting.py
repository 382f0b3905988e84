"""How fast a broadcast's recipients are queued, against the plainest INSERT … SELECT into the same table."""

from datetime import datetime, timedelta

from django.db import transaction

from campaigns.broadcasts import control, queuing, running
from campaigns.models import Broadcast, BroadcastRun, BroadcastVariant, EmailTemplate
from lifecycle.core import sql
from tests.bench import cast
from tests.bench.measuring import Results, Watch, size

INSERTED = "INSERT … SELECT, messages with their indexes"
QUEUED = "broadcast: queue"
_INSERT = """
    INSERT INTO campaigns_message
        (key, lead_id, broadcast_run_id, step_key, variant_key, template_version_id, message_class, topic_id, context,
         priority, subject, state, reason, is_held, due_at, created_at, attempts, stop_reason, provider_id)
    SELECT 'floor:' || l.id, l.id, %b::bigint, '', '', v.id, v.message_class, v.topic_id, '{}', 0, '', 'ready', '',
           true, %b::timestamptz, %b::timestamptz, 0, '', ''
    FROM leads_lead l CROSS JOIN campaigns_templateversion v
    WHERE v.id = %b AND l.id > %b ORDER BY l.id LIMIT %b
"""


def measure(results: Results, *, now: datetime) -> None:
    people = size("BROADCAST_LEADS", 100_000, 20_000)
    ids = cast.leads(people, prefix="many", now=now)
    cast.analyze()
    mail = EmailTemplate.objects.get(slug="weekly-best-practices-1")
    ended = {"occurs_at": now, "started_at": now, "state": BroadcastRun.State.DONE}
    floor = BroadcastRun.objects.create(broadcast=_broadcast("floor", mail), **ended)
    rate = people / _inserted(floor, ids[0] - 1, people, now)
    results.add(INSERTED, rate, "rows/s", note=f"{queuing.CHUNK:,} a commit")
    sql.execute("DELETE FROM campaigns_message WHERE broadcast_run_id = %b", [floor.pk])
    tested = _broadcast("many", mail, per_hour=50_000, test_percent=20, late_after=timedelta(days=2))
    for key in ("a", "b"):
        BroadcastVariant.objects.create(broadcast=tested, key=key, template=mail)
    _begin_behind(tested, ids[0] - 1, now)
    watch = Watch()
    run = tested.runs.get()
    with watch.running():
        while run.state == BroadcastRun.State.QUEUING:
            running.run_due(now=now)
            run.refresh_from_db()
    assert run.recipients == people, run.recipients
    note = f"{people:,} in {watch.seconds:.1f} s, with two variants, a holdback and a throttle"
    results.add(QUEUED, people / watch.seconds, "rows/s", floor=INSERTED, target=10_000, note=note)
    control.stop(tested, actor=None, now=now)


def _broadcast(slug: str, mail: EmailTemplate, **changes: object) -> Broadcast:
    return Broadcast.objects.create(slug=slug, name=slug, template=mail, **changes)


def _inserted(run: BroadcastRun, after: int, people: int, now: datetime) -> float:
    watch, done = Watch(), 0
    with watch.running():
        while done < people:
            with transaction.atomic():
                version = run.broadcast.template.current_version_id  # type: ignore[union-attr]
                given = [run.pk, now, now, version, after + done, min(queuing.CHUNK, people - done)]
                done += sql.execute(_INSERT, given)
    return watch.seconds


def _begin_behind(broadcast: Broadcast, lead_id: int, now: datetime) -> None:
    """Only the people of this part, whoever the parts before left behind."""
    control.schedule(broadcast, actor=None, now=now)
    mails = [
        {"key": mail.key, "weight": mail.weight, "version": mail.template.current_version_id, "subject": ""}
        for mail in broadcast.variants.select_related("template")
    ]
    BroadcastRun.objects.create(broadcast=broadcast, occurs_at=now, started_at=now, variants=mails, queued_to=lead_id)
