"""Ticks. Each takes no arguments, may run twice or in parallel, and leaves the rest to the next one."""

from celery import shared_task

from lifecycle.core import clock
from lifecycle.integrations import inbound, keeping, refusals
from lifecycle.integrations.zoom import registrants
from webinars import syncing

# Seconds. A backlog is worked off in turns, so that the workers stay free for everything else.
TURN = 20.0


@shared_task(ignore_result=True)
def sweep() -> int:
    return inbound.sweep(now=clock.now(), seconds=TURN)


@shared_task(ignore_result=True)
def forget() -> int:
    now = clock.now()
    return keeping.forget_bodies(now=now) + keeping.read_names() + refusals.forget(now=now)


@shared_task(ignore_result=True)
def tell_zoom() -> int:
    return registrants.drain(now=clock.now())


@shared_task(ignore_result=True)
def catch_up_with_zoom() -> int:
    now = clock.now()
    return syncing.forget(now=now) + syncing.catch_up(now=now)
