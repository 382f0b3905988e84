"""The inbox listens to the spine here."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from leads.models import Lead
from leads.signals import lead_erased
from lifecycle.integrations import keeping


@receiver(lead_erased, dispatch_uid="integrations.erased")
def forget_person(sender: Any, lead: Lead, now: datetime, **kwargs: Any) -> None:
    keeping.forget_person(lead, now=now)
