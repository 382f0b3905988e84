"""When time alone may change a rule: never said too late, in Python and in Postgres."""

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Event, Lead
from leads.rule_fields import VOCABULARY
from lifecycle.core import durations
from lifecycle.core.rules import EventFact, Facts, parse
from lifecycle.core.rules.moments import read
from tests.leads.test_rules_sql import NOW, STARTED, TICK, known_facts, leads, moments, people, rules, saved

DAY = timedelta(days=1)
SPANS = ("30m", "2h", "2d", "7d")

date_texts = moments.map(datetime.isoformat)
spans = st.sampled_from(SPANS)
relative_ops = st.sampled_from(["within_last", "within_next", "older_than"])
clocks = st.builds(
    lambda name, op, span: {"field": name, "op": op, "value": span},
    st.sampled_from(["created_at", "last_human_act_at", "attributes.due"]),
    relative_ops,
    spans,
)
windows = st.builds(
    lambda word, count, span, where: {
        "event": "pricing.viewed",
        word: max(count, int(word == "at_least")),
        "within": span,
        **where,
    },
    st.sampled_from(["at_least", "at_most", "exactly"]),
    st.integers(0, 3),
    spans,
    st.sampled_from(
        [
            {},
            {"where": [{"property": "plan", "op": "eq", "value": "pro"}]},
            {"where": [{"property": "starts_at", "op": "within_next", "value": "2d"}]},
        ]
    ),
)
steady = st.sampled_from(
    [
        {"field": "is_client", "op": "is_true"},
        {"event": "pricing.viewed"},
        {"event": "pricing.viewed", "since": "enrollment"},
        {"field": "created_at", "op": "before", "value": "2026-11-20"},
    ]
)
moving_rules = st.recursive(
    clocks | windows | clocks | windows | steady,
    lambda inner: (
        st.builds(lambda part: {"not": part}, inner)
        | st.builds(
            lambda word, parts: {word: parts}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)
        )
    ),
    max_leaves=5,
)
happened = st.lists(
    st.builds(
        lambda at, plan, starts: EventFact(at, {"plan": plan, "starts_at": starts}),
        moments,
        st.sampled_from(["pro", "free"]),
        st.none() | date_texts,
    ),
    max_size=6,
)


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    fields = {
        "created_at": draw(moments),
        "last_human_act_at": draw(st.none() | moments),
        "is_client": draw(st.booleans()),
        "attributes": {"due": draw(st.none() | date_texts | st.just("soon"))},
    }
    return Facts(fields, {"pricing.viewed": tuple(draw(happened))}, STARTED)


def instants(known: Facts, spans: list[timedelta]) -> list[datetime]:
    """Every moment at which any test could turn: each time that is known, moved by each span, and a tick beside it."""
    texts = [
        *known.fields.get("attributes", {}).values(),
        *(value for events in known.events.values() for event in events for value in event.properties.values()),
    ]
    bases = [
        *(value for value in known.fields.values() if isinstance(value, datetime)),
        *(event.at for events in known.events.values() for event in events),
        *(found for text in texts if (found := read(text)) is not None),
    ]
    moved = {base + sign * span for base in bases for span in [*spans, timedelta(0)] for sign in (-1, 1)}
    return sorted(moment + nudge for moment in moved for nudge in (-TICK, timedelta(0), TICK) if moment + nudge > NOW)


def spans_of(data: object) -> list[timedelta]:
    """Every duration that the rule names."""
    words = json.dumps(data).replace('"', " ").split()
    return [durations.parse(word) for word in words if word[:-1].isdigit() and word[-1] in "mhdw"]


def first_turn(rule, known, spans):
    outcome = rule.matches(known, NOW)
    return next((at for at in instants(known, spans) if rule.matches(known, at) is not outcome), None)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(moving_rules, facts())
