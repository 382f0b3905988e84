"""Two leads of one person become one: one place at each webinar, and one history in order."""

from datetime import timedelta

import pytest

from leads.identity.merging import merge, preview, undo
from leads.models import Lead
from leads.pipeline import drain
from tests.factories import NOON, LeadFactory
from tests.webinars.cast import come, make_webinar
from webinars.models import Presence, Registration
from webinars.registering import cancel

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)


def test_history_is_told_in_the_order_of_registration_and_parted_again():
    first, second, third = (make_webinar() for _ in range(3))
    kept, other = LeadFactory(), LeadFactory()
    come(third, other, now=NOON)
    come(first, kept, now=NOON + timedelta(minutes=1))
    come(second, other, now=NOON + timedelta(minutes=2))
    drain(now=LATER)
    made = merge(Lead.objects.get(pk=kept.pk), Lead.objects.get(pk=other.pk), now=LATER)
    assert Lead.objects.get(pk=kept.pk).webinars == "WB003, WB001, WB002"
    undo(made, now=LATER)
    assert Lead.objects.get(pk=kept.pk).webinars == "WB001"
    assert Lead.objects.get(pk=other.pk).webinars == "WB003, WB002"


@pytest.mark.parametrize("kept_canceled", [True, False])
def test_of_two_places_the_better_one_stays_and_the_seat_goes_on(kept_canceled):
    webinar = make_webinar(capacity=2)
    kept, other = LeadFactory(), LeadFactory()
    mine, theirs, waits = come(webinar, kept), come(webinar, other), come(webinar)
    cancel((mine if kept_canceled else theirs).pk, now=NOON + timedelta(minutes=1))
    Presence.objects.create(registration=mine, key="a", source="zoom", joined_at=NOON)
    Presence.objects.create(registration=theirs, key="a", source="zoom", joined_at=NOON)
    Presence.objects.create(registration=theirs, key="b", source="zoom", joined_at=NOON)
    assert "1 webinar has both" in " ".join(preview(kept, other).notes)
    merge(kept, other, now=LATER)
    left = Registration.objects.get(lead=kept)
    assert (left.pk, left.state) == ((theirs if kept_canceled else mine).pk, "registered")
    assert sorted(left.presences.values_list("key", flat=True)) == ["a", "b"]
    waits.refresh_from_db()
    assert waits.state == "registered"


def test_two_seats_become_one_and_the_other_is_given_on():
    webinar = make_webinar(capacity=2)
    kept, other = LeadFactory(), LeadFactory()
    come(webinar, kept), come(webinar, other)
    waits = come(webinar)
    merge(kept, other, now=LATER)
    waits.refresh_from_db()
    assert (waits.state, Registration.objects.filter(state="registered").count()) == ("registered", 2)


def test_of_two_places_in_the_queue_the_one_in_front_stays():
    webinar = make_webinar(capacity=1)
    kept, other = LeadFactory(), LeadFactory()
    come(webinar), come(webinar, other)
    between = come(webinar, now=NOON + timedelta(minutes=1))
    come(webinar, kept, now=NOON + timedelta(minutes=2))
    merge(kept, other, now=LATER)
    waiting = webinar.registrations.filter(state="waiting").order_by("registered_at")
    assert list(waiting.values_list("lead", flat=True)) == [kept.pk, between.lead_id]
