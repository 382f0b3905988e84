"""What people do moves them from cold to MQL to SQL, and the rep hears of it in time, with the reasons."""

import pytest
from django.contrib.auth.models import User

from lifecycle.sales.models import AssignmentRule
from tests.cast import ADA, BEN, SAM, World, messages, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def test_product_events_take_a_lead_from_cold_to_mql_to_sql_and_the_rep_is_told(world: World) -> None:
    rep = User.objects.create_user("rita", email="rita@example.com")
    rule = AssignmentRule.objects.create(name="Everybody")
    rule.reps.add(rep)
    ben = world.submit("webinar", **BEN)
    assert (ben.stage, ben.temperature) == ("cold", "cold")

    world.later(hours=1)
    world.tell(ben, "DOWNLOADED_API_DOCS")
    world.run()
    assert ben.stage == "mql"
    assert run_of(ben, "api-deep-dive").state == "active"
    assert "Your first API request, in three commands" in world.subjects(ben)
    assert world.alerts == []

    for day in (1, 2, 3):
        assert ben.stage == "mql"
        world.at(days=day)
        world.tell(ben, "VIEWED_PRICING", plan="pro")
    assert ben.stage == "sql"
    assert ben.owner == rep
    world.run()
    (alert,) = [mail for mail in world.alerts if mail.subject.startswith("Sales qualified")]
    assert alert.to == ["rita@example.com"]
    assert "Ben Ode, Ode" in alert.subject
    assert "Looked at the prices three times in 7 days" in alert.body
    assert "Analyst" in alert.body
    assert f"/console/leads/{ben.pk}" in alert.body


def test_the_third_look_at_the_prices_within_seven_days_counts_and_the_eighth_day_does_not(world: World) -> None:
    sam = world.submit("newsletter", **SAM)
    for day in (0, 1, 8):
        world.at(days=day, minutes=1)
        world.tell(sam, "pricing.viewed")
    assert sam.stage == "mql"
    world.later(minutes=5)
    world.tell(sam, "pricing.viewed")
    world.tell(sam, "pricing.viewed")
    assert sam.stage == "sql"


def test_a_lead_that_turns_hot_is_told_to_the_sales_address_and_gets_the_hot_track(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.at(minutes=1)
    assert ada.temperature == "warm"
    world.later(minutes=1)
    world.tell(ada, "demo.watched")
    assert (ada.temperature, ada.stage) == ("hot", "sql")
    world.run()
    hot = [mail for mail in world.alerts if mail.subject.startswith("Hot lead")]
    assert [mail.to for mail in hot] == [["sales@example.com"]]
    assert "score 90" in hot[0].subject
    assert "Watched the demo video" in hot[0].body
    assert run_of(ada, "hot-track").state == "active"
    assert messages(ada, sequence__slug="hot-track") == [("mail-1", "sent", "")]


def test_each_thing_is_told_once(world: World) -> None:
    ada = world.submit("demo-request", **ADA)
    for _ in range(3):
        world.run()
        world.later(hours=1)
        world.tell(ada, "pricing.viewed")
    world.run()
    subjects = [mail.subject for mail in world.alerts]
    assert len(subjects) == len(set(subjects))
    assert sum(subject.startswith("Sales qualified") for subject in subjects) == 1


def test_the_hot_track_ends_with_a_word_to_the_rep_about_who_did_not_book(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.later(minutes=1)
    world.tell(ada, "demo.watched")
    for day in (0, 3, 7, 9, 10):
        world.at(days=day, minutes=2)
    assert len(messages(ada, sequence__slug="hot-track")) == 3
    assert run_of(ada, "hot-track").exit_reason == "completed"
    assert sum("hot track" in mail.subject for mail in world.alerts) == 1
