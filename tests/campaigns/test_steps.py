"""Each kind of step alone: what it says to somebody who arrives, who waits, and whose time has come."""

from datetime import time, timedelta

import pytest

from campaigns.engine.steps import CalendarStep, EndStep, Hold, Leave, NotifyStep, Pass, SendStep, SetStep, WaitStep
from campaigns.engine.variants import Variant
from tests.campaigns.journeying import HOT, NOON, branch, facts, position, send, until

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_mail_is_queued_once_and_then_waited_for() -> None:
    step = send("hello")
    arrived = step.decide(position("hello"), facts(), NOON)
    assert isinstance(arrived, Hold)
    assert (arrived.until, arrived.effect.template_id) == (None, 7)
    settled = step.decide(position("hello", is_waiting=True, due_at=NOON + HOUR), facts(), NOON + DAY)
    assert isinstance(settled, Pass)
    assert settled.at == NOON + HOUR, "the step was completed when its mail was, not when we looked"


def test_rule_18_a_variant_is_chosen_and_named() -> None:
    step = SendStep("hello", (Variant("a", 0, 11), Variant("b", 50, 12)), experiment="welcome:hello")
    effect = step.decide(position("hello"), facts(), NOON).effect
    assert (effect.variant_key, effect.template_id, effect.reason) == ("b", 12, "experiment: variant b")


@pytest.mark.parametrize(
    ("changes", "now", "until_when"),
    [
        ({}, NOON, NOON + DAY),
        ({}, NOON + DAY, None),
        ({"step_since": NOON - 2 * DAY}, NOON, None),
        # What was promised when the wait began stays.
        ({"is_waiting": True, "due_at": NOON + HOUR}, NOON, NOON + HOUR),
        ({"is_waiting": True, "due_at": NOON + HOUR}, NOON + HOUR, None),
    ],
)
def test_rule_10_a_wait_counts_from_the_completion_of_the_step_before(changes, now, until_when) -> None:
    outcome = WaitStep("pause", DAY).decide(position("pause", **changes), facts(), now)
    assert (outcome.until if isinstance(outcome, Hold) else None) == until_when
    assert isinstance(outcome, Pass) == (until_when is None)


def test_rule_10_or_from_the_enrollment() -> None:
    step = WaitStep("pause", 3 * DAY, from_enrollment=True)
    here = position("pause", enrolled_at=NOON - 2 * DAY)
    assert step.decide(here, facts(), NOON).until == NOON + DAY


def test_rule_9_a_day_is_24_hours_and_a_calendar_day_is_the_clocks() -> None:
    """Berlin sets its clocks forward on 2026-03-29: 24 hours later it is 13:00 there, the next noon is an hour less."""
    saturday_noon = NOON.replace(day=28, hour=11)
    here = position("pause", step_since=saturday_noon, zone="Europe/Berlin")
    elapsed = WaitStep("pause", DAY).decide(here, facts(), saturday_noon)
    calendar = CalendarStep("pause", time(12)).decide(here, facts(), saturday_noon)
    assert elapsed.until - calendar.until == HOUR


def test_a_calendar_wait_keeps_its_promise_when_the_person_moves() -> None:
    step = CalendarStep("nine", time(9))
    here = position("nine", is_waiting=True, due_at=NOON + 21 * HOUR, zone="Asia/Tokyo")
    assert step.decide(here, facts(), NOON).until == NOON + 21 * HOUR


@pytest.mark.parametrize(
    ("events", "now", "result"),
    [
        ([], NOON, "waits"),
        ([], NOON + 3 * DAY, "else"),
        ([("email.clicked", NOON + HOUR)], NOON + 2 * HOUR, "then"),
        ([("email.clicked", NOON + HOUR)], NOON + 5 * DAY, "then"),  # already true passes, however late we look
        ([("email.clicked", NOON)], NOON + HOUR, "waits"),  # since the enrollment, not at it
        ([("email.clicked", NOON - HOUR)], NOON + HOUR, "waits"),
        ([("email.clicked", NOON + 2 * HOUR)], NOON + HOUR, "waits"),  # the future does not count yet
        ([("email.opened", NOON + HOUR)], NOON + 2 * HOUR, "waits"),
    ],
)
def test_rule_9_a_wait_for_an_event_has_two_outcomes_and_an_end(events, now, result) -> None:
    outcome = until("click", "email.clicked", 3 * DAY, "then", "else").decide(position("click"), facts(*events), now)
    if result == "waits":
        assert outcome.until == NOON + 3 * DAY
    else:
        assert (outcome.to, outcome.at) == (result, now)


def test_a_branch_goes_one_way_and_says_which() -> None:
    step = branch("hot", HOT, "then", "else")
    yes = step.decide(position("hot"), facts(temperature="hot"), NOON)
    no = step.decide(position("hot"), facts(), NOON)
    assert (yes.to, yes.effect.reason) == ("then", "Temperature is hot: yes")
    assert (no.to, no.effect.reason) == ("else", "Temperature is hot: no")


def test_steps_that_act_pass_on_at_once() -> None:
    for step in (SetStep("set", "industry", "Tech"), NotifyStep("tell", "Call")):
        outcome = step.decide(position(step.key), facts(), NOON)
        assert isinstance(outcome, Pass)
        assert (outcome.at, outcome.to, outcome.effect.step_key) == (NOON, "", step.key)


def test_the_end_is_the_end() -> None:
    assert EndStep("end").decide(position("end"), facts(), NOON) == Leave("end", "completed")
