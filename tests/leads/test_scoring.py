"""The pure part of scoring: caps hold for any rules and any events."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads import scoring
from leads.scoring import Group, Limit, Thresholds
from tests.factories import NOON

DAY = timedelta(days=1)
points = st.integers(-60, 60)


@pytest.mark.parametrize(
    ("score", "warmth"), [(0, "cold"), (30, "cold"), (31, "warm"), (79, "warm"), (80, "hot"), (100, "hot")]
)
def test_temperature_by_thresholds(score, warmth):
    assert scoring.temperature(score, Thresholds(31, 80)) == warmth


def test_points_halve_in_a_half_life_and_the_future_counts_in_full():
    assert scoring.faded(20, 30 * DAY, 30 * DAY) == 10
    assert scoring.faded(20, -DAY, 30 * DAY) == 20


@given(st.lists(st.tuples(points, st.sampled_from([Group("a", 30), Group("b", 25), Group("c", 90)]))))
def test_fit_never_exceeds_its_caps(rules):
    granted = scoring.fit_points((number, value, group) for number, (value, group) in enumerate(rules))
    assert 0 <= sum(granted.values()) <= scoring.FIT_CAP
    for group in {group for _, group in rules}:
        total = sum(value for number, value in granted.items() if rules[number][1] == group)
        assert 0 <= total <= group.cap


@given(st.lists(points, max_size=30), st.integers(0, 60))
def test_intent_never_exceeds_its_caps(grants, cap):
    score = 0
    for value in grants:
        score += scoring.intent_points(value, group_now=score, cap=cap, score_now=score)
        assert 0 <= score <= min(cap, scoring.INTENT_CAP)


@given(st.lists(st.integers(0, 60 * 24), max_size=40), st.integers(1, 4))
def test_a_limit_holds_in_every_window_whatever_order_events_come_in(hours, times):
    limit, granted = Limit(times, 7 * DAY), []
    for hour in hours:
        at = NOON + timedelta(hours=hour)
        if scoring.within_limit(granted, at, limit):
            granted.append(at)
    for end in granted:
        assert sum(end - limit.span < at <= end for at in granted) <= times
