"""Ticks. Each takes no arguments, may run twice or in parallel, and leaves the rest to the next one."""

from celery import shared_task

from lifecycle.core import clock
from lifecycle.integrations import inbound

# Seconds. A backlog is worked off in turns, so that the workers stay free for everything else.
TURN = 20.0


@shared_task(ignore_result=True)
def sweep() -> int:
    return inbound.sweep(now=clock.now(), seconds=TURN)