def test_nothing_changes_before_the_next_change(data, known):
    rule = parse(data, VOCABULARY, since_enrollment=True)
    due, turn = rule.next_change(known, NOW), first_turn(rule, known, spans_of(data))
    assert due is None or due > NOW
    assert turn is None or (due is not None and due <= turn), rule.english()


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(leads(), facts()), min_size=1, max_size=3), st.lists(moving_rules, min_size=1, max_size=6))
def test_postgres_never_says_later(drawn, wanted):
    kept = []
    for lead, known in drawn:
        for name in ("created_at", "last_human_act_at", "is_client", "attributes"):
            setattr(lead, name, known.fields[name])
        events = [
            Event(kind="pricing.viewed", properties=one.properties, occurred_at=one.at, recorded_at=NOW, source="test")
            for one in known.events["pricing.viewed"]
            if one.at <= NOW
        ]
        kept.append((lead, 0, 0, events))
    with saved(kept):
        known_now = known_facts()
        for data in wanted:
            if "since" in json.dumps(data):
                continue  # segments know no enrollment
            rule = parse(data, VOCABULARY)
            due = rule.next_change_in_sql(NOW, Event.objects.all())
            dues = dict(Lead.objects.annotate(due=due).values_list("pk", "due")) if due is not None else {}
            for pk, each in known_now.items():
                turn = first_turn(rule, each, spans_of(data))
                assert turn is None or (dues.get(pk) is not None and dues[pk] <= turn), rule.english()


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(people, st.lists(rules, min_size=1, max_size=6))
def test_every_rule_can_be_asked_in_both(drawn, wanted):
    """Whatever the rule: the statement is sound, and a rule of which time is no part has nothing to wait for."""
    with saved(drawn):
        for data in wanted:
            rule = parse(data, VOCABULARY, since_enrollment=True)
            due = (
                rule.next_change_in_sql(NOW, Event.objects.all())
                if "enrollment" not in json.dumps(data, default=str)
                else None
            )
            if due is not None:
                assert rule.needs().time_dependent
                assert list(Lead.objects.annotate(due=due).values_list("due"))
            for known in known_facts().values():
                assert (moment := rule.next_change(known, NOW)) is None or moment > NOW


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"field": "created_at", "op": "older_than", "value": "90d"}, 85 * DAY),
        ({"field": "created_at", "op": "within_last", "value": "7d"}, 2 * DAY),
        ({"field": "attributes.renewal", "op": "within_next", "value": "30d"}, 9.5 * DAY),
        ({"event": "a.b", "within": "7d"}, 6 * DAY),
        ({"event": "a.b", "at_least": 2, "within": "7d"}, 5 * DAY),
        ({"event": "a.b", "at_least": 4, "within": "7d"}, None),
        ({"event": "a.b", "at_most": 2, "within": "7d"}, 4 * DAY),
        ({"event": "a.b", "exactly": 2, "within": "7d"}, 4 * DAY),
        ({"event": "a.b", "exactly": 3, "within": "7d"}, 4 * DAY),
        ({"event": "a.b"}, None),
        # What decides otherwise, for as long as it does, leaves nothing to wait for.
        ({"all": [{"field": "is_client", "op": "is_true"}, {"event": "a.b", "within": "7d"}]}, None),
        ({"any": [{"field": "is_client", "op": "is_false"}, {"event": "a.b", "within": "7d"}]}, None),
        (
            {"all": [{"event": "x.y", "within": "1d"}, {"field": "created_at", "op": "older_than", "value": "90d"}]},
            None,
        ),
        ({"not": {"any": [{"event": "a.b", "within": "2d"}, {"event": "a.b", "within": "7d"}]}}, 6 * DAY),
    ],
)
def test_the_moment_itself(data, expected):
    known = Facts(
        {"created_at": NOW - 5 * DAY, "is_client": False, "attributes": {"renewal": "2026-12-31"}},
        {"a.b": [EventFact(NOW - days * DAY, {}) for days in (3, 1, 2)]},
    )
    due = parse(data, VOCABULARY).next_change(known, NOW)
    assert due == (None if expected is None else NOW + expected)


def test_an_event_that_is_still_to_come_is_waited_for():
    known = Facts({}, {"a.b": [EventFact(NOW + DAY, {})]})
    assert parse({"event": "a.b"}, VOCABULARY).next_change(known, NOW) == NOW + DAY


def test_the_end_of_the_calendar_is_as_good_as_never():
    known = Facts({"created_at": datetime.max.replace(tzinfo=NOW.tzinfo) - DAY}, {})
    rule = parse({"field": "created_at", "op": "older_than", "value": "3650d"}, VOCABULARY)
    due = rule.next_change(known, NOW)
    assert due is not None
    assert due.year == 9999
