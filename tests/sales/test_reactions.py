"""What a rep is told, and why: one alert per event, whatever is repeated."""

from typing import Any

import pytest

from leads.actions import record
from leads.batch import EventRow, NewEvent
from leads.models import Event, Lead, PendingEvent
from leads.pipeline import drain, process_pending
from lifecycle.sales.models import Alert
from lifecycle.sales.reactions import kind_of
from lifecycle.sales.reasons import why
from tests.campaigns.sequences import count_queries, people
from tests.factories import NOON, LeadFactory, ScoreRuleFactory, UserFactory

pytestmark = pytest.mark.django_db


def happen(lead: Lead, kind: str, **properties: Any) -> None:
    record([NewEvent(lead.pk, kind, properties, source="test")], now=NOON)
    drain(now=NOON)


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("temperature.changed", {"after": "hot"}, "hot"),
        ("temperature.changed", {"before": "hot", "after": "warm"}, None),
        ("stage.changed", {"after": "sql"}, "sql"),
        ("stage.changed", {"after": "mql"}, None),
        ("stage.changed", {"after": "customer"}, None),
        ("sequence.notified", {"message": "Call"}, "notice"),
        ("meeting.booked", {}, None),
    ],
)
def test_what_is_worth_an_alert(kind: str, properties: dict[str, Any], expected: str | None) -> None:
    assert kind_of(EventRow(1, 1, kind, properties, NOON, NOON, "test", 0)) == expected


@pytest.mark.parametrize(
    ("columns", "kind", "properties", "headline"),
    [
        ({"ada": True}, "stage.changed", {"after": "sql", "reason": "Asked"}, "Sales qualified: Ada Ash, Acme"),
        (
            {"ada": True, "company_name": ""},
            "stage.changed",
            {"after": "sql", "reason": "x"},
            "Sales qualified: Ada Ash",
        ),
        ({"email": "x@acme.com"}, "temperature.changed", {"after": "hot"}, "Hot lead: x@acme.com, score 0"),
        ({"ada": True}, "sequence.notified", {"message": "Call now"}, "Ada Ash, Acme: Call now"),
        ({"ada": True}, "sequence.notified", {"message": "x" * 250}, f"Ada Ash, Acme: {'x' * 185}"),
    ],
)
def test_the_headline_says_who_and_what(columns, kind, properties, headline) -> None:
    happen(LeadFactory.create(**columns), kind, **properties)
    assert Alert.objects.get().headline == headline


def test_the_reasons_are_the_strongest_first_and_name_their_points() -> None:
    lead = LeadFactory.create()
    ScoreRuleFactory.create(name="Looked at the prices", points=10, event_kind="pricing.viewed")
    ScoreRuleFactory.create(name="Watched the demo", points=25, event_kind="demo.watched")
    for kind in ("pricing.viewed", "demo.watched", "pricing.viewed"):
        happen(lead, kind)
    happen(lead, "stage.changed", after="sql", reason="Asked for a demo")
    assert why([lead.pk]) == {lead.pk: ["Watched the demo (+25)", "Looked at the prices ×2 (+20)"]}
    alert = Alert.objects.get()
    assert alert.reasons == ["Asked for a demo", "Watched the demo (+25)", "Looked at the prices ×2 (+20)"]


def test_a_stage_that_was_changed_without_a_reason_is_told_all_the_same() -> None:
    happen(LeadFactory.create(), "stage.changed", after="sql")
    assert Alert.objects.get().reasons == []


def test_the_same_event_again_is_one_alert() -> None:
    lead = LeadFactory.create()
    happen(lead, "temperature.changed", after="hot")
    event = Event.objects.get(kind="temperature.changed")
    PendingEvent.objects.create(event=event, lead=lead)
    drain(now=NOON)
    assert Alert.objects.get().key == f"event:{event.pk}"


@pytest.mark.parametrize(("active", "expected"), [(True, "ann@example.com"), (False, "sales@example.com")])
def test_the_owner_is_told_else_the_team(settings: Any, active: bool, expected: str) -> None:
    settings.SALES_EMAIL = "sales@example.com"
    ann = UserFactory.create(username="ann", is_active=active)
    happen(LeadFactory.create(owner=ann), "temperature.changed", after="hot")
    assert Alert.objects.get().to_email == expected


def test_300_hot_leads_cost_as_many_queries_as_one() -> None:
    counts = []
    crowd = people(301)
    for several in ([crowd[0]], crowd[1:]):
        record(
            [NewEvent(lead.pk, "temperature.changed", {"after": "hot"}, source="test") for lead in several], now=NOON
        )
        with count_queries() as counted:
            process_pending(limit=500, now=NOON)
        counts.append(len(counted))
    assert counts[0] >= counts[1]
    assert Alert.objects.count() == 301
