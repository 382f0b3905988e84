"""Periodic jobs of the composition root."""

from datetime import timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from celery import shared_task
from django.contrib.sessions.models import Session

from lifecycle import health, instance
from lifecycle.core import clock

# Addresses and names of those who logged in are kept as long as an inquiry may need them.
KEEP_LOGINS = timedelta(days=90)


@shared_task
def heartbeat() -> None:
    """Note that a tick came through beat, broker and worker."""
    health.record_tick(clock.now())
    instance.mark(clock.now())


@shared_task
def tidy() -> None:
    """Delete sessions that ended and login attempts nobody will ask about."""
    now = clock.now()
    Session.objects.filter(expire_date__lt=now).delete()
    for table in (AccessAttempt, AccessFailureLog, AccessLog):
        table.objects.filter(attempt_time__lt=now - KEEP_LOGINS).delete()
