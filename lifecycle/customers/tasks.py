from celery import shared_task

from lifecycle.core import clock
from lifecycle.customers import keeping


@shared_task(ignore_result=True)
def keep_standing() -> int:
    return keeping.repair(now=clock.now())
