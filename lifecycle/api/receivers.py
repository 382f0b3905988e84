"""The doors listen to the spine here."""

from typing import Any

from django.dispatch import receiver

from leads.models import Lead
from leads.signals import lead_erased
from lifecycle.api.tracking import rejected


@receiver(lead_erased, dispatch_uid="api.erased")
def forget_person(sender: Any, lead: Lead, **kwargs: Any) -> None:
    rejected.forget_person(lead)
