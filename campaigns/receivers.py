"""Campaigns listen to the spine here, and to mail providers in provider_events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.dispatch import receiver

from campaigns.consent import suppressing
from campaigns.models import Suppression
from campaigns.running import reactions
from leads.batch import Batch
from leads.signals import events_recorded, opted_out


@receiver(events_recorded, dispatch_uid="campaigns.running.reactions")
def react_to_events(sender: Any, batch: Batch, **kwargs: Any) -> None:
    reactions.react(batch)


@receiver(opted_out, dispatch_uid="campaigns.consent.suppressing.opted_out")
def keep_from_mail(sender: Any, addresses: Mapping[str, int | None], source: str, now: datetime, **kwargs: Any) -> None:
    """Who opted out where an import comes from is not mailed from here either."""
    block = suppressing.Block(Suppression.Scope.MARKETING, "opted out before the import", source)
    suppressing.suppress_all(addresses, block, now=now)
