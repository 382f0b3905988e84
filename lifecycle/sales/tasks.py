from celery import shared_task

from lifecycle.core import clock, gate
from lifecycle.sales import meetings
from lifecycle.sales.alerting import send_alerts as send_due_alerts


@shared_task(ignore_result=True)
def send_alerts() -> int:
    if gate.closed(clock.now()):
        return 0
    return send_due_alerts(now=clock.now())


@shared_task(ignore_result=True)
def close_meetings() -> int:
    return meetings.sweep(now=clock.now())
