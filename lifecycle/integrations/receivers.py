"""The inbox listens to the spine here."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from campaigns.signals import report_refused
from leads.models import Lead
from leads.signals import lead_erased
from lifecycle.integrations import keeping, refusals


@receiver(lead_erased, dispatch_uid="integrations.erased")
def forget_person(sender: Any, lead: Lead, now: datetime, **kwargs: Any) -> None:
    keeping.forget_person(lead, now=now)


@receiver(report_refused, dispatch_uid="integrations.report_refused")
def count_report(sender: Any, provider: str, code: str, now: datetime, **kwargs: Any) -> None:
    refusals.count(f"{refusals.MAIL}:{provider}", code, now=now)
