"""The rule of engagement tiers: pure, and said once more in SQL."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads import log, tiers
from leads.engagement import looking
from leads.engagement.acts import ACT, is_act
from leads.log import NewEvent
from leads.models import Event
from leads.projection import HUMAN_FAMILIES, HUMAN_KINDS, NOT_HUMAN
from leads.tiers import Life, Thresholds
from lifecycle.core import sql
from tests.factories import NOON, LeadFactory

DAY = timedelta(days=1)
USUAL = Thresholds()

moments = st.integers(-150 * 24, 0).map(lambda hours: NOON + timedelta(hours=hours))
acts = st.lists(moments, max_size=12)
thresholds = st.builds(
    lambda acts, days, engaged, more: Thresholds(acts, days, engaged, engaged + more),
    st.integers(1, 6), st.integers(1, 120), st.integers(1, 60), st.integers(1, 60),
)  # fmt: skip


def person(came: int, *days_ago: float, by: Thresholds = USUAL) -> Life:
    """Who came so many days before NOON, and acted so many days before it."""
    made = [NOON - timedelta(days=each) for each in days_ago]
    return tiers.life(NOON - timedelta(days=came), max(made, default=None), made, by)


@pytest.mark.parametrize(
    ("who", "tier"),
    [
        (person(100, 1, 2, 3, 4, 5), "most_engaged"),
        (person(100, 1, 2, 3, 4), "engaged"),
        (person(100, 1, 2, 3, 4, 30), "engaged"),  # the fifth has just left the window
        (person(100, 1, 2, 3, 4, 29.9), "most_engaged"),
        (person(100, 29.9), "engaged"),
        (person(100, 30), "quiet"),
        (person(100, 89.9), "quiet"),
        (person(100, 90), "dormant"),
        (person(0), "engaged"),  # never acted: from when they came
        (person(30), "quiet"),
        (person(90), "dormant"),
    ],
)
def test_the_tiers_as_they_are_told_to_marketers(who, tier):
    assert tiers.tier(who, USUAL, NOON) == tier


def test_a_window_of_acts_may_be_longer_than_engagement_by_the_last_one():
    long = Thresholds(most_acts=2, most_days=90, engaged_days=10, quiet_days=40)
    who = person(200, 50, 60, by=long)
    assert tiers.tier(who, long, NOON) == "most_engaged"
    assert tiers.due_at(who, long, NOON) == NOON + 30 * DAY
    assert tiers.tier(who, long, NOON + 30 * DAY) == "dormant"


@given(came=moments, made=acts, by=thresholds)
def test_nobody_falls_before_they_are_due_and_everybody_does_then(came, made, by):
    who = tiers.life(came, max(made, default=None), made, by)
    now, seen = NOON, [tiers.tier(who, by, NOON)]
    while (due := tiers.due_at(who, by, now)) is not None:
        assert due > now
        just_before = due - timedelta(microseconds=1)
        assert tiers.tier(who, by, just_before) == seen[-1]
        assert tiers.is_higher(seen[-1], tiers.tier(who, by, due))
        seen.append(tiers.tier(who, by, due))
        now = due
    assert seen[-1] == "dormant"
    assert len(seen) <= len(tiers.LADDER)


@given(came=moments, made=acts, by=thresholds, more=moments)
def test_one_more_act_never_lowers(came, made, by, more):
    before = tiers.life(came, max(made, default=None), made, by)
    after = tiers.life(came, max([*made, more]), [*made, more], by)
    higher, lower = tiers.tier(after, by, NOON), tiers.tier(before, by, NOON)
    # Who never acted counts from when they came, and an old act tells that they were gone before.
    assert not tiers.is_higher(lower, higher) or not made


@pytest.mark.django_db
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.tuples(moments, acts), min_size=1, max_size=4), by=thresholds)
def test_the_database_says_the_same(people, by):
    said = {}
    for came, made in people:
        last = max(made, default=None)
        lead = LeadFactory(created_at=came, last_human_act_at=last)
        log.write([NewEvent(lead.pk, "pricing.viewed", occurred_at=at) for at in made], now=NOON, pending=False)
        who = tiers.life(came, last, made, by)
        said[lead.pk] = (tiers.tier(who, by, NOON), tiers.due_at(who, by, NOON), tiers.began_at(who, by, NOON))
    statement = f"SELECT id, after, due_at, began_at FROM ({looking._LOOKED} WHERE l.id = ANY(%b::bigint[])) looked"
    rows = sql.fetch(statement, [*looking._given(by, NOON), list(said)])
    assert {lead_id: tuple(rest) for lead_id, *rest in rows} == said


KINDS = [
    *sorted({*HUMAN_KINDS, *NOT_HUMAN}), *(f"{family}.done" for family in sorted(HUMAN_FAMILIES)),
    "visit.started", "email.clicked", "email.sent", "meeting.held", "lead.updated", "form", "tier.changed",
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("properties", [{}, {"human": True}, {"human": False}, {"human": None}, {"human": "yes"}])
def test_what_an_act_is_is_said_the_same_twice(properties):
    lead = LeadFactory()
    log.write([NewEvent(lead.pk, kind, properties) for kind in KINDS], now=NOON, pending=False)
    in_sql = {row[0] for row in sql.fetch(f"SELECT e.kind FROM leads_event e WHERE {ACT}")}
    assert in_sql == {event.kind for event in Event.objects.all() if is_act(event)}
