"""A plan becomes too small: the customer's own use says so, a personal offer follows, and ends when they upgrade."""

import pytest

from leads.models import Lead
from lifecycle.sales.models import Task
from tests.cast import ADA, World, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

OFFER = "Acme has outgrown the plan, it seems"
MONTHLY = {"subscription": "sub_1", "plan": "Starter", "amount": "79.00", "currency": "EUR", "interval_months": 1}


def customer(world: World) -> Lead:
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "subscription.started", **MONTHLY, renews_at="2026-04-01T12:00:00Z")
    world.run()
    world.smtp.mails.clear()
    return ada


def uses_it_up(world: World, ada: Lead) -> None:
    world.later(days=1)
    world.tell(ada, "USAGE_LIMIT_NEAR", what="storage", percent=83)
    world.run()
    ada.refresh_from_db()


def test_a_full_storage_brings_an_offer_a_reminder_and_then_the_rep(world: World) -> None:
    ada = customer(world)
    uses_it_up(world, ada)
    assert ada.memberships.filter(segment__slug="upgrade-ready").exists()
    assert world.subjects(ada) == [OFFER]
    for days in (6, 11):
        world.at(days=days, hours=1)
    assert len(world.mails_to(ada)) == 2
    assert Task.objects.filter(lead=ada, title__startswith="Upgrade-ready").count() == 1
    assert run_of(ada, "upgrade-offer").exit_reason == "completed"


def test_who_upgrades_hears_no_more_of_it(world: World) -> None:
    ada = customer(world)
    uses_it_up(world, ada)
    world.later(days=1)
    world.tell(ada, "UPGRADED_PLAN", to="Team")
    assert run_of(ada, "upgrade-offer").exit_reason == "goal: plan.upgraded"
    for days in (6, 11):
        world.at(days=days, hours=1)
    assert world.subjects(ada) == [OFFER]
    assert not Task.objects.filter(lead=ada, title__startswith="Upgrade-ready").exists()


def test_one_try_of_a_feature_is_curiosity_three_are_a_wish(world: World) -> None:
    ada = customer(world)
    for number in range(3):
        assert OFFER not in world.subjects(ada), number
        world.later(days=1)
        world.tell(ada, "FEATURE_ATTEMPTED", feature="single sign-on")
        world.run()
    assert world.subjects(ada) == [OFFER]


def test_nobody_is_sold_a_bigger_plan_who_is_leaving_or_is_no_customer(world: World) -> None:
    leaving = customer(world)
    world.tell(leaving, "subscription.canceling", **MONTHLY, ends_at="2026-04-01T12:00:00Z")
    uses_it_up(world, leaving)
    stranger = world.submit("newsletter", email="sam@gmail.com")
    world.tell(stranger, "USAGE_LIMIT_NEAR", what="storage", percent=90)
    world.run()
    assert OFFER not in world.subjects(leaving)
    assert not [subject for subject in world.subjects(stranger) if "outgrown" in subject]
