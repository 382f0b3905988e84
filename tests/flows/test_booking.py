"""A demo is booked at Calendly: what the lead, the rep and the nurture make of it."""

from datetime import timedelta

import pytest

from leads.models import Conversion, Touch
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
