"""Who enters: rules 1 to 5b of the journeys' design, as a table."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.engine.deciding import Journey, Trigger
from campaigns.engine.triggers import Candidate, Run, Verdict, fires, judge, key_of
from leads.batch import EventRow
from tests.campaigns.journeying import CUSTOMER, HOT, NOON, facts, goal, journey, rule, send

DAY = timedelta(days=1)


def event(kind: str, **properties: Any) -> EventRow:
    return EventRow(9, 5, kind, properties, NOON, NOON, "test", 0)


def candidate(entered: Journey, *, key: str = "", since: datetime = NOON, depth: int = 0) -> Candidate:
    return Candidate(5, entered, key, {}, since, depth=depth)


def run(number: int = 1, **changes: Any) -> Run:
    """A run of the very sequence, active and unkeyed, that began a day ago."""
    values: dict[str, Any] = {
        "sequence_id": 1,
        "sequence": "welcome",
        "key": "",
        "is_active": True,
        "enrolled_at": NOON - DAY,
        "group_id": None,
        "priority": 0,
        **changes,
    }
    return Run(number, **values)


CONTACT = Trigger(
    "form.submitted", rule({"event": "form.submitted", "where": [{"property": "form", "op": "eq", "value": "contact"}]})
)


@pytest.mark.parametrize(
    ("trigger", "happened", "expected"),
    [
        (Trigger("docs.downloaded"), event("docs.downloaded"), True),
        (Trigger("docs.downloaded"), event("docs.viewed"), False),
        (CONTACT, event("form.submitted", form="contact"), True),
        (CONTACT, event("form.submitted", form="webinar"), False),
        (CONTACT, event("form.submitted"), False),
        (CONTACT, event("page.viewed", form="contact"), False),
        (Trigger("segment.entered", segment="hot-leads"), event("segment.entered", segment="hot-leads"), True),
        (Trigger("segment.entered", segment="hot-leads"), event("segment.entered", segment="cold-leads"), False),
        (Trigger("segment.entered", segment="hot-leads"), event("segment.left", segment="hot-leads"), False),
    ],
)
def test_rule_2_a_trigger_is_an_event_with_its_properties_or_a_segment(trigger, happened, expected) -> None:
    assert fires(trigger, happened) is expected


@pytest.mark.parametrize(
    ("key_property", "properties", "expected"),
    [
        ("", {"order_id": "A1"}, ""),
        ("order_id", {"order_id": "A1"}, "A1"),
        ("order_id", {"order_id": 17}, "17"),
        ("order_id", {"order_id": None}, ""),
        ("order_id", {}, ""),
        ("order_id", {"order_id": "x" * 500}, "x" * 120),
    ],
)
def test_rule_1_the_key_is_a_business_id(key_property: str, properties: dict[str, Any], expected: str) -> None:
    assert key_of(journey(send("one"), key_property=key_property), properties) == expected


@pytest.mark.parametrize(
    ("changes", "runs", "expected"),
    [
        ({}, [], Verdict("enrolled")),
        # Rule 1: at most one active.
        ({}, [run()], Verdict("already_active", "active: already in this sequence", run_id=1)),
        ({"reentry": "after_exit"}, [run()], Verdict("already_active", "active: already in this sequence", run_id=1)),
        # Rule 3: a second trigger merges where the sequence says so.
        ({"second_trigger": "merge"}, [run()], Verdict("merged", "active: it joins the run", run_id=1)),
        # Rule 1: re-entry.
        ({}, [run(is_active=False)], Verdict("refused", "reentry: never")),
        ({"reentry": "after_exit"}, [run(is_active=False)], Verdict("enrolled")),
        (
            {"reentry": "after", "reentry_after": 7 * DAY},
            [run(is_active=False), run(2, is_active=False, enrolled_at=NOON - 9 * DAY)],
            Verdict("refused", "reentry: not before 2026-03-08 12:00 UTC"),
        ),
        (
            {"reentry": "after", "reentry_after": 7 * DAY},
            [run(is_active=False, enrolled_at=NOON - 7 * DAY)],
            Verdict("enrolled"),
        ),
        ({"reentry": "once_per_key"}, [run(is_active=False)], Verdict("refused", "reentry: once per key")),
        ({"reentry": "once_per_key"}, [run(is_active=False, key="A1")], Verdict("enrolled")),
        # Runs of other sequences outside the group say nothing.
        ({}, [run(sequence_id=2)], Verdict("enrolled")),
    ],
)
def test_rules_1_and_3_re_entry_and_second_triggers(changes, runs, expected) -> None:
    assert judge(candidate(journey(send("one"), **changes)), runs, facts(), NOON) == expected


def test_rule_3_two_orders_run_in_parallel_by_their_keys() -> None:
    keyed = journey(send("one"), key_property="order_id", reentry="once_per_key")
    active = [run(key="A1")]
    assert judge(candidate(keyed, key="B2"), active, facts(), NOON).result == "enrolled"
    assert judge(candidate(keyed, key="A1"), active, facts(), NOON).result == "already_active"


def test_rule_2_filters_hold_at_the_entry() -> None:
    filtered = journey(send("one"), filters={"not": CUSTOMER})
    assert judge(candidate(filtered), [], facts(stage="sql"), NOON).result == "enrolled"
    refused = judge(candidate(filtered), [], facts(stage="customer"), NOON)
    assert (refused.result, refused.reason) == ("refused", "filter: needs Not (stage is customer)")


def test_nobody_enters_just_to_leave() -> None:
    leaving = journey(send("one"), exits=(goal("meeting.booked"),))
    booked = facts(("meeting.booked", NOON + DAY))
    refused = judge(candidate(leaving), [], booked, NOON + 2 * DAY)
    assert (refused.result, refused.reason) == ("refused", "exit: goal: meeting.booked holds already")
    assert judge(candidate(leaving), [], facts(("meeting.booked", NOON)), NOON + 2 * DAY).result == "enrolled"


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (5, Verdict("enrolled")),
        (6, Verdict("refused", "loop: 6 causes deep, sequences feed each other")),
    ],
)
def test_rule_4_sequences_that_feed_each_other_are_stopped(depth: int, expected: Verdict) -> None:
    again = journey(send("one"), reentry="after_exit")
    assert judge(candidate(again, depth=depth), [], facts(), NOON) == expected


def others(*priorities: int, **changes: Any) -> list[Run]:
    return [
        run(10 + place, sequence_id=20 + place, sequence=f"other-{place}", priority=priority, group_id=1, **changes)
        for place, priority in enumerate(priorities)
    ]


@pytest.mark.parametrize(
    ("priority", "runs", "expected"),
    [
        (20, [], Verdict("enrolled")),
        (20, others(10), Verdict("enrolled", replaces=(10,))),
        (20, others(10, 5), Verdict("enrolled", replaces=(10, 11))),
        (20, others(30), Verdict("refused", "group: already in other-0, which goes first")),
        (20, others(20), Verdict("refused", "group: already in other-0, which goes first")),
        (20, others(10, 30), Verdict("refused", "group: already in other-1, which goes first")),
        # Runs that are over, and those of another group, are no obstacle.
        (20, others(30, is_active=False), Verdict("enrolled")),
        (20, [replace(other, group_id=2) for other in others(30)], Verdict("enrolled")),
    ],
)
def test_rule_5b_one_conversation_at_a_time(priority: int, runs: list[Run], expected: Verdict) -> None:
    grouped = journey(send("one"), group_id=1, priority=priority)
    assert judge(candidate(grouped), runs, facts(), NOON) == expected


def test_rule_5b_nobody_is_in_a_grouped_sequence_twice_whatever_the_keys() -> None:
    grouped = journey(send("one"), group_id=1, priority=20, reentry="after_exit")
    runs = [run(7, key="A", group_id=1, priority=20)]
    assert judge(candidate(grouped, key="B"), runs, facts(), NOON) == Verdict(
        "refused", "group: already in welcome, with another key"
    )
    assert judge(candidate(replace(grouped, group_id=None), key="B"), runs, facts(), NOON).result == "enrolled"


def test_the_reasons_come_in_the_order_in_which_a_marketer_asks() -> None:
    """Active already, then who the person is, then what they did, then the past, then the others."""
    strict = journey(send("one"), filters=HOT, exits=(goal("meeting.booked"),), group_id=1, priority=1)
    runs = [run(is_active=False), *others(30)]
    booked = ("meeting.booked", NOON + DAY)

    def reason(who: Journey, *events: tuple[str, datetime], **fields: Any) -> str:
        return judge(candidate(who), runs, facts(*events, **fields), NOON + 2 * DAY).reason

    assert reason(strict, booked).startswith("filter: ")
    assert reason(strict, booked, temperature="hot").startswith("exit: ")
    assert reason(strict, temperature="hot").startswith("reentry: ")
    assert reason(replace(strict, reentry="after_exit"), temperature="hot").startswith("group: ")
