"""Who gets a lead without an owner: the first rule that fits, its reps in turn; the first owner stays on record."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import Error, transaction

from leads.actions import record
from leads.batch import NewEvent
from leads.models import Event, Lead
from leads.pipeline import drain
from lifecycle.sales.assignment import Pool
from lifecycle.sales.models import Alert, AssignmentRule
from tests.campaigns.journeying import facts
from tests.factories import NOON, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db

BIG = {"field": "company_size", "op": "gte", "value": 100}


def assignment(*reps: User, **columns: Any) -> AssignmentRule:
    made = AssignmentRule.objects.create(**{"name": "All", **columns})
    made.reps.set(reps)
    return made


def reps(count: int) -> list[User]:
    return [UserFactory.create() for _ in range(count)]


def worthy(*leads: Lead) -> None:
    """They become sales qualified: the moment at which a lead needs an owner."""
    events = [NewEvent(lead.pk, "stage.changed", {"after": "sql", "reason": "Asked"}, source="test") for lead in leads]
    record(events, now=NOON)
    drain(now=NOON)
    for lead in leads:
        lead.refresh_from_db()


def next_rep(size: int | None = None) -> User | None:
    pool = Pool()
    found = pool.next_for(facts(company_size=size), NOON)
    pool.save()
    return found


def test_without_rules_or_reps_nobody_gets_it() -> None:
    assert next_rep() is None
    assignment()
    assert next_rep() is None


def test_reps_take_turns_over_many_batches_and_within_one() -> None:
    ann, bob, eve = reps(3)
    rule = assignment(ann, bob, eve)
    assert [next_rep() for _ in range(4)] == [ann, bob, eve, ann]
    pool = Pool()
    assert [pool.next_for(facts(company_size=1), NOON) for _ in range(5)] == [bob, eve, ann, bob, eve]
    pool.save()
    rule.refresh_from_db()
    assert rule.turns == 9


def test_the_first_rule_that_fits_wins() -> None:
    ann, bob, eve = reps(3)
    assignment(eve, name="Rest", position=2)
    assignment(ann, name="Big", condition=BIG, position=1)
    assignment(bob, name="Off", is_active=False, position=0)
    assert next_rep(500) == ann
    assert next_rep(5) == eve
    assert next_rep(None) == eve


def test_a_rule_whose_reps_left_is_passed_over() -> None:
    ann, bob = reps(2)
    assignment(ann, name="Big", condition=BIG)
    assignment(bob, name="Rest", position=1)
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert next_rep(500) == bob


def test_the_pool_says_which_facts_it_reads() -> None:
    assignment(*reps(1), condition={"any": [BIG, {"event": "pricing.viewed", "within": "7d"}]})
    needs = Pool().needs
    assert needs.fields == {"company_size"}
    assert [(need.kind, need.within.days) for need in needs.events] == [("pricing.viewed", 7)]


def test_a_lead_that_sales_should_know_gets_its_owner_and_the_alert_goes_there() -> None:
    ann, bob = reps(2)
    assignment(ann, bob)
    one, two, three = (LeadFactory.create() for _ in range(3))
    worthy(one, two, three)
    assert [lead.owner for lead in (one, two, three)] == [ann, bob, ann]
    assert [lead.first_owner for lead in (one, two, three)] == [ann, bob, ann]
    assert list(Alert.objects.order_by("lead_id").values_list("to_email", flat=True)) == [
        ann.email,
        bob.email,
        ann.email,
    ]
    told = Event.objects.filter(kind="owner.assigned").order_by("lead_id")
    assert [event.properties["owner"] for event in told] == [ann.username, bob.username, ann.username]


def test_an_owner_is_kept() -> None:
    ann, bob = reps(2)
    assignment(bob)
    lead = LeadFactory.create(owner=ann)
    worthy(lead)
    assert lead.owner == ann
    assert not Event.objects.filter(kind="owner.assigned").exists()


def test_the_first_owner_never_changes() -> None:
    ann, bob = reps(2)
    assignment(bob)
    lead = LeadFactory.create(first_owner=ann)
    worthy(lead)
    assert (lead.owner, lead.first_owner) == (bob, ann)
    with pytest.raises(Error, match="Cannot update rows"), transaction.atomic():
        Lead.objects.filter(pk=lead.pk).update(first_owner=bob)


def test_events_that_are_no_news_for_sales_assign_nobody() -> None:
    assignment(*reps(1))
    lead = LeadFactory.create()
    record([NewEvent(lead.pk, "page.viewed", {}, source="test")], now=NOON)
    drain(now=NOON)
    lead.refresh_from_db()
    assert lead.owner is None
