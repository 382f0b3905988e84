"""Zoom listens to the spine here."""

from typing import Any

from django.dispatch import receiver

from leads.batch import Batch
from leads.signals import events_recorded
from lifecycle.core.nudging import nudge
from webinars import syncing


@receiver(events_recorded, dispatch_uid="integrations.zoom.follow")
def follow(sender: Any, batch: Batch, **kwargs: Any) -> None:
    if syncing.follow(batch):
        nudge("lifecycle.integrations.tasks.tell_zoom")
