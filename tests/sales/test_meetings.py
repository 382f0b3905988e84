"""Meetings by people's hands: agreed on the phone, called off, held; in the admin, the console and over the API."""

from datetime import timedelta

import pytest
from django.urls import reverse

from leads.models import Event
from lifecycle.api import keys
from lifecycle.core import clock
from lifecycle.sales import agreeing
from lifecycle.sales.bookings import Booking
from lifecycle.sales.models import Meeting, Task
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db


def agreed(lead=None, *, days=2.0, **more):
    lead = lead or LeadFactory.create(ada=True)
    starts_at = clock.now() + timedelta(days=days)
    booking = Booking("", "", "Demo", starts_at, starts_at + timedelta(minutes=30), location="Room 5", **more)
    return agreeing.agree(lead.pk, booking, now=clock.now())


def told(lead):
    return list(
        Event.objects.filter(lead=lead, kind__startswith="meeting.").order_by("pk").values_list("kind", flat=True)
    )


def test_what_was_agreed_on_the_phone_is_a_booking():
    meeting = agreed()
    lead = meeting.lead
    lead.refresh_from_db()
    assert (meeting.provider, lead.demo_booked, lead.demo_at) == ("manual", True, meeting.starts_at)
    assert told(lead) == ["meeting.booked"]
    assert Task.objects.get().due_at == meeting.starts_at - timedelta(hours=2)


def test_people_may_change_their_mind():
    meeting = agreed(days=-1)
    for verdict, state in [("held", "held"), ("no_show", "no_show"), ("held", "held")]:
        assert agreeing.say(Meeting.objects.get(), verdict, by="mia", now=clock.now())
        assert Meeting.objects.get().state == state
    assert not agreeing.say(Meeting.objects.get(), "held", by="mia", now=clock.now())
    assert told(meeting.lead) == ["meeting.booked", "meeting.held", "meeting.no_show", "meeting.held"]


def test_what_is_off_stays_off():
    meeting = agreed()
    assert agreeing.say(meeting, "canceled", by="mia", now=clock.now())
    meeting.refresh_from_db()
    assert (meeting.state, meeting.canceled_by) == ("canceled", "mia")
    assert not agreeing.say(meeting, "held", by="mia", now=clock.now())


def test_a_rep_adds_and_moves_one_in_the_admin():
    lead, client = LeadFactory.create(ada=True), staff.colleague("sales")
    url = reverse("admin:sales_meeting_add")
    day = (clock.now() + timedelta(days=3)).date().isoformat()
    given = {"lead": lead.pk, "event_name": "Demo", "starts_at_0": day, "starts_at_1": "10:00", "minutes": 45}
    given |= {"time_zone": "Europe/Berlin", "location": "Room 5", "host_email": "", "replaces": ""}
    assert "No such time zone" in client.post(url, given | {"time_zone": "Mars"}).content.decode()
    assert client.post(url, given).status_code == 302
    first = Meeting.objects.get()
    assert first.ends_at - first.starts_at == timedelta(minutes=45)
    assert client.post(url, given | {"starts_at_1": "15:00", "replaces": first.pk}).status_code == 302
    assert told(lead) == ["meeting.booked", "meeting.rescheduled"]
    assert list(Meeting.objects.order_by("pk").values_list("state", flat=True)) == ["moved", "scheduled"]
    again = client.post(url, given | {"replaces": first.pk}).content.decode()
    assert "That meeting is moved, not to be moved." in again
    page = client.get(reverse("admin:sales_meeting_change", args=[Meeting.objects.latest("pk").pk])).content.decode()
    assert "Room 5" in page


def test_its_time_is_by_the_clock_of_the_zone_beside_it():
    lead, client = LeadFactory.create(ada=True), staff.colleague("sales")
    url = reverse("admin:sales_meeting_add")
    given = {"lead": lead.pk, "event_name": "Demo", "starts_at_0": "2027-03-28", "starts_at_1": "16:00", "minutes": 30}
    given |= {"time_zone": "Europe/Berlin", "location": "", "host_email": "", "replaces": ""}
    assert "the clocks are put forward" in client.post(url, given | {"starts_at_1": "02:30"}).content.decode()
    assert client.post(url, given).status_code == 302
    meeting = Meeting.objects.get()
    assert meeting.starts_at.isoformat() == "2027-03-28T14:00:00+00:00"
    page = client.get(reverse("admin:sales_meeting_change", args=[meeting.pk])).content.decode()
    assert "28 March 2027 at 16:00 (Europe/Berlin)" in page
    assert "14:00 UTC" in page
    assert client.post(url, given | {"time_zone": "", "starts_at_1": "18:00"}).status_code == 302
    assert Meeting.objects.latest("pk").starts_at.isoformat() == "2027-03-28T18:00:00+00:00"


def test_the_list_is_filtered_and_says_what_became_of_meetings():
    coming, over = agreed(), agreed(LeadFactory.create(), days=-2)
    client, url = staff.colleague("sales"), reverse("admin:sales_meeting_changelist")
    for which, shown in (("coming", coming), ("over", over), ("week", coming)):
        page = client.get(url, {"when": which}).content.decode()
        assert reverse("admin:sales_meeting_change", args=[shown.pk]) in page
    client.post(url, {"action": "no_show", "_selected_action": [over.pk]})
    over.refresh_from_db()
    assert over.state == "no_show"


def test_the_console_shows_what_comes_and_takes_a_word():
    meeting = agreed()
    client = staff.colleague("sales")
    page = client.get(reverse("console:meetings")).content.decode()
    assert "Room 5" in page
    assert "Canceled" in page
    assert "Took place" not in page  # it has not begun
    assert "Room 5" not in client.get(reverse("console:meetings"), {"whose": "mine"}).content.decode()
    assert "Meetings" in client.get(reverse("console:lead", args=[meeting.lead_id])).content.decode()
    url = reverse("console:meeting", args=[meeting.pk])
    assert client.post(url, {"verdict": "nonsense"}).status_code == 302
    client.post(url, {"verdict": "held"})
    meeting.refresh_from_db()
    assert meeting.state == "held"
    assert client.get(url).status_code == 405


def test_without_meetings_the_console_says_so():
    page = staff.colleague("sales").get(reverse("console:meetings")).content.decode()
    assert "No meetings to come" in page


def test_the_api_tells_of_them():
    meeting = agreed()
    _, key = keys.issue(name="The shop", scopes=["leads:read"], now=NOON)
    client = staff.Client(headers={"authorization": f"Bearer {key}"})
    (row,) = client.get(f"/api/v1/leads/{meeting.lead_id}/meetings").json()["results"]
    assert (row["state"], row["location"], row["moved_to"]) == ("scheduled", "Room 5", None)
