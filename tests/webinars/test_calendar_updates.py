"""What was downloaded and what mails bring are one entry: a calendar that keeps to RFC 5546 follows every change."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from icalendar import Calendar, Event

from campaigns.sending.attachments import Wanted
from lifecycle.core import tokens
from tests.factories import NOON, LeadFactory
from tests.webinars.cast import STARTS, come, make_webinar
from webinars import invites, moving, registering
from webinars.models import Registration
from webinars.moving import Slot

pytestmark = pytest.mark.django_db


class Guest:
    """A guest's calendar: entries by UID; of two, the one of the higher SEQUENCE, then the later DTSTAMP (2.1.5)."""

    def __init__(self) -> None:
        self.entries: dict[str, Event] = {}
        self.refused: list[str] = []

    def take(self, content: bytes) -> str:
        """Its METHOD. What is older changes nothing, and only who organizes the entry may change it (2.1.3)."""
        calendar = Calendar.from_ical(content)
        method, [event] = str(calendar["METHOD"]), calendar.walk("VEVENT")
        known = self.entries.get(event["UID"])
        if known is not None and (known["ORGANIZER"] != event["ORGANIZER"] or age(event) < age(known)):
            self.refused.append(method)
        else:
            self.entries[event["UID"]] = event
        return method

    @property
    def shown(self) -> list[datetime]:
        there = [entry for entry in self.entries.values() if entry["STATUS"] != "CANCELLED"]
        return [entry.decoded("DTSTART") for entry in there]


def age(event: Event) -> tuple[int, datetime]:
    return event["SEQUENCE"], event.decoded("DTSTAMP")


def mailed(registration: Registration, *, now: datetime) -> bytes:
    wanted = Wanted(message_id=1, lead_id=registration.lead_id, event={"webinar": registration.webinar.code})
    [attachment] = invites.mailed([wanted], now)
    assert attachment is not None
    return attachment.content


def downloaded(registration: Registration, *, is_personal: bool, now: datetime) -> bytes:
    held = Registration.objects.select_related("webinar", "lead").get(pk=registration.pk)
    return invites.downloaded(held, is_personal=is_personal, now=now).content


@pytest.mark.parametrize("is_personal", [True, False], ids=["from the mail", "from the page"])
@pytest.mark.parametrize("mail_first", [True, False], ids=["mail first", "file first"])
def test_a_file_and_a_mail_are_one_entry_and_follow_each_change(is_personal: bool, mail_first: bool) -> None:
    webinar = make_webinar()
    registration, guest = come(webinar, LeadFactory(ada=True)), Guest()
    both = [
        ("REQUEST", mailed(registration, now=NOON)),
        ("PUBLISH", downloaded(registration, is_personal=is_personal, now=NOON)),
    ]
    for method, content in both if mail_first else reversed(both):
        assert guest.take(content) == method
    assert guest.shown == [STARTS]

    moved, later = STARTS + timedelta(days=1), NOON + timedelta(hours=1)
    moving.move(webinar.pk, Slot(moved, 45, "Europe/Berlin"), now=later)
    assert guest.take(mailed(registration, now=later)) == "REQUEST"
    assert guest.shown == [moved]
    guest.take(both[1][1])  # the old file once more
    assert (guest.shown, guest.refused) == ([moved], ["PUBLISH"])

    registering.cancel(registration.pk, now=later)
    assert guest.take(mailed(registration, now=later)) == "CANCEL"
    assert guest.shown == []
    guest.take(both[0][1])
    assert guest.shown == []

    come(webinar, registration.lead, now=later)
    assert guest.take(mailed(registration, now=later)) == "REQUEST"
    assert guest.shown == [moved]
    moving.cancel(webinar.pk, now=later + timedelta(hours=1))
    assert guest.take(downloaded(registration, is_personal=is_personal, now=later)) == "CANCEL"
    assert (guest.shown, len(guest.entries)) == ([], 1)


def test_a_published_file_names_nobody_but_who_organizes_it(client: Client) -> None:
    registration = come(make_webinar(), LeadFactory(ada=True))
    token = tokens.registration_token(registration.pk, is_personal=False)
    [event] = Calendar.from_ical(client.get(f"/webinars/r/{token}/calendar.ics").content).walk("VEVENT")
    assert "ATTENDEE" not in event
    assert event["UID"] == registration.uid
    assert event["ORGANIZER"] == Calendar.from_ical(mailed(registration, now=NOON)).walk("VEVENT")[0]["ORGANIZER"]
