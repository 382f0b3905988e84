"""Somebody is erased: their places go, here and where the webinar is held, and the seats are for those who wait."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from leads.models import Lead
from leads.signals import lead_erased
from webinars import seats, syncing
from webinars.models import Registration


@receiver(lead_erased, dispatch_uid="webinars.erasing.forget")
def forget(sender: Any, lead: Lead, now: datetime, **kwargs: Any) -> None:
    """Inside the erasing; webinars are held in the order of their ids."""
    places = Registration.objects.filter(lead=lead).order_by("webinar")
    for webinar_id in list(places.values_list("webinar", flat=True)):
        webinar = seats.hold(webinar_id)
        syncing.let_go(list(places.filter(webinar=webinar).values_list("pk", flat=True)), now=now)
        places.filter(webinar=webinar).delete()
        seats.promote(webinar, now=now)
