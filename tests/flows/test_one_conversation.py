"""Never two drips at once, and never more than five marketing mails in seven days."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import Message
from tests.cast import ADA, BEN, SAM, World, messages, run_of
from tests.factories import NOON
from tests.webinars.cast import make_webinar

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def test_the_sixth_marketing_mail_in_seven_days_waits_for_its_slot(world: World) -> None:
    ben = world.submit("contact", **BEN)
    world.run()
    world.tell(ben, "docs.downloaded")
    world.tell(ben, "checkout.abandoned")
    for hours in (0, 1, 24, 72):
        world.at(hours=hours)
    assert len(world.mails_to(ben)) == 5
    (deferred,) = Message.objects.filter(lead=ben, state="ready")
    assert deferred.reason.startswith("cap: 5 marketing mails in 7 days (cap 5); next slot 2026-03-09 12:00")
    assert deferred.due_at == NOON + timedelta(days=7)
    world.at(days=7, seconds=-1)
    assert len(world.mails_to(ben)) == 5
    world.at(days=7)
    deferred.refresh_from_db()
    assert (deferred.state, deferred.reason) == ("sent", "")
    for day in (8, 10, 14, 17, 21, 28):
        world.at(days=day)
        since = world.now - timedelta(days=7)
        assert Message.objects.filter(lead=ben, sent_at__gt=since, sent_at__lte=world.now).count() <= 5
    assert not Message.objects.filter(lead=ben, state="ready").exists()


def test_a_confirmation_does_not_wait_for_the_cap(world: World) -> None:
    ben = world.submit("contact", **BEN)
    world.run()
    world.tell(ben, "docs.downloaded")
    world.tell(ben, "checkout.abandoned")
    for hours in (0, 1, 24, 72):
        world.at(hours=hours)
    world.tell(ben, "purchase.completed")
    world.run()
    assert world.subjects(ben)[5:] == ["Thank you. Here is what to do first"]


@pytest.mark.parametrize(
    ("person", "track", "days", "first"),
    [(SAM, "cold-track", 2, "Start with the work nobody owns"), (ADA, "warm-track", 1, None)],
    ids=["cold", "warm"],
)
def test_who_comes_for_a_webinar_hears_of_that_first(
    world: World, person: dict[str, Any], track: str, days: int, first: str | None
) -> None:
    make_webinar(capacity=1)
    lead = world.submit("webinar", **person, webinar="WB001")
    late = world.submit("webinar", **{**person, "email": "late@example.org"}, webinar="WB001")
    world.run()
    assert run_of(lead, track).state == run_of(late, track).state == "active"
    assert world.subjects(lead) == ["You are in: Onboarding that sticks"]
    assert world.subjects(late) == ["On the waiting list: Onboarding that sticks"]
    world.at(days=days, minutes=-1)
    assert len(world.mails_to(lead)) == len(world.mails_to(late)) == 1
    world.at(days=days)
    assert len(world.mails_to(lead)) == len(world.mails_to(late)) == 2
    assert first in (None, world.subjects(lead)[1])


def test_the_hot_track_takes_over_from_the_warm_one(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.run()
    assert run_of(ada, "warm-track").state == "active"
    world.later(days=1)
    world.tell(ada, "demo.watched")
    world.run()
    warm = run_of(ada, "warm-track")
    assert (warm.state, warm.exit_reason) == ("ended", "replaced by hot-track")
    assert run_of(ada, "hot-track").state == "active"
    for day in (2, 4, 5, 8, 9, 12, 20):
        world.at(days=day)
    assert [step for step, _, _ in messages(ada, sequence__slug="warm-track")] == ["mail-1"]
    assert len(messages(ada, sequence__slug="hot-track")) == 3


def test_who_is_in_the_demo_nurture_enters_no_track_below_it(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    world.later(days=1)
    world.tell(ada, "demo.watched")
    assert ada.temperature == "hot"
    world.run()
    assert list(ada.enrollments.values_list("sequence__slug", flat=True)) == ["demo-nurture"]
    answer = world.program.post("/api/v1/sequences/hot-track/enrollments", {"email": ada.email}, format="json").json()
    assert answer["result"] == "refused"
    assert "demo-nurture" in answer["reason"]


def test_the_contact_form_takes_a_person_out_of_the_track_they_are_in(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.run()
    world.later(days=1)
    world.submit("contact", **ADA)
    assert run_of(ada, "warm-track").exit_reason == "replaced by demo-nurture"
    world.run()
    assert run_of(ada, "demo-nurture").state == "active"
