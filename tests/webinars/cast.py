"""Webinars for tests, made as the product makes them."""

from datetime import timedelta

from leads.models import Event
from tests.factories import NOON, LeadFactory
from webinars import codes
from webinars.models import Registration, Speaker, Webinar
from webinars.registering import register

STARTS = NOON + timedelta(days=8, hours=3)
"""Tuesday, 10 March 2026, 15:00 UTC."""


def make_webinar(*, speakers=(), **columns):
    given = {
        "title": "Onboarding that sticks",
        "summary": "What the first week decides.",
        "state": "open",
        "starts_at": STARTS,
        "minutes": 45,
        "time_zone": "Europe/Berlin",
        "join_url": "https://meet.example.com/j/123",
    }
    webinar = codes.create(Webinar(**{**given, **columns}), now=NOON)
    for position, name in enumerate(speakers):
        Speaker.objects.create(webinar=webinar, name=name, position=position)
    return webinar


def come(webinar, lead=None, *, now=NOON, **given):
    """Somebody registers; their registration."""
    done = register(webinar.pk, (lead or LeadFactory()).pk, **{"source": "api", **given}, now=now)
    return Registration.objects.get(pk=done.registration_id)


def events(kind, **properties):
    found = Event.objects.filter(kind=kind, **{f"properties__{name}": value for name, value in properties.items()})
    return list(found.order_by("id"))


def states(webinar):
    return list(webinar.registrations.order_by("pk").values_list("state", flat=True))
