from celery import shared_task

from lifecycle.core import clock
from lifecycle.customers import checking


@shared_task(ignore_result=True)
def keep_standing() -> int:
    return checking.begin(now=clock.now())


@shared_task(ignore_result=True)
def go_on_checking() -> int:
    return checking.go_on(now=clock.now())
