"""Ticks. Each takes no arguments, may run twice or in parallel, and leaves the rest to the next one."""

from celery import shared_task

from campaigns import launching
from campaigns.broadcasts import running as broadcasts
from campaigns.broadcasts import watching
from campaigns.editing import guarding, moving
from campaigns.experiments import judging
from campaigns.rehearsal import jobs as rehearsals
from campaigns.running import dates, decisions, pausing, runner, waiting, webhooks
from campaigns.sending import outbox, settling
from campaigns.sending.delivery.contract import open_transport
from lifecycle.core import clock, gate

# Seconds. A backlog is sent in turns, so that it neither keeps the workers from everything else nor meets the task's
# time limit in the middle of a hand-over.
TURN = 10.0


@shared_task(ignore_result=True)
def advance() -> int:
    return runner.drain(now=clock.now())


@shared_task(ignore_result=True)
def sweep_dates() -> int:
    return dates.sweep(now=clock.now())


@shared_task(ignore_result=True)
def decide_waiting() -> int:
    return len(waiting.expire(now=clock.now()))


@shared_task(ignore_result=True)
def move_people() -> int:
    return moving.finish_all(now=clock.now())


@shared_task(ignore_result=True)
def watch_reports() -> int:
    now = clock.now()
    return guarding.watch(now=now) + watching.watch(now=now)


@shared_task(ignore_result=True)
def backfill() -> int:
    return launching.drain(now=clock.now())


@shared_task(ignore_result=True)
def run_broadcasts() -> int:
    return broadcasts.run_due(now=clock.now())


@shared_task(ignore_result=True)
def send() -> int:
    if gate.closed(clock.now()):
        return 0
    transport = open_transport()
    try:
        return outbox.drain(transport, now=clock.now(), seconds=TURN).sent
    finally:
        transport.close()


@shared_task(ignore_result=True)
def call_webhooks() -> int:
    return 0 if gate.closed(clock.now()) else webhooks.drain(now=clock.now())


@shared_task(ignore_result=True)
def judge_experiments() -> int:
    return judging.judge_due(now=clock.now())


@shared_task(ignore_result=True)
def forget_decisions() -> int:
    return decisions.prune(now=clock.now())


@shared_task(ignore_result=True)
def sweep_leases() -> int:
    now = clock.now()
    return settling.expire(now=now) + settling.send_unknown_again(now=now) + pausing.finish_drains(now=now)


@shared_task(ignore_result=True)
def rehearse() -> int:
    return rehearsals.run_due(now=clock.now())
