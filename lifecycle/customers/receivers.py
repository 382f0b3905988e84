"""Customers listen to the spine here."""

from typing import Any

from django.dispatch import receiver

from leads.batch import Batch
from leads.signals import events_projected
from lifecycle.customers import keeping, leaving, tagging


@receiver(events_projected, dispatch_uid="customers.keeping")
def keep_standing(sender: Any, batch: Batch, **kwargs: Any) -> None:
    keeping.keep(batch)


@receiver(events_projected, dispatch_uid="customers.leaving")
def keep_reasons(sender: Any, batch: Batch, **kwargs: Any) -> None:
    leaving.keep(batch)


@receiver(events_projected, dispatch_uid="customers.tagging")
def tag_by_purchases(sender: Any, batch: Batch, **kwargs: Any) -> None:
    tagging.tag(batch)
