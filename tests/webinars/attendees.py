"""A webinar with people in it, for tests of who was there."""

from datetime import datetime, timedelta
from typing import Any

from leads.models import Event, Lead
from tests.factories import NOON, LeadFactory
from webinars import attending
from webinars.models import Registration, Webinar

STARTS = NOON + timedelta(days=7)
ENDS = STARTS + timedelta(hours=1)


def webinar(**changes: Any) -> Webinar:
    values = {"code": "WB001", "title": "Scoring", "state": "open", "starts_at": STARTS, "zoom_id": "93300000008"}
    return Webinar.objects.create(**{**values, "created_at": NOON, "updated_at": NOON, **changes})


def seat(at: Webinar, lead: Lead | None = None, **changes: Any) -> Registration:
    lead = lead or LeadFactory()
    values = {"state": "registered", "uid": f"{at.code}-{lead.pk}", "source": "page", "seated_at": NOON}
    return Registration.objects.create(webinar=at, lead=lead, **{**values, "registered_at": NOON, **changes})


def was_there(registration: Registration, minutes: float, *, since: datetime = STARTS) -> None:
    left = since + timedelta(minutes=minutes)
    key = f"{since.isoformat()}+{minutes}"
    attending.note([attending.Stay(registration.pk, key, "zoom", joined_at=since, left_at=left)])


def told(registration: Registration) -> list[tuple[str, int]]:
    """What the log was told of somebody's attendance: (kind, minutes)."""
    kinds = ("webinar.attended", "webinar.missed")
    events = Event.objects.filter(lead=registration.lead_id, kind__in=kinds).order_by("pk")
    return [(event.kind, event.properties["minutes"]) for event in events]
