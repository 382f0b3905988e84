"""A demo is booked at Calendly: what the lead, the rep and the nurture make of it."""

from datetime import timedelta

import pytest

from leads.models import Conversion, Lead, Touch
from lifecycle.sales.models import Meeting
from tests.cast import ADA, World, links, run_of

pytestmark = pytest.mark.usefixtures("playbooks")


def test_from_the_contact_form_to_a_booked_demo(world: World) -> None:
    ada = world.submit("contact", **ADA, utm_source="google", utm_medium="cpc")
    world.at(minutes=1)
    first = ada.original_touch_id
    world.at(days=7)
    assert len(world.mails_to(ada)) == 2
    world.later(hours=1)
    answers = {"What would you like to see?": "Imports"}
    world.book(ada.email, utm={"source": "Newsletter", "medium": "email", "campaign": "june"}, answers=answers)

    ada.refresh_from_db()
    assert (ada.demo_booked, ada.demo_status, ada.demo_event_name) == (True, "scheduled", "Product demo")
    assert ada.demo_at == world.now + timedelta(days=3)
    assert ada.stage == "sql"
    assert run_of(ada, "demo-nurture").exit_reason == "goal: meeting.booked"
    assert (ada.original_touch_id, ada.form_source) == (first, "contact")
    touch = Touch.objects.filter(lead=ada).latest("pk")
    assert (touch.kind, touch.source, touch.medium, touch.campaign) == ("booking", "newsletter", "email", "june")
    assert ada.latest_touch_id == touch.pk
    assert Conversion.objects.filter(lead=ada, kind="booking").count() == 1
    assert Meeting.objects.get().answers == [{"question": "What would you like to see?", "answer": "Imports"}]

    world.run()
    confirmation = world.mails_to(ada)[-1]
    assert confirmation.subject == "See you on Thursday, 12 March 2026 at 14:00 (Europe/Berlin)"
    assert "https://zoom.example/j/77" in links(confirmation)
    for days in (14, 21, 28):
        world.at(days=days)
    assert len(world.mails_to(ada)) == 3


def sent_by(world: World, lead: Lead, sequence: str) -> int:
    return lead.messages.filter(sequence__slug=sequence, state="sent").count()


def test_a_canceled_demo_lets_the_nurture_go_on_where_it_stopped(world: World) -> None:
    """Booked on day 9, two days after the second mail; canceled three days later: the third comes five days after."""
    ada = world.submit("contact", **ADA)
    for days in (0.01, 7.01, 9):
        world.at(days=days)
    booked = world.book(ada.email, days=6)
    world.at(days=12)
    assert run_of(ada, "demo-nurture").state == "ended"
    world.cancel(booked, "A conflict")
    resumed = run_of(ada, "demo-nurture")
    assert (resumed.state, resumed.step_key) == ("active", "wait-2")
    assert resumed.context["event"]["form"] == "contact"
    world.later(minutes=1)
    world.run()
    world.at(days=16.9)
    assert sent_by(world, ada, "demo-nurture") == 2
    world.at(days=17.1)
    assert sent_by(world, ada, "demo-nurture") == 3
    assert "Your meeting is canceled, and nothing is lost" in world.subjects(ada)
    for days in range(18, 95, 7):
        world.at(days=days)
    steps = list(ada.messages.filter(sequence__slug="demo-nurture", state="sent").values_list("step_key", flat=True))
    assert sorted(steps) == sorted(set(steps))
    assert len(steps) == 7


def test_a_moved_demo_keeps_the_nurture_away(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.at(days=2)
    booked = world.book(ada.email, days=3)
    world.at(days=3)
    world.rebook(booked, days=20)
    for days in range(4, 22, 3):
        world.at(days=days)
    assert ada.enrollments.filter(sequence__slug="demo-nurture").count() == 1
    assert sent_by(world, ada, "demo-nurture") == 1
    assert sent_by(world, ada, "demo-canceled") == 0
    assert sent_by(world, ada, "demo-confirmation") == 2


def test_somebody_who_did_not_come_gets_a_way_back(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    world.at(days=1)
    booked = world.book(ada.email, days=2)
    world.at(days=3, minutes=30)
    world.calendly(booked.missed(world.now))
    world.at(days=3, minutes=40)
    assert sent_by(world, ada, "demo-no-show") == 0
    world.at(days=3, hours=2)
    assert "Sorry we missed you" in world.subjects(ada)
    world.book(ada.email, days=4)  # before the second mail
    world.at(days=6, hours=4)
    assert sent_by(world, ada, "demo-no-show") == 1
    assert run_of(ada, "demo-no-show").exit_reason == "goal: meeting.booked"


def test_a_customers_meeting_is_confirmed_and_nothing_more(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.at(minutes=1)
    world.tell(ada, "purchase.completed", order_id="A-1", amount=99, currency="EUR")
    world.at(minutes=3)
    booked = world.book(ada.email, event_name="Check-in")
    world.at(hours=1)
    ada.refresh_from_db()
    assert ada.stage == "customer"
    assert sent_by(world, ada, "demo-confirmation") == 1
    world.cancel(booked)
    world.at(days=9)
    assert not ada.enrollments.filter(sequence__slug="demo-nurture", state="active").exists()
    assert sent_by(world, ada, "demo-nurture") == 1
