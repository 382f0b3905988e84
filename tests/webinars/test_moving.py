"""A webinar gets another time, is called off, or has a recording: everybody in it is told, once."""

from datetime import timedelta

import pytest

from leads.models import Event
from tests.factories import NOON, LeadFactory
from tests.webinars.cast import STARTS, come, events, make_webinar
from webinars import attending, moving
from webinars.attending import Settled
from webinars.models import Registration, Webinar
from webinars.moving import ChangeError, Slot
from webinars.registering import cancel

pytestmark = pytest.mark.django_db
LATER = Slot(STARTS + timedelta(days=21), 60, "Europe/Berlin")


def test_moving_raises_the_sequence_and_tells_those_with_a_seat():
    webinar = make_webinar(capacity=2)
    seated, gone, _waits = come(webinar), come(webinar), come(webinar)
    cancel(gone.pk, now=NOON)
    assert moving.move(webinar.pk, LATER, now=NOON + timedelta(hours=1)) == 2
    webinar.refresh_from_db()
    assert (webinar.sequence, webinar.starts_at, webinar.minutes) == (1, LATER.starts_at, 60)
    told = events("webinar.moved")
    assert told[0].lead_id == seated.lead_id
    said = told[0].properties
    assert said["change"] == "WB001:1"
    assert said["starts_at"] == "2026-03-31T15:00:00Z"
    assert said["when"] == "Tuesday, 31 March 2026, 17:00–18:00 CEST"  # summer time began meanwhile
    assert said["before"] == "Tuesday, 10 March 2026, 16:00–16:45 CET"


def test_no_change_is_no_news():
    webinar = make_webinar()
    come(webinar)
    assert moving.move(webinar.pk, Slot(webinar.starts_at, 45, "Europe/Berlin"), now=NOON) == 0
    assert not events("webinar.moved")
    assert Webinar.objects.get().sequence == 0


def test_each_move_is_a_change_of_its_own():
    webinar = make_webinar()
    come(webinar)
    for days in (1, 2):
        moving.move(webinar.pk, Slot(STARTS + timedelta(days=days), 45, "Europe/Berlin"), now=NOON)
    assert [event.properties["change"] for event in events("webinar.moved")] == ["WB001:1", "WB001:2"]


def test_a_session_that_was_broken_off_and_moved_is_still_to_come():
    webinar = make_webinar(zoom_id="93300000008")
    come(webinar)
    attending.begin(webinar.pk, at=STARTS)
    attending.end(webinar.pk, at=STARTS + timedelta(minutes=5))
    moving.move(webinar.pk, LATER, now=STARTS + timedelta(minutes=6))
    assert attending.settle_due(now=STARTS + timedelta(hours=1)) == Settled()
    attending.end(webinar.pk, at=LATER.starts_at + timedelta(hours=1))
    assert attending.settle_due(now=LATER.starts_at + timedelta(hours=2)) == Settled(missed=1)


def test_calling_it_off_tells_also_those_who_wait():
    webinar = make_webinar(capacity=1)
    come(webinar), come(webinar)
    assert moving.cancel(webinar.pk, now=NOON) == 2
    assert [event.properties["had_seat"] for event in events("webinar.canceled")] == [True, False]
    assert moving.cancel(webinar.pk, now=NOON) == 0
    assert Webinar.objects.get().sequence == 1


def test_a_seat_given_back_in_a_canceled_webinar_goes_to_nobody():
    webinar = make_webinar(capacity=1)
    first, _second = come(webinar), come(webinar)
    moving.cancel(webinar.pk, now=NOON)
    cancel(first.pk, now=NOON)
    assert not events("webinar.registered", promoted=True)


def test_the_recording_is_told_once():
    webinar = make_webinar()
    come(webinar)
    with pytest.raises(ChangeError, match="has not taken place"):
        moving.publish(webinar.pk, "https://video.example/1", now=NOON)
    after = STARTS + timedelta(hours=2)
    assert moving.publish(webinar.pk, "https://video.example/1", now=after) == 1
    assert moving.publish(webinar.pk, "https://video.example/2", now=after) == 0
    [event] = events("webinar.recording_published")
    assert event.properties["recording_url"] == "https://video.example/1"
    assert Webinar.objects.get().recording_url == "https://video.example/2"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda pk: moving.move(pk, LATER, now=STARTS + timedelta(hours=2)), "it cannot be moved"),
        (lambda pk: moving.move(pk, Slot(NOON, 45, "UTC"), now=NOON + timedelta(hours=1)), "lies in the past"),
        (lambda pk: moving.cancel(pk, now=STARTS + timedelta(hours=2)), "it cannot be canceled"),
        (lambda pk: moving.publish(pk, "", now=STARTS + timedelta(hours=2)), "no recording"),
    ],
)
def test_what_cannot_be_done_says_why(change, why):
    with pytest.raises(ChangeError, match=why):
        change(make_webinar().pk)


def test_a_draft_is_opened_once_and_only_for_a_time_to_come():
    webinar = make_webinar(state="draft")
    assert moving.open_up(webinar.pk, now=NOON) is True
    assert moving.open_up(webinar.pk, now=NOON) is False
    with pytest.raises(ChangeError, match="lies in the past"):
        moving.open_up(make_webinar(state="draft").pk, now=STARTS + timedelta(days=1))


def test_thousands_are_told_in_a_few_statements(django_assert_max_num_queries):
    webinar = make_webinar(speakers=["Ada Park"])
    people = LeadFactory.create_batch(2) + LeadFactory.create_batch(1_198)
    Registration.objects.bulk_create(
        Registration(
            webinar=webinar, lead=lead, state="registered", uid=f"u{lead.pk}", source="import",
            registered_at=NOON, seated_at=NOON,
        )
        for lead in people
    )  # fmt: skip
    with django_assert_max_num_queries(14):
        assert moving.move(webinar.pk, LATER, now=NOON) == 1_200
    assert Event.objects.filter(kind="webinar.moved").count() == 1_200
