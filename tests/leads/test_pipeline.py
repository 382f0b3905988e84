"""From the log to score, stage and segment; shipped rules, real database."""

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.actions import record
from leads.audit import verify_scores
from leads.batch import DEEPEST, Batch, NewEvent
from leads.models import Event, Lead, PendingEvent, ScoreEntry, Segment, SegmentMember, StageChange
from leads.pipeline import drain, process_at_once, process_pending
from leads.signals import events_recorded
from lifecycle.core.rules.facts import EventNeed, Needs
from tests.factories import NOON, LeadFactory

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_shipped")]


@pytest.fixture
def receiver():
    """Connect a receiver for one test."""
    connected = []

    def connect(function):
        events_recorded.connect(function, weak=False)
        connected.append(function)
        return function

    yield connect
    for function in connected:
        events_recorded.disconnect(function)


def kinds(lead):
    return list(Event.objects.filter(lead=lead).order_by("id").values_list("kind", flat=True))


def test_a_good_lead_goes_from_cold_to_sql_and_every_point_is_explained(happen):
    ada = LeadFactory(ada=True)
    happen(ada, "form.submitted", NOON, form="contact")
    assert (ada.stage, ada.fit_score, ada.intent_score, ada.temperature) == ("mql", 55, 10, "warm")
    happen(ada, "docs.downloaded", NOON + HOUR)
    assert (ada.score, ada.temperature, ada.hot_since, ada.stage) == (85, "hot", NOON + HOUR, "sql")

    ledger = {(entry.rule.slug, entry.points) for entry in ada.score_entries.select_related("rule")}
    assert ledger == {
        ("company-size-50-500", 30), ("role-executive-or-head", 25), ("form-submitted", 10), ("docs-downloaded", 20)
    }  # fmt: skip
    changes = list(ada.stage_changes.order_by("id").values_list("before", "after", "reason"))
    assert changes == [
        ("cold", "mql", "Sent the contact or API documentation form"),
        ("mql", "sql", "Reached 80 points"),
    ]
    assert ada.last_human_act_at == NOON + HOUR
    assert not PendingEvent.objects.exists()


def test_three_pricing_views_promote_at_the_third_even_in_one_batch():
    lead = LeadFactory()
    times = [NOON + number * HOUR for number in range(4)]
    record([NewEvent(lead.pk, "pricing.viewed", occurred_at=at, source="t") for at in times], now=NOON + DAY)
    process_pending(now=NOON + DAY)
    change = StageChange.objects.get(lead=lead)
    assert (change.after, change.at, change.event.occurred_at) == ("sql", times[2], times[2])


def test_views_make_visits_and_the_third_visit_counts_once(happen):
    lead = LeadFactory()
    for days in (0, 1, 2, 3):
        happen(lead, "page.viewed", NOON + days * DAY)
        happen(lead, "page.viewed", NOON + days * DAY + 10 * MINUTE)
    visits = Event.objects.filter(lead=lead, kind="visit.started").values_list("occurred_at", flat=True)
    assert sorted(visits) == [NOON + days * DAY for days in (0, 1, 2, 3)]
    assert [entry.rule.slug for entry in lead.score_entries.filter(points__gt=0)] == ["third-visit"]


def test_a_click_counts_only_when_a_human_made_it(happen):
    lead = LeadFactory()
    happen(lead, "email.clicked", NOON, human=False)
    happen(lead, "email.clicked", NOON)
    assert (lead.intent_score, lead.last_human_act_at) == (0, None)
    for hours in range(5):
        happen(lead, "email.clicked", NOON + hours * HOUR, human=True)
    assert lead.intent_score == 15, "at most three a week"


def test_a_purchase_makes_a_customer_and_a_lapse_ends_it(happen):
    lead = LeadFactory()
    happen(lead, "purchase.completed", NOON)
    assert (lead.stage, lead.is_client) == ("customer", True)
    happen(lead, "form.submitted", NOON + HOUR, form="newsletter")
    assert lead.stage == "customer"
    happen(lead, "subscription.lapsed", NOON + DAY)
    assert (lead.stage, lead.is_client) == ("former", False)


