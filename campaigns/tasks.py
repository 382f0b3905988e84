"""Ticks. Each takes no arguments, may run twice or in parallel, and leaves the rest to the next one."""

import time

from celery import shared_task

from campaigns import outbox, runner, settling
from campaigns.delivery.contract import open_transport
from lifecycle.core import clock

# A tick leaves the rest to the next, so that a million due messages never meet the task's time limit mid-send.
LONGEST_SEND = 60.0


# A backlog is sent in turns, so that it never keeps the workers from everything else.
TURN = 10.0


@shared_task(ignore_result=True)
def advance() -> int:
    return runner.drain(now=clock.now())


@shared_task(ignore_result=True)
def send() -> int:
    transport = open_transport()
    sent, stop_at = 0, time.monotonic() + LONGEST_SEND
    try:
        while time.monotonic() < stop_at:
            counts = outbox.send(transport, now=clock.now())
            sent += counts.sent
            if not counts.claimed:
                break
    finally:
        transport.close()
    return sent


@shared_task(ignore_result=True)
def sweep_leases() -> int:
    now = clock.now()
    return settling.expire(now=now) + settling.send_unknown_again(now=now)
