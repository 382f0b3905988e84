"""Somebody ran into the API's rate limit: help, after ten minutes, at most once a week."""

import pytest

from tests.cast import SAM, World, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

HELP = "You hit the API rate limit. Here is the fix"


def test_help_comes_after_ten_minutes_and_not_a_second_before(world: World) -> None:
    sam = world.submit("api-docs", **SAM)
    world.tell(sam, "RATE_LIMITED", endpoint="/v1/items")
    world.at(minutes=9, seconds=59)
    assert HELP not in world.subjects(sam)
    world.at(minutes=10)
    assert world.subjects(sam).count(HELP) == 1


def test_help_comes_once_a_week_however_often_the_limit_is_hit(world: World) -> None:
    sam = world.submit("api-docs", **SAM)
    for hours in (0, 1, 24, 6 * 24):
        world.at(hours=hours)
        world.tell(sam, "RATE_LIMITED")
        world.later(minutes=11)
        world.run()
    assert world.subjects(sam).count(HELP) == 1
    world.at(days=7, minutes=1)
    world.tell(sam, "RATE_LIMITED")
    world.later(minutes=11)
    world.run()
    assert world.subjects(sam).count(HELP) == 2


def test_an_upgrade_in_the_meantime_makes_it_pointless(world: World) -> None:
    sam = world.submit("api-docs", **SAM)
    world.tell(sam, "RATE_LIMITED")
    world.later(minutes=3)
    world.tell(sam, "UPGRADED_PLAN")
    world.at(minutes=11)
    assert HELP not in world.subjects(sam)
    assert run_of(sam, "rate-limit-help").exit_reason == "goal: plan.upgraded"
