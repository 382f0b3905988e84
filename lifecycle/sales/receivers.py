"""Sales listens to the spine here."""

from typing import Any

from django.dispatch import receiver

from leads.batch import Batch
from leads.signals import events_recorded
from lifecycle.sales import reactions


@receiver(events_recorded, dispatch_uid="sales.reactions")
def react_to_events(sender: Any, batch: Batch, **kwargs: Any) -> None:
    reactions.react(batch)
