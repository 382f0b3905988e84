"""Zoom listens to the spine here."""

from typing import Any

from django.dispatch import receiver

from leads.batch import Batch
from leads.signals import events_recorded, lead_erased
from lifecycle.core.nudging import nudge
from webinars import syncing

TELL = "lifecycle.integrations.tasks.tell_zoom"


@receiver(events_recorded, dispatch_uid="integrations.zoom.follow")
def follow(sender: Any, batch: Batch, **kwargs: Any) -> None:
    if syncing.follow(batch):
        nudge(TELL)


@receiver(lead_erased, dispatch_uid="integrations.zoom.let_go")
def let_go(sender: Any, **kwargs: Any) -> None:
    """Webinars noted who is to leave Zoom; their address waits for it."""
    nudge(TELL)
