"""Ticks. Each takes no arguments, may run twice or in parallel, and leaves the rest to the next one."""

from celery import shared_task

from lifecycle.core import clock
from webinars import attending


@shared_task(ignore_result=True)
def settle_attendance() -> int:
    settled = attending.settle_due(now=clock.now())
    return settled.attended + settled.missed
