"""Webinars listen to the spine here."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from leads.entering import Said
from leads.signals import form_entered
from webinars import taking


@receiver(form_entered, dispatch_uid="webinars.receivers.seat")
def seat(sender: Any, lead_id: int, said: Said, now: datetime, **kwargs: Any) -> None:
    taking.take(lead_id, said, now=now)
