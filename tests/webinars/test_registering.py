"""Seats and the line for them: nobody sits twice, no seat is given twice, and the first who waits is the next."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from leads.actions import erase, record
from leads.identity.merging import merge
from leads.log import NewEvent
from leads.models import Lead
from leads.pipeline import drain
from lifecycle.core import sql
from tests.campaigns.test_suppressing import WAITS_FOR_A_LOCK
from tests.factories import NOON, LeadFactory
from tests.leads.test_concurrency import together
from tests.webinars.cast import STARTS, come, events, make_webinar, states
from webinars import moving
from webinars.models import Registration
from webinars.registering import RegistrationClosed, UnknownWebinar, cancel, register

pytestmark = pytest.mark.django_db


def test_a_registration_has_a_seat_and_everything_that_a_mail_needs():
    webinar = make_webinar(
        speakers=["Ada Park", "Leo Ruiz", "Kim Low"], survey_url="https://s.example/?e={email}&p={phone}"
    )
    lead = LeadFactory(ada=True, phone="+49 30 1234")
    done = register(webinar.pk, lead.pk, source="api", organization_type="YMCA", now=NOON)
    assert (done.state, done.is_new) == ("registered", True)
    [event] = events("webinar.registered")
    said = event.properties
    assert event.lead_id == lead.pk
    assert (said["webinar"], said["registration"], said["promoted"]) == ("WB001", done.registration_id, False)
    assert (said["starts_at"], said["ends_at"]) == ("2026-03-10T15:00:00Z", "2026-03-10T15:45:00Z")
    assert said["when"] == "Tuesday, 10 March 2026, 16:00–16:45 CET"
    assert said["speakers"] == "Ada Park, Leo Ruiz and Kim Low"
    assert said["join_url"] == "https://meet.example.com/j/123"
    assert said["survey_url"] == "https://s.example/?e=ada%40acme.com&p=%2B49%2030%201234"
    assert said["calendar_url"] == said["page_url"] + "/calendar.ics"
    assert "ada" not in said["page_url"]
    assert Registration.objects.get().organization_type == "YMCA"


def test_the_same_again_is_the_same_registration_and_the_same_answer():
    webinar, lead = make_webinar(capacity=1), LeadFactory()
    first, again = come(webinar, lead), come(webinar, lead)
    assert first == again
    assert register(webinar.pk, lead.pk, source="form", now=NOON).is_new is False
    assert len(events("webinar.registered")) == 1


def test_who_finds_it_full_waits_and_has_no_join_link():
    webinar = make_webinar(capacity=1)
    come(webinar)
    late = come(webinar)
    assert late.state == "waiting"
    [event] = events("webinar.waitlisted")
    assert (event.lead_id, event.properties["join_url"]) == (late.lead_id, "")
    assert len(events("webinar.registered")) == 1


def test_a_seat_given_back_goes_to_the_first_who_waits():
    webinar = make_webinar(capacity=1)
    first, second, third = (come(webinar, now=NOON + timedelta(minutes=minute)) for minute in range(3))
    assert cancel(first.pk, now=NOON + timedelta(hours=1))
    assert states(webinar) == ["canceled", "registered", "waiting"]
    [promoted] = events("webinar.registered", promoted=True)
    assert promoted.lead_id == second.lead_id
    [gone] = events("webinar.registration_canceled")
    assert (gone.lead_id, gone.properties["had_seat"]) == (first.lead_id, True)
    assert not cancel(first.pk, now=NOON + timedelta(hours=2))
    assert states(webinar) == ["canceled", "registered", "waiting"]
    assert third.sequence == 0


def test_who_gives_up_waiting_frees_no_seat():
    webinar = make_webinar(capacity=1)
    come(webinar)
    second, _third = come(webinar), come(webinar)
    cancel(second.pk, now=NOON)
    assert states(webinar) == ["registered", "canceled", "waiting"]


def test_who_canceled_may_come_back_at_the_end_of_the_line():
    webinar = make_webinar(capacity=1)
    first = come(webinar)
    second = come(webinar, now=NOON + timedelta(minutes=1))
    third = come(webinar, now=NOON + timedelta(minutes=2))
    cancel(first.pk, now=NOON + timedelta(minutes=3))
    back = come(webinar, first.lead, now=NOON + timedelta(minutes=4))
    assert (back.pk, back.uid, back.state) == (first.pk, first.uid, "waiting")
    assert back.sequence == 2
    cancel(second.pk, now=NOON + timedelta(minutes=5))
    assert states(webinar) == ["waiting", "canceled", "registered"]
    cancel(third.pk, now=NOON + timedelta(minutes=6))
    assert states(webinar) == ["registered", "canceled", "canceled"]
    assert len(events("webinar.registered")) == 4


def test_more_seats_are_given_to_those_who_wait():
    webinar = make_webinar(capacity=1)
    for minute in range(4):
        come(webinar, now=NOON + timedelta(minutes=minute))
    assert moving.resize(webinar.pk, 3, now=NOON + timedelta(hours=1)) == 2
    assert states(webinar) == ["registered"] * 3 + ["waiting"]
    assert moving.resize(webinar.pk, 2, now=NOON) == 0
    assert states(webinar) == ["registered"] * 3 + ["waiting"]
    assert moving.resize(webinar.pk, None, now=NOON) == 1


@pytest.mark.parametrize(
    ("columns", "at", "why"),
    [
        ({"state": "draft"}, NOON, "not open for registration yet"),
        ({"state": "canceled"}, NOON, "was canceled"),
        ({}, STARTS + timedelta(minutes=45), "is over"),
    ],
)
def test_nobody_registers_for_what_is_not_open(columns, at, why):
    webinar = make_webinar(**columns)
    with pytest.raises(RegistrationClosed, match=why):
        come(webinar, now=at)


def test_one_can_still_come_while_it_runs():
    assert come(make_webinar(), now=STARTS + timedelta(minutes=44)).state == "registered"


def test_unknown_webinars_and_people_are_named():
    with pytest.raises(UnknownWebinar):
        register(999, LeadFactory().pk, source="api", now=NOON)
    with pytest.raises(Lead.DoesNotExist):
        register(make_webinar().pk, 999, source="api", now=NOON)
    assert not cancel(999, now=NOON)


def test_history_is_appended_in_turn_and_no_code_comes_twice():
    lead = LeadFactory()
    webinars = [make_webinar() for _ in range(5)]
    for number, webinar in enumerate([webinars[2], webinars[4], webinars[2]]):
        registration = come(webinar, lead, now=NOON + timedelta(minutes=number))
        drain(now=NOON + timedelta(minutes=number))
        cancel(registration.pk, now=NOON + timedelta(minutes=number, seconds=30))
    drain(now=NOON + timedelta(hours=1))
    assert Lead.objects.get(pk=lead.pk).webinars == "WB003, WB005"


def test_what_others_tell_under_our_name_gets_no_line_of_its_own_into_the_history():
    lead = LeadFactory()
    record([NewEvent(lead.pk, "webinar.registered", {"webinar": "anything at all"})], now=NOON)
    drain(now=NOON)
    assert Lead.objects.get(pk=lead.pk).webinars == ""


def test_the_seat_of_somebody_who_is_erased_goes_to_the_first_who_waits():
    webinar = make_webinar(capacity=1)
    first, second = come(webinar), come(webinar)
    erase(first.lead, now=NOON)
    assert Registration.objects.get() == second
    assert states(webinar) == ["registered"]


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_for_ten_seats():
    webinar = make_webinar(capacity=10)
    people = [LeadFactory().pk for _ in range(50)]
    done = together(50, lambda number: register(webinar.pk, people[number], source="api", now=NOON))
    assert sorted(one.state for one in done) == ["registered"] * 10 + ["waiting"] * 40
    assert (len(events("webinar.registered")), len(events("webinar.waitlisted"))) == (10, 40)


@pytest.mark.django_db(transaction=True)
def test_one_person_twenty_times_at_once_is_one_seat():
    webinar, lead = make_webinar(capacity=5), LeadFactory()
    done = together(20, lambda number: register(webinar.pk, lead.pk, source="api", now=NOON))
    assert {(one.registration_id, one.state) for one in done} == {(Registration.objects.get().pk, "registered")}
    assert sum(one.is_new for one in done) == len(events("webinar.registered")) == 1


@pytest.mark.django_db(transaction=True)
def test_cancelling_and_coming_at_once_never_overfills():
    webinar = make_webinar(capacity=5)
    seated = [come(webinar).pk for _ in range(5)]
    waiting = [come(webinar, now=NOON + timedelta(minutes=1)).pk for _ in range(5)]
    people = [LeadFactory().pk for _ in range(10)]

    def work(number):
        if number < 5:
            return cancel(seated[number], now=NOON + timedelta(hours=1))
        return register(webinar.pk, people[number - 5], source="api", now=NOON + timedelta(hours=1))

    together(15, work)
    assert states(webinar).count("registered") == 5
    assert set(Registration.objects.filter(state="registered").values_list("pk", flat=True)) == set(waiting)


@pytest.mark.parametrize("act", [merge, lambda kept, other, *, now: erase(kept, now=now)], ids=["merge", "erase"])
@pytest.mark.django_db(transaction=True)
def test_whoever_is_wanted_on_both_sides_is_merged_or_erased_in_the_end(act):
    webinar = make_webinar(capacity=1)
    kept, other = come(webinar).lead, come(webinar).lead

    def work():
        try:
            return act(kept, other, now=NOON)
        finally:
            connection.close()

    facts = connection.settings_dict
    busy = psycopg.connect(host=facts["HOST"], user=facts["USER"], dbname=facts["NAME"])
    with busy, ThreadPoolExecutor(1) as pool:
        busy.execute("SELECT FROM webinars_webinar FOR NO KEY UPDATE")
        done = pool.submit(work)
        deadline = time.monotonic() + 10
        while not sql.fetch(WAITS_FOR_A_LOCK)[0][0]:
            assert time.monotonic() < deadline
        with suppress(psycopg.errors.DeadlockDetected):  # whichever side the database chooses
            busy.execute("SELECT FROM leads_lead ORDER BY id FOR NO KEY UPDATE")
        busy.rollback()
        assert done.result(30)
    assert Lead.objects.count() == 1
