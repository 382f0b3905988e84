"""People on their way to Zoom, for tests against the server of our own."""

from typing import Any

from leads import pipeline
from tests.factories import NOON, LeadFactory
from tests.webinars.attendees import webinar
from webinars import registering
from webinars.models import RegistrantSync, Registration, Webinar


def registered(**person: Any) -> Registration:
    """Somebody registers as people do, and the log is processed."""
    at = Webinar.objects.first() or webinar()
    lead = LeadFactory(**person) if person else LeadFactory(ada=True)
    made = registering.register(at.pk, lead.pk, source="page", now=NOON)
    pipeline.process_pending(now=NOON)
    return Registration.objects.get(pk=made.registration_id)


def canceled(registration: Registration, *, now=NOON) -> None:
    registering.cancel(registration.pk, now=now)
    pipeline.process_pending(now=now)


def sync(registration: Registration) -> tuple[str, str, str]:
    row = RegistrantSync.objects.get(registration=registration)
    return row.wants, row.state, row.detail


def due() -> None:
    """As if the pause were over."""
    RegistrantSync.objects.update(due_at=NOON)
