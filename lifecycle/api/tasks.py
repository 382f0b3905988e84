"""Ticks. Each takes no arguments, may run twice or in parallel, and leaves the rest to the next one."""

from celery import shared_task

from lifecycle.api.tracking import rejected
from lifecycle.core import clock


@shared_task(ignore_result=True)
def forget_rejected_calls() -> int:
    return rejected.forget(now=clock.now())
