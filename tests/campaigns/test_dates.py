"""Waits for a date, and the mails that remind of it: tables of the pure steps."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.engine.anchors import Anchor
from campaigns.engine.deciding import decide
from campaigns.engine.steps import DateStep, EndStep, Hold, Pass, Queue, SendStep, Stay, WaitStep, with_deadlines
from campaigns.engine.variants import Variant
from tests.campaigns.journeying import HOT, NOON, branch, facts, journey, position, send, until

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STARTS = NOON + 3 * DAY


def date(key: str, offset: timedelta = -HOUR, name: str = "starts_at") -> DateStep:
    return DateStep(key, Anchor(event_property=name, offset=offset))


def about(start: datetime | str | None, **more: Any) -> dict[str, Any]:
    shown = start.isoformat() if isinstance(start, datetime) else start
    return {"event": {"starts_at": shown}, **more}


def look(now: datetime, start: datetime | str | None = STARTS, **changes: Any) -> Pass | Hold:
    outcome = date("until").decide(position("until", context=about(start), **changes), facts(), now)
    assert isinstance(outcome, Pass | Hold)
    return outcome


@pytest.mark.parametrize("before", [None, NOON, STARTS + DAY])
def test_rule_09_what_was_planned_before_does_not_count(before: datetime | None) -> None:
    outcome = look(NOON, is_waiting=before is not None, due_at=before)
    assert outcome == Hold(STARTS - HOUR, "waiting until 2026-03-05 11:00 UTC (1 hour before starts_at)")


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (None, "waiting for starts_at: there is no such date yet"),
        ("", "waiting for starts_at: there is no such date yet"),
        ("soon", "waiting for starts_at: 'soon' is no date"),
    ],
)
def test_rule_09_without_a_date_it_waits_and_looks_daily(start: str | None, reason: str) -> None:
    assert look(NOON, start) == Hold(NOON + DAY, reason)


def test_rule_09_the_plan_is_the_date_although_the_engine_is_late() -> None:
    late = STARTS - HOUR + timedelta(minutes=5)
    for waited in (True, False):
        outcome = look(late, is_waiting=waited)
        assert isinstance(outcome, Pass)
        assert (outcome.planned, outcome.at) == (STARTS - HOUR, late)


def test_rule_09_what_is_past_on_arrival_takes_no_time() -> None:
    outcome = look(NOON + 9 * DAY, step_since=NOON + 8 * DAY, reached=NOON + 9 * DAY)
    assert isinstance(outcome, Pass)
    assert (outcome.planned, outcome.at) == (NOON + 8 * DAY, NOON + 9 * DAY)


def test_rule_09_a_date_moved_into_the_past_does_not_move_the_plan_there() -> None:
    outcome = look(NOON + DAY, NOON - 30 * DAY, is_waiting=True)
    assert isinstance(outcome, Pass)
    assert (outcome.planned, outcome.at) == (NOON, NOON + DAY)


@pytest.mark.parametrize(
    ("start", "due_at", "goes_to"),
    [
        (STARTS, STARTS - HOUR, ""),  # waited for, looked at late
        (STARTS, STARTS - HOUR - timedelta(seconds=30), ""),  # waits are over with their minute
        (STARTS, STARTS + 2 * HOUR, "later"),  # it was moved to before now
        (STARTS + 30 * DAY, STARTS, "stays"),
    ],
)
def test_rule_09_a_wait_may_say_where_to_go_on_when_its_time_is_past(
    start: datetime, due_at: datetime, goes_to: str
) -> None:
    step = DateStep("until", date("until").anchor, else_key="later")
    at = position("until", context=about(start), is_waiting=True, due_at=due_at)
    outcome = step.decide(at, facts(), STARTS + 3 * HOUR)
    assert isinstance(outcome, Hold) if goes_to == "stays" else isinstance(outcome, Pass)
    if isinstance(outcome, Pass):
        assert (outcome.to, outcome.at) == (goes_to, STARTS + 3 * HOUR)


def test_rule_09_who_comes_too_late_for_a_wait_goes_where_it_says() -> None:
    step = DateStep("until", date("until").anchor, else_key="later")
    arrived = STARTS - timedelta(minutes=30)
    at = position("until", context=about(STARTS), step_since=arrived)
    outcome = step.decide(at, facts(), arrived)
    assert isinstance(outcome, Pass)
    assert (outcome.to, outcome.planned) == ("later", arrived)


def reminding(*steps: Any) -> dict[str, list[str]]:
    """Mail → the dates that end it."""
    made = with_deadlines(steps)
    return {step.key: [anchor.words() for anchor in step.anchors] for step in made if isinstance(step, SendStep)}


def test_rule_15_the_last_wait_before_a_mail_decides_whether_it_reminds() -> None:
    found = reminding(
        send("hello"),
        date("day", -DAY),
        send("tomorrow"),
        WaitStep("short", HOUR),
        send("still"),
        date("now", timedelta(0)),
        send("started"),
        date("after", DAY),
        send("recording"),
    )
    assert found == {
        "hello": [],
        "tomorrow": ["1 day before starts_at"],
        "still": ["1 day before starts_at"],
        "started": ["at starts_at"],
        "recording": [],
    }


def test_rule_15_a_mail_that_can_be_reached_without_the_date_does_not_remind() -> None:
    around = [branch("hot", HOT, then="mail"), date("hour"), send("mail")]
    assert reminding(*around) == {"mail": []}
    both = [
        branch("hot", HOT, then="day", otherwise="hour"),
        date("day", -DAY),
        EndStep("end"),
        date("hour"),
        send("m"),
    ]
    assert reminding(*both) == {"m": ["1 hour before starts_at"]}
    either = [until("event", "a.b", DAY, then="day", otherwise="hour"), date("day", -DAY), date("hour"), send("m")]
    assert reminding(*either) == {"m": ["1 hour before starts_at"]}


def test_rule_15_of_two_dates_the_later_ends_the_mail() -> None:
    other = Anchor(event_property="ends_at", offset=timedelta(0))
    both = SendStep("m", (Variant("", 1, 7),), "x", anchors=(date("d").anchor, other))
    context = {"event": {"starts_at": STARTS.isoformat(), "ends_at": (STARTS + HOUR).isoformat()}}
    assert both.expiry(NOON, {}, context, "UTC") == STARTS + HOUR
    assert both.due_from({}, context, "UTC") == STARTS - HOUR
    assert both.expiry(NOON, {}, {}, "UTC") is None


@pytest.mark.parametrize(
    ("late_after", "start", "expected"),
    [
        (None, STARTS, STARTS),
        (2 * HOUR, STARTS, STARTS),  # the start comes before it is too late
        (timedelta(minutes=30), STARTS, STARTS - HOUR + timedelta(minutes=30)),
    ],
)
def test_rule_15_a_queued_mail_carries_its_last_hour(
    late_after: timedelta | None, start: datetime, expected: datetime
) -> None:
    mail = SendStep("mail", (Variant("", 1, 7),), "x", late_after=late_after)
    way = journey(*with_deadlines([date("until"), mail]))
    at = position("until", context=about(start), is_waiting=True, due_at=start - HOUR)
    decisions = decide(way, at, facts(), start - HOUR)
    queued = next(decision for decision in decisions if isinstance(decision, Queue))
    assert queued.expires_at == expected
    assert isinstance(decisions[-1], Stay)
