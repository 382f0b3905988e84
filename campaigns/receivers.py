"""Campaigns listen to the spine here, and to mail providers in provider_events."""

from typing import Any

from django.dispatch import receiver

from campaigns import reactions
from leads.batch import Batch
from leads.signals import events_recorded


@receiver(events_recorded, dispatch_uid="campaigns.reactions")
def react_to_events(sender: Any, batch: Batch, **kwargs: Any) -> None:
    reactions.react(batch)
