"""People move between the tiers: up at once by an act, down by the clock, each move told once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads import engagement
from leads.actions import FormPost, capture, erase, record
from leads.batch import NewEvent
from leads.engagement import following, looking
from leads.identity.merging import merge
from leads.identity.merging.undo import undo
from leads.models import Event, Lead, Workspace
from leads.pipeline import drain, process_pending
from leads.visitors import hold_visitor
from lifecycle.core import sql
from tests.factories import NOON, FormFactory, LeadFactory

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def moves(lead):
    told = Event.objects.filter(lead=lead, kind="tier.changed").order_by("id")
    return [(event.properties["before"], event.properties["after"]) for event in told]


def tier(lead):
    lead.refresh_from_db()
    return lead.engagement_tier


def acts(happen, lead, *days, kind="page.viewed"):
    for day in days:
        happen(lead, kind, NOON + day * DAY, url="https://www.example.com/")


def test_a_year_of_a_person(happen):
    ada = LeadFactory(ada=True)
    acts(happen, ada, 0, 1, 2, 3)
    assert (tier(ada), moves(ada)) == ("engaged", [])
    acts(happen, ada, 4)
    assert moves(ada) == [("engaged", "most_engaged")]
    assert ada.tier_since == NOON + 4 * DAY
    assert ada.tier_due_at == NOON + 30 * DAY  # the first of the five leaves the window
    engagement.drain(now=NOON + 30 * DAY)
    assert tier(ada) == "engaged"
    for day in (34, 94):
        drain(now=NOON + day * DAY)
        engagement.drain(now=NOON + day * DAY)
    assert moves(ada)[1:] == [("most_engaged", "engaged"), ("engaged", "quiet"), ("quiet", "dormant")]
    assert (tier(ada), ada.tier_due_at, ada.tier_since) == ("dormant", None, NOON + 94 * DAY)
    acts(happen, ada, 200)
    assert moves(ada)[-1] == ("dormant", "engaged")
    assert ada.tier_due_at == NOON + 230 * DAY


def test_who_never_acts_counts_from_when_they_came(happen):
    sam = LeadFactory(sam=True)
    happen(sam, "lead.created", NOON)
    assert (tier(sam), sam.tier_since, sam.tier_due_at) == ("engaged", NOON, NOON + 30 * DAY)
    assert moves(sam) == []
    engagement.drain(now=NOON + 29 * DAY)
    assert tier(sam) == "engaged"
    engagement.drain(now=NOON + 30 * DAY)
    assert tier(sam) == "quiet"
    drain(now=NOON + 30 * DAY)
    engagement.drain(now=NOON + 90 * DAY)
    assert tier(sam) == "dormant"


def test_an_act_puts_off_the_fall_without_moving_the_appointment(happen):
    ada = LeadFactory(ada=True)
    acts(happen, ada, 0, 20)
    assert ada.tier_due_at == NOON + 30 * DAY
    engagement.drain(now=NOON + 30 * DAY)
    assert (tier(ada), ada.tier_due_at, moves(ada)) == ("engaged", NOON + 50 * DAY, [])


def test_one_form_and_what_machines_do_raise_nobody(happen):
    ada = LeadFactory(ada=True)
    for day in range(6):
        happen(ada, "email.clicked", NOON + day * DAY, human=False)
        happen(ada, "email.opened", NOON + day * DAY, human=True)
    assert (tier(ada), moves(ada), ada.last_human_act_at) == ("engaged", [], None)


def test_an_act_told_late_raises_by_when_it_was(happen):
    ada = LeadFactory(created_at=NOON - 200 * DAY)
    engagement.drain(now=NOON)
    assert tier(ada) == "dormant"
    late = [NewEvent(ada.pk, "page.viewed", occurred_at=NOON - 100 * DAY, source="x", key=str(n)) for n in range(9)]
    record(late, now=NOON)
    drain(now=NOON)
    assert (tier(ada), moves(ada)) == ("dormant", [])
    record([NewEvent(ada.pk, "page.viewed", occurred_at=NOON - 40 * DAY)], now=NOON)
    drain(now=NOON)
    assert moves(ada) == [("dormant", "quiet")]
    assert (tier(ada), ada.tier_due_at) == ("quiet", NOON + 50 * DAY)


def test_what_waits_to_be_processed_keeps_people_where_they_are(happen):
    ada = LeadFactory(ada=True)
    acts(happen, ada, 0)
    record([NewEvent(ada.pk, "page.viewed", occurred_at=NOON + 90 * DAY)], now=NOON + 90 * DAY)
    engagement.drain(now=NOON + 90 * DAY)
    assert tier(ada) == "engaged"
    drain(now=NOON + 90 * DAY)
    engagement.drain(now=NOON + 90 * DAY)
    assert (tier(ada), moves(ada)) == ("engaged", [])


def test_the_first_look_at_those_who_were_there_before_moves_nobody():
    old, new = LeadFactory(created_at=NOON - 300 * DAY), LeadFactory(created_at=NOON - 40 * DAY)
    fresh = LeadFactory()
    assert engagement.drain(now=NOON) == 3
    assert [tier(each) for each in (old, new, fresh)] == ["dormant", "quiet", "engaged"]
    assert [each.tier_since for each in (old, new, fresh)] == [NOON - 210 * DAY, NOON - 10 * DAY, NOON]
    assert not Event.objects.filter(kind="tier.changed").exists()
    assert engagement.drain(now=NOON) == 0


def test_other_thresholds_appoint_everybody_anew_in_chunks(monkeypatch):
    monkeypatch.setattr(looking, "CHUNK", 2)
    people = [LeadFactory(created_at=NOON - 50 * DAY) for _ in range(5)]
    engagement.drain(now=NOON)
    assert {tier(each) for each in people} == {"quiet"}
    Workspace.objects.update(tier_engaged_days=20, tier_quiet_days=45)
    assert engagement.progress() == 0
    looking._pass(NOON, 10)
    assert engagement.progress() == people[1].pk
    assert [tier(each) for each in people] == ["dormant", "dormant", "quiet", "quiet", "quiet"]
    engagement.drain(now=NOON)
    assert engagement.progress() is None
    assert {tuple(moves(each)) for each in people} == {(("quiet", "dormant"),)}


def test_wider_thresholds_raise_too():
    ben = LeadFactory(created_at=NOON - 50 * DAY)
    engagement.drain(now=NOON)
    Workspace.objects.update(tier_engaged_days=60)
    engagement.drain(now=NOON)
    assert (moves(ben), tier(ben), ben.tier_due_at) == ([("quiet", "engaged")], "engaged", NOON + 10 * DAY)


def test_once_a_night_what_nobody_told_of_is_mended():
    ben = LeadFactory(created_at=NOON)
    engagement.drain(now=NOON)
    Lead.objects.update(engagement_tier="dormant", tier_due_at=None)
    assert engagement.drain(now=NOON) == 0
    assert engagement.verify(now=NOON) == 1
    assert (tier(ben), ben.tier_due_at) == ("engaged", NOON + 30 * DAY)
    assert engagement.verify(now=NOON) == 0


def test_two_who_become_one_count_together_and_apart_again(happen):
    ada, other = LeadFactory(ada=True), LeadFactory()
    acts(happen, ada, 0, 1)
    acts(happen, other, 0, 1, 2)
    made = merge(ada, other, now=NOON + 3 * DAY)
    assert (tier(ada), ada.last_human_act_at) == ("most_engaged", NOON + 2 * DAY)
    undo(made, now=NOON + 3 * DAY)
    assert (tier(ada), tier(Lead.objects.get(email=other.email))) == ("engaged", "engaged")
    assert ada.last_human_act_at == NOON + DAY


def test_the_past_of_a_browser_counts_when_its_person_is_known():
    FormFactory()
    browser = hold_visitor("b-1", now=NOON - 5 * DAY)
    seen = [NOON - day * DAY for day in range(1, 5)]
    record([NewEvent(None, "page.viewed", occurred_at=at, visitor_id=browser.pk) for at in seen], now=NOON)
    done = capture(FormPost("contact", {"email": "ada@acme.com", "anonymous_id": "b-1"}), now=NOON)
    drain(now=NOON)
    assert tier(Lead.objects.get(pk=done.lead_id)) == "most_engaged"


def test_who_is_erased_leaves_nothing(happen):
    ada = LeadFactory(ada=True)
    acts(happen, ada, 0, 1, 2, 3, 4)
    erase(ada, now=NOON + 5 * DAY)
    assert not Event.objects.exists()
    assert engagement.drain(now=NOON + 90 * DAY) == 0


def waiting(people, day):
    at = NOON + day * DAY
    told = [NewEvent(lead.pk, "page.viewed", occurred_at=at, source="t", key=f"{lead.pk}:{day}") for lead in people]
    record(told, now=at)


def counted(day):
    with CaptureQueriesContext(connection) as caught:
        process_pending(now=NOON + day * DAY)
    return sum(each["sql"] == following._RECENT for each in caught)


def test_a_batch_counts_in_one_query_and_not_at_all_at_the_top_or_for_newcomers():
    people = [LeadFactory() for _ in range(7)]
    waiting(people, 0)
    assert counted(0) == 0  # nothing of theirs was in the window before
    for day in (1, 2, 3, 4):
        waiting(people, day)
        assert counted(day) == 1
    assert {tier(each) for each in people} == {"most_engaged"}
    waiting(people, 5)
    assert counted(5) == 0


def test_the_sweep_reads_who_is_due_and_nobody_else():
    LeadFactory.create_batch(3)
    engagement.drain(now=NOON)
    sql.execute("SET LOCAL enable_seqscan = off")
    plan = sql.fetch(f"EXPLAIN {looking._DUE}", [NOON, 1000])
    assert "lead_tier_due" in "\n".join(row[0] for row in plan)


def test_sweeping_takes_the_same_number_of_queries_for_any_number_of_people():
    taken = []
    for count in (2, 40):
        LeadFactory.create_batch(count, created_at=NOON, tier_since=NOON, tier_due_at=NOON)
        with CaptureQueriesContext(connection) as caught:
            looking._sweep(NOON, 1000)
        taken.append(len(caught))
    assert taken[0] == taken[1]
