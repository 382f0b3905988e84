"""Periodic jobs of the composition root."""

from celery import shared_task
from django.utils import timezone

from lifecycle import health


@shared_task
def heartbeat() -> None:
    """Note that a tick came through beat, broker and worker."""
    health.record_tick(timezone.now())
