"""Calendly through its door: what each call does, and that calls which mean nothing do nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import ProgrammingError, connection, transaction

from leads.models import Conversion, Event, Lead, Touch
from lifecycle.integrations.calendly import reading
from lifecycle.integrations.models import InboxEvent
from lifecycle.sales import meetings
from lifecycle.sales.models import Meeting, Task
from tests import calendly
from tests.calendly import Invitee
from tests.cast import ADA, World, kinds, run_of

pytestmark = pytest.mark.usefixtures("playbooks")


def states() -> list[str]:
    return list(Meeting.objects.order_by("booked_at", "pk").values_list("state", flat=True))


def inbox() -> list[tuple[str, str]]:
    return list(InboxEvent.objects.order_by("pk").values_list("state", "outcome"))


def test_somebody_unknown_becomes_a_lead(world: World) -> None:
    world.book("Jo.Doe@Example.com", name="Johanna van der Doe", utm={"source": "LinkedIn", "medium": "social"})
    jo = Lead.objects.get()
    assert (jo.email, jo.first_name, jo.last_name, jo.timezone) == (
        "Jo.Doe@Example.com",
        "Johanna van der",
        "Doe",
        "Europe/Berlin",
    )
    assert (jo.form_source, jo.stage, jo.demo_booked) == ("", "sql", True)
    assert (jo.original_touch.source, jo.original_touch.kind) == ("linkedin", "booking")
    assert not jo.consents.exists()


def test_a_name_may_be_missing(world: World) -> None:
    world.book("jo@example.com", name=None)
    assert Lead.objects.get().first_name == ""
    assert states() == ["scheduled"]


def test_what_is_known_stays(world: World) -> None:
    """Attribution, first form, names and owner of a known person are theirs; a booking adds a touch and a line."""
    owner = User.objects.create_user("mia")
    ada = world.submit("contact", **ADA, utm_source="google", utm_medium="cpc")
    Lead.objects.filter(pk=ada.pk).update(owner=owner, first_owner=owner)
    first = ada.original_touch_id
    world.later(minutes=1)
    world.book(ada.email, name="Somebody Else", utm={"source": "bing"})
    ada.refresh_from_db()
    assert (ada.first_name, ada.last_name, ada.owner, ada.form_source) == ("Ada", "Ash", owner, "contact")
    assert ada.original_touch_id == first
    assert [touch.source for touch in Touch.objects.filter(lead=ada).order_by("pk")] == ["google", "bing"]
    assert "meeting.booked" in kinds(ada)
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE leads_lead SET original_touch_id = latest_touch_id WHERE id = %s", [ada.pk])


def test_old_captures_have_no_scheduled_event(world: World) -> None:
    invitee = Invitee("jo@example.com", world.now, world.now)
    call = invitee.created()
    del call["payload"]["scheduled_event"]
    world.calendly(call)
    jo, meeting = Lead.objects.get(), Meeting.objects.get()
    assert (jo.demo_booked, jo.demo_at, jo.demo_status) == (True, None, "scheduled")
    assert (meeting.starts_at, meeting.event_name) == (None, "")
    world.later(minutes=1)
    world.run()
    assert world.subjects(jo) == ["Your meeting with us is booked"]
    world.calendly(invitee.created() | {"created_at": calendly.written(world.now), "payload": later(invitee, world)})
    meeting.refresh_from_db()
    assert meeting.event_name == "Product demo"  # what was missing comes in, and nothing is told twice
    assert kinds(jo).count("meeting.booked") == 1


def later(invitee: Invitee, world: World) -> dict[str, Any]:
    return invitee.payload(world.now)


def test_a_copy_changes_nothing(world: World) -> None:
    invitee = world.book("ada@acme.com")
    for _ in range(3):
        world.calendly(invitee.created())
    assert states() == ["scheduled"]
    assert InboxEvent.objects.get().copies == 4
    assert Touch.objects.count() == 1


def test_a_move_is_one_move(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.later(minutes=1)
    first = world.book(ada.email)
    world.later(hours=1)
    world.run()
    world.rebook(first, days=6)
    world.later(seconds=1)
    world.run()
    ada.refresh_from_db()
    assert states() == ["moved", "scheduled"]
    assert (ada.demo_status, ada.demo_at) == ("scheduled", Meeting.objects.latest("pk").starts_at)
    told = [kind for kind in kinds(ada) if kind.startswith("meeting.")]
    assert told == ["meeting.booked", "meeting.rescheduled"]
    ids = {event.properties["booking_id"] for event in Event.objects.filter(kind__startswith="meeting.")}
    assert ids == {first.uri}
    assert run_of(ada, "demo-nurture").exit_reason == "goal: meeting.booked"
    assert [subject.startswith("See you on") for subject in world.subjects(ada)].count(True) == 2
    assert Task.objects.get().due_at == ada.demo_at - timedelta(hours=2)


def test_a_cancellation_is_told_with_its_reason(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    world.later(minutes=1)
    booked = world.book(ada.email)
    world.later(hours=1)
    world.cancel(booked, "A conflict")
    ada.refresh_from_db()
    meeting = Meeting.objects.get()
    assert (ada.demo_booked, ada.demo_status) == (False, "canceled")
    assert (meeting.state, meeting.cancel_reason, meeting.canceled_by) == ("canceled", "A conflict", "Ada Ash")
    assert Event.objects.get(kind="meeting.canceled").properties["reason"] == "A conflict"
    assert Task.objects.get().title == "Call back Ada Ash: Product demo was canceled, “A conflict”"


def test_a_cancellation_without_its_booking_is_taken_at_its_word_in_the_end(world: World) -> None:
    invitee = Invitee("jo@example.com", world.now + timedelta(days=2), world.now)
    world.calendly(invitee.canceled(world.now, "Never mind"))
    assert inbox() == [("parked", "Its booking is not known yet.")]
    assert not Meeting.objects.exists()
    for minutes in (1, 11, 12, 30):
        world.at(minutes=minutes)
    assert states() == ["canceled"]
    jo = Lead.objects.get()
    assert (jo.demo_booked, jo.demo_status) == (False, "canceled")
    world.calendly(invitee.created())
    assert states() == ["canceled"]
    assert "meeting.booked" not in kinds(jo)


def test_a_no_show_and_one_that_was_none(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    world.later(minutes=1)
    booked = world.book(ada.email, days=1)
    world.later(days=1, minutes=20)
    world.calendly(booked.missed(world.now))
    ada.refresh_from_db()
    assert (states(), ada.demo_status) == (["no_show"], "no_show")
    assert Task.objects.get().title == "Follow up with Ada Ash, who did not come to Product demo"
    world.later(minutes=5)
    world.calendly(booked.came_after_all(world.now), booked.missed(world.now))
    ada.refresh_from_db()
    assert (states(), ada.demo_status) == (["held"], "held")
    assert not Task.objects.exists()
    world.later(hours=2)
    world.run()
    assert "Sorry we missed you" not in world.subjects(ada)


def test_a_no_show_taken_back_before_it_came(world: World) -> None:
    booked = world.book("ada@acme.com", days=1)
    world.later(days=1, minutes=20)
    world.calendly(booked.came_after_all(world.now))
    assert inbox()[-1][0] == "parked"
    world.calendly(booked.missed(world.now))
    assert states() == ["held"]


def test_what_ended_an_hour_ago_took_place(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    world.later(minutes=1)
    world.book(ada.email, days=1)
    world.later(days=1, hours=1, minutes=29)
    assert meetings.sweep(now=world.now) == 0
    world.later(minutes=1)
    assert meetings.sweep(now=world.now) == 1
    assert meetings.sweep(now=world.now) == 0
    world.run()
    ada.refresh_from_db()
    assert (ada.demo_status, kinds(ada).count("meeting.held")) == ("held", 1)


def test_two_meetings_of_one_person(world: World) -> None:
    """The demo fields say what the newest active meeting says, whatever happens to the others."""
    ada = world.submit("demo-request", **ADA)
    world.later(minutes=1)
    first = world.book(ada.email, days=2, event_name="Product demo")
    world.later(minutes=1)
    second = world.book(ada.email, days=9, event_name="Security review")
    ada.refresh_from_db()
    assert ada.demo_event_name == "Security review"
    world.later(minutes=1)
    world.cancel(second)
    ada.refresh_from_db()
    assert (ada.demo_booked, ada.demo_event_name, ada.demo_at) == (True, "Product demo", first.starts_at)
    world.run()
    assert "Your meeting is canceled, and nothing is lost" not in world.subjects(ada)  # there is another one


def test_a_move_by_another_address_stays_with_the_person(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    first = world.book(ada.email)
    moved, calls = first.moved(world.now + timedelta(days=4), world.now)
    moved.email = "ada.private@example.org"
    world.calendly(calls[0], moved.created())
    assert Lead.objects.count() == 1
    assert states() == ["moved", "scheduled"]


def test_a_routing_form_makes_a_lead_if_it_asks_for_the_address(world: World) -> None:
    payload = {
        "uri": "https://api.calendly.com/routing_form_submissions/1",
        "questions_and_answers": [
            {"question": "Your email?", "answer": "Kim@example.com"},
            {"question": "How many are you?", "answer": "12"},
        ],
        "tracking": {"utm_source": "podcast"},
    }
    call = {"event": "routing_form_submission.created", "created_at": calendly.written(world.now), "payload": payload}
    world.calendly(call)
    kim = Lead.objects.get()
    assert (kim.email, kim.original_touch.source) == ("Kim@example.com", "podcast")
    unasked = {**payload, "uri": "…/2", "questions_and_answers": []}
    world.calendly({**call, "payload": unasked})
    assert inbox()[-1] == ("ignored", "ignored: the form did not ask for a mail address")


@pytest.mark.parametrize("email", ["", "nobody", None])
def test_an_invitee_without_an_address_is_kept_and_ignored(world: World, email: Any) -> None:
    world.calendly(Invitee(email, world.now, world.now).created())
    assert inbox() == [("ignored", "ignored: the invitee has no mail address that can be used")]
    assert not Lead.objects.exists()


def test_what_lets_others_act_on_a_booking_is_nowhere(world: World) -> None:
    booked = world.book("ada@acme.com", answers={"Anything?": "No"})
    world.later(minutes=1)
    world.rebook(booked)
    world.run()
    stored = json.dumps([*Event.objects.values_list("properties", flat=True)]) + json.dumps(
        [*Meeting.objects.values()], default=str
    )
    assert "calendly.com/cancellations" not in stored
    assert "calendly.com/reschedulings" not in stored


def test_each_event_has_a_name_of_its_own() -> None:
    at = calendly.datetime(2026, 3, 9, 12, tzinfo=calendly.UTC)
    invitee = Invitee("ada@acme.com", at, at)
    calls = [invitee.created(), invitee.canceled(at), invitee.missed(at), invitee.came_after_all(at)]
    keys = [reading.envelope(call).key for call in calls]
    assert len(set(keys)) == 4
    assert max(map(len, keys)) <= 200
    again = invitee.created() | {"payload": invitee.payload(at + timedelta(hours=1))}
    assert reading.envelope(again).key != keys[0]


CANCELED_MAIL = "Your meeting is canceled, and nothing is lost"


def given_up(world: World) -> tuple[Lead, Invitee, Invitee, dict[str, Any]]:
    """Ada is in the nurture and books; Calendly tells that she moved it, and not yet to when (that call comes back)."""
    ada = world.submit("contact", **ADA)
    world.at(minutes=1)
    world.later(minutes=1)
    booked = world.book(ada.email, days=3)
    world.later(minutes=5)
    moved, (off, on) = booked.moved(world.now + timedelta(days=6), world.now)
    world.calendly(off)
    return ada, booked, moved, on


def test_a_new_time_that_never_comes_is_a_cancellation_after_an_hour(world: World) -> None:
    ada, _, _, _ = given_up(world)
    assert states() == ["scheduled"]
    assert inbox()[-1][1].endswith(" waits for its new time until 2026-03-02 13:07 UTC, then it is canceled")
    world.at(minutes=66)
    assert (states(), run_of(ada, "demo-nurture").state) == (["scheduled"], "ended")
    world.at(minutes=68)
    world.at(minutes=69)
    ada.refresh_from_db()
    assert (states(), ada.demo_booked, ada.demo_status) == (["canceled"], False, "canceled")
    assert Task.objects.get().title.startswith("Call back Ada Ash")
    assert (run_of(ada, "demo-nurture").state, run_of(ada, "demo-nurture").step_key) == ("active", "wait-1")
    assert world.subjects(ada)[-1] == CANCELED_MAIL


def test_a_new_time_that_comes_late_after_all_is_a_booking_again(world: World) -> None:
    """One meeting, one conversion; the nurture stops again before the answer, and nobody is called back."""
    ada, booked, moved, on = given_up(world)
    world.at(minutes=69)
    world.at(hours=5)
    world.calendly(on)
    ada.refresh_from_db()
    assert (states(), ada.demo_status, ada.demo_at) == (["moved", "scheduled"], "scheduled", moved.starts_at)
    assert Meeting.objects.get(reference=moved.uri).replaces.reference == booked.uri  # type: ignore[union-attr]
    assert run_of(ada, "demo-nurture").exit_reason == "goal: meeting.booked"
    assert Conversion.objects.filter(kind="booking").count() == 1
    assert Task.objects.get().title == "Prepare Product demo with Ada Ash"
    world.later(minutes=1)
    world.run()
    assert world.subjects(ada)[-1].startswith("See you on Sunday, 8 March")


def test_two_moves_of_which_the_middle_is_never_told(world: World) -> None:
    """Both of its neighbours name it, so the chain is whole without its own calls."""
    ada, _, second, _ = given_up(world)
    world.later(seconds=2)
    third, (_, on) = second.moved(world.now + timedelta(days=8), world.now)
    world.calendly(on)
    ada.refresh_from_db()
    assert (sorted(states()), ada.demo_at) == (["moved", "moved", "scheduled"], third.starts_at)
    assert [event.kind for event in Event.objects.filter(kind__startswith="meeting.").order_by("pk")] == [
        "meeting.booked",
        "meeting.rescheduled",
    ]
    world.at(hours=3)
    assert sorted(states()) == ["moved", "moved", "scheduled"]
    assert Conversion.objects.filter(kind="booking").count() == 1


def test_a_booking_that_might_belong_to_a_chain_counts_by_itself_after_ten_minutes(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    world.later(minutes=1)
    world.book(ada.email, days=2)
    world.later(minutes=1)
    unheard = Invitee(ada.email, world.now + timedelta(days=3), world.now - timedelta(days=9))
    _, (_, on) = unheard.moved(world.now + timedelta(days=4), world.now)
    world.calendly(on)
    assert (states(), inbox()[-1]) == (["scheduled"], ("parked", "It may belong to a booking that was moved."))
    for minutes in (3, 9, 13):
        world.at(minutes=minutes)
    assert sorted(states()) == ["moved", "scheduled", "scheduled"]
    ada.refresh_from_db()
    assert (ada.demo_booked, inbox()[-1][0]) == (True, "done")
