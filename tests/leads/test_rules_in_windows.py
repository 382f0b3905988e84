"""Event tests at the very edges: both evaluations against a third one, which just counts."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Event, Lead
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations
from lifecycle.core.rules import parse
from tests.leads.test_rules_sql import NOW, STARTED, TICK, in_postgres, in_python, known_facts, saved

pytestmark = pytest.mark.django_db

SPANS = ("30m", "2d", "7d")
# Exactly at an edge, just inside and just outside, and often the same instant more than once.
EDGES = [NOW, STARTED, *(NOW - durations.parse(span) for span in SPANS)]
times = st.sampled_from([edge + nudge * TICK for edge in EDGES for nudge in (-1, 0, 1)])
PLANS = st.sampled_from(["pro", "Pro", "free", None])
happened = st.lists(st.tuples(times, PLANS, st.integers(0, 3)), max_size=9)


@st.composite
def event_tests(draw: st.DrawFn) -> dict[str, object]:
    test: dict[str, object] = {"event": "pricing.viewed"}
    word = draw(st.sampled_from(["at_least", "at_most", "exactly"]))
    test[word] = draw(st.integers(1 if word == "at_least" else 0, 5))
    where = [
        {"property": "plan", "op": draw(st.sampled_from(["eq", "ne"])), "value": "pro"},
        {"property": "seats", "op": "gte", "value": draw(st.integers(0, 3))},
    ]
    test["where"] = draw(st.sampled_from([[], where[:1], where[1:], where]))
    return test | draw(st.sampled_from([{}, {"since": "enrollment"}, *({"within": span} for span in SPANS)]))


def counted(test, events):
    """How many events count, said as plainly as can be."""
    after = {"within": lambda span: NOW - durations.parse(span), "since": lambda _: STARTED}
    start = next((after[word](test[word]) for word in after if word in test), None)
    number = 0
    for at, plan, seats in events:
        tests_hold = all(
            seats >= where["value"]
            if where["property"] == "seats"
            else (plan is not None and plan.lower() == "pro") is (where["op"] == "eq")
            for where in test["where"]
        )
        number += at <= NOW and (start is None or at > start) and tests_hold
    return number


def holds(test, number):
    if "at_least" in test:
        return number >= test["at_least"]
    return number <= test["at_most"] if "at_most" in test else number == test["exactly"]


def person():
    lead = Lead(last_name="x", stage_since=NOW, created_at=NOW, updated_at=NOW)
    return lead, 0, 0


def rows(events):
    return [
        Event(
            kind="pricing.viewed",
            properties={"seats": seats} | ({"plan": plan} if plan else {}),
            occurred_at=at,
            recorded_at=NOW,
            source="test",
        )
        for at, plan, seats in events
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(happened, min_size=1, max_size=3), st.lists(event_tests(), min_size=1, max_size=8))
def test_all_three_agree(drawn, wanted):
    with saved([(*person(), rows(events)) for events in drawn]):
        facts = known_facts()
        by_lead = dict(zip(sorted(facts), drawn, strict=True))
        for test in wanted:
            for data, outcome in ((test, True), ({"not": test}, False)):
                rule = parse(data, VOCABULARY, since_enrollment=True)
                expected = {pk for pk, events in by_lead.items() if holds(test, counted(test, events)) is outcome}
                assert in_postgres(rule) == in_python(rule, facts) == expected, (rule.english(), drawn)


@pytest.mark.parametrize(
    ("ages", "inside"),
    [
        ([timedelta(0)], 1),  # now is inside
        ([-TICK], 0),  # the future is not
        ([timedelta(days=7)], 0),  # neither is the far edge
        ([timedelta(days=7) - TICK], 1),
        ([timedelta(days=7), timedelta(days=7), timedelta(0), timedelta(0)], 2),  # the same instant counts each time
    ],
)
def test_the_edges_of_a_window(ages, inside):
    with saved([(*person(), rows([(NOW - age, "pro", 1) for age in ages]))]):
        for word, number in (("exactly", inside), ("at_most", inside), ("at_least", inside)):
            if word == "at_least" and not number:
                continue
            rule = parse({"event": "pricing.viewed", word: number, "within": "7d"}, VOCABULARY)
            assert in_postgres(rule) == in_python(rule, known_facts()) == set(known_facts())