def test_a_booking_shows_on_the_lead(happen):
    lead = LeadFactory()
    happen(lead, "meeting.booked", NOON, at="2026-03-05T10:00:00Z", event_name="Demo")
    assert (lead.demo_booked, lead.demo_status, lead.demo_event_name, lead.stage) == (True, "scheduled", "Demo", "sql")
    assert lead.demo_at.isoformat() == "2026-03-05T10:00:00+00:00"
    happen(lead, "meeting.canceled", NOON + HOUR)
    assert (lead.demo_booked, lead.demo_status) == (False, "canceled")


def test_segments_follow_and_tell(happen):
    lead = LeadFactory(ada=True)
    happen(lead, "form.submitted", NOON, form="contact")
    happen(lead, "docs.downloaded", NOON + HOUR)
    told = Event.objects.filter(lead=lead, kind__startswith="segment.").order_by("id")
    moves = [(event.kind, event.properties["segment"]) for event in told if "-leads" in event.properties["segment"]]
    assert moves == [
        ("segment.entered", "warm-leads"),
        ("segment.left", "warm-leads"),
        ("segment.entered", "hot-leads"),
    ]
    members = set(SegmentMember.objects.filter(lead=lead).values_list("segment__slug", flat=True))
    assert members == {"hot-leads", "api-builders"}


def test_an_imported_history_makes_nobody_hot():
    lead = LeadFactory(ada=True)
    record([NewEvent(lead.pk, "demo.watched", occurred_at=NOON - 60 * DAY, source="t")], now=NOON)
    process_pending(now=NOON)
    lead.refresh_from_db()
    assert (lead.intent_score, lead.temperature) == (6, "warm")
    assert not verify_scores()


def test_the_same_fact_told_twice_is_one():
    lead = LeadFactory()
    event = NewEvent(lead.pk, "docs.downloaded", source="product", key="m-1")
    assert len(record([event, event], now=NOON)) == 1
    assert record([event], now=NOON) == []
    drain(now=NOON)
    assert Lead.objects.get().intent_score == 20


def test_unknown_names_are_stored_and_change_nothing(happen):
    lead = LeadFactory()
    happen(lead, "Some Odd Name", NOON, anything={"nested": [1, None]})
    assert (lead.score, lead.stage, kinds(lead)[0]) == (0, "cold", "Some Odd Name")


def test_queries_do_not_grow_with_the_batch():
    def queries(people):
        leads = LeadFactory.create_batch(people, ada=False, company_size=100, role="head")
        record(
            [
                NewEvent(lead.pk, kind, {"form": "contact"})
                for lead in leads
                for kind in ("form.submitted", "page.viewed")
            ],
            now=NOON,
        )
        with CaptureQueriesContext(connection) as captured:
            assert process_pending(now=NOON).leads == people
        return len(captured)

    queries(1)  # fills Django's own caches
    one, many = queries(1), queries(200)
    assert one == many <= 40


def test_a_derived_event_knows_its_cause_and_its_depth(happen):
    lead = LeadFactory()
    happen(lead, "form.submitted", NOON, form="contact")
    change = Event.objects.get(kind="stage.changed")
    assert change.depth == 1
    assert change.cause.kind == "form.submitted"
    assert change.occurred_at == NOON
    assert change.properties == {
        "before": "cold", "after": "mql", "rule": "made-contact", "reason": "Sent the contact or API documentation form"
    }  # fmt: skip


def test_loops_end(receiver, happen, caplog):
    @receiver
    def echo(batch: Batch, **_):
        for event in batch.events:
            batch.raise_event(NewEvent(event.lead_id, "echo.heard"), event)

    lead = LeadFactory()
    happen(lead, "call.made", NOON)
    assert kinds(lead) == ["call.made"] + ["echo.heard"] * DEEPEST
    assert "too deep" in caplog.text


def test_receivers_read_facts_and_change_leads(receiver, happen):
    seen = []

    @receiver
    def look(batch: Batch, **_):
        with CaptureQueriesContext(connection) as captured:
            facts = batch.facts(Needs(events=(EventNeed("a.b"), EventNeed("echo.heard"))))
        for row, events in batch.by_lead():
            seen.append(
                (facts[row.id].fields["first_name"], len(facts[row.id].events.get("echo.heard", ())), len(captured))
            )
            if batch.depth == 0:
                batch.raise_event(NewEvent(row.id, "echo.heard"), events[-1])
                row.set("first_name", "Grace")

    lead = LeadFactory(first_name="Ada")
    happen(lead, "a.b", NOON)
    assert seen == [("Ada", 0, 1), ("Grace", 1, 0)]
    assert lead.first_name == "Grace"


def test_a_failing_event_dies_after_five_attempts_and_holds_up_nobody(receiver, caplog):
    @receiver
    def fail(batch: Batch, **_):
        if any(event.kind == "poison.taken" for event in batch.events):
            raise ValueError("ada@acme.com is secret")

    sick, *well = LeadFactory.create_batch(8)
    record(
        [
            NewEvent(sick.pk, kind, {"form": "contact"})
            for kind in ("docs.downloaded", "poison.taken", "form.submitted")
        ],
        now=NOON,
    )
    record([NewEvent(lead.pk, "docs.downloaded") for lead in well], now=NOON)
    with caplog.at_level(logging.WARNING):
        counts = process_pending(now=NOON)
    assert (counts.failed, counts.leads, counts.events) == (1, 8, 8)
    assert set(Lead.objects.values_list("intent_score", flat=True)) == {20}
    assert "ada@acme.com" not in caplog.text

    for _ in range(4):
        process_pending(now=NOON)
    dead = PendingEvent.objects.get(dead_at__isnull=False)
    assert (dead.event.kind, dead.attempts, dead.dead_at) == ("poison.taken", 5, NOON)
    assert "ValueError" in dead.error
    sick.refresh_from_db()
    assert sick.intent_score == 20, "what comes after it waits its turn"
    process_pending(now=NOON)
    sick.refresh_from_db()
    assert sick.intent_score == 30, "what came after the dead event goes on"
    assert process_pending(now=NOON).events == 0


def test_a_door_never_fails_for_a_rule(receiver):
    @receiver
    def fail(batch: Batch, **_):
        raise ValueError

    lead = LeadFactory()
    record([NewEvent(lead.pk, "docs.downloaded")], now=NOON)
    process_at_once(lead.pk, now=NOON)
    assert PendingEvent.objects.get().attempts == 1


def test_a_rule_that_does_not_read_is_left_out_alone(happen, caplog):
    Segment.objects.create(slug="broken", name="Broken", rule={"field": "gone", "op": "eq", "value": 1})
    lead = LeadFactory()
    happen(lead, "docs.downloaded", NOON)
    assert lead.stage == "mql"
    assert "broken" in caplog.text


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["pricing.viewed", "docs.downloaded", "demo.watched", "checkout.abandoned", "email.clicked", "page.viewed"]
        ),
        st.integers(0, 40 * 24 * 60),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS)
def test_ledger_and_cache_agree_for_any_events_in_any_order_with_duplicates(events):
    lead = LeadFactory(company_size=100)
    for number, (kind, minutes, twice) in enumerate(events):
        at = NOON + minutes * MINUTE
        event = NewEvent(lead.pk, kind, {"human": True}, occurred_at=at, source="t", key=f"{lead.pk}-{number}")
        record([event, event] if twice else [event], now=at)
        if number % 3 == 0:
            process_pending(now=NOON + 41 * DAY)
    drain(now=NOON + 41 * DAY)
    lead.refresh_from_db()
    assert not verify_scores()
    assert 0 <= lead.intent_score <= 45
    assert lead.fit_score == (30 if events else 0)
    assert ScoreEntry.objects.filter(lead=lead, rule__isnull=False, points=0).count() == 0
