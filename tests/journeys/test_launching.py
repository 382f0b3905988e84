"""Chapter “Entry” of journeys.md, rule 5: what a launch does with those who already match."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns import actions, launching
from campaigns.launching import LaunchRefused
from campaigns.models import Backfill, BackfillEntry, Enrollment, Message, Sequence, SequenceChange
from campaigns.running import runner
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Lead, Segment, SegmentMember
from leads.pipeline import drain as process
from tests.campaigns.sequences import count_queries, live, people
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STEPS: list[dict[str, Any]] = [
    {"id": "one", "send": "one"},
    {"id": "week", "wait": "7d"},
    {"id": "two", "send": "two"},
    {"id": "month", "wait": "30d"},
    {"id": "three", "send": "three"},
]


def came(lead: Lead, days_ago: float, **properties: Any) -> None:
    """They sent the form before there was a sequence for it."""
    at = NOON - timedelta(days=days_ago)
    record([NewEvent(lead.pk, "form.submitted", properties, occurred_at=at, source="form")], now=at)
    process(now=at)


def launched(**changes: Any) -> Sequence:
    return live(**{"steps": STEPS, **changes})


def states(backfill: Backfill) -> list[tuple[str, str]]:
    return list(backfill.entries.order_by("pk").values_list("state", "reason"))


def inside(sequence: Sequence) -> list[int]:
    return list(Enrollment.objects.filter(sequence=sequence).order_by("lead_id").values_list("lead_id", flat=True))


def test_rule_05_none_is_what_happens_without_asking() -> None:
    """Launch asks what to do with those who already match: none …"""
    came(LeadFactory.create(), 3)
    sequence = launched()
    assert launching.drain(now=NOON) == 0
    assert inside(sequence) == []


def test_rule_05_all_enter_at_the_first_step_with_what_they_sent() -> None:
    """… all …"""
    early, late, other = (LeadFactory.create() for _ in range(3))
    came(early, 20, form="contact", product="A")
    came(early, 10, form="contact", product="B")
    came(late, 1, form="contact")
    came(other, 1, form="newsletter")
    trigger = {"event": "form.submitted", "where": [{"property": "form", "op": "eq", "value": "contact"}]}
    sequence = launched(entry={"triggers": [trigger]})
    backfill = launching.start(sequence, mode="all", now=NOON)
    assert backfill.matched == 2
    assert launching.drain(now=NOON) == 2
    assert inside(sequence) == [early.pk, late.pk]
    run = Enrollment.objects.get(lead=early)
    assert (run.step_key, run.enrolled_at, run.goal_since) == ("one", NOON, NOON - 10 * DAY)
    assert run.context["event"]["product"] == "B"
    assert run.entry_event is not None
    assert launching.progress(backfill) == launching.Progress(2, 2, 0, 0, {})


def test_rule_05_filters_reentry_groups_and_exits_apply_as_always() -> None:
    customer, booked, fine = LeadFactory.create(stage="customer"), LeadFactory.create(), LeadFactory.create()
    for lead in (customer, booked, fine):
        came(lead, 5)
    record([NewEvent(booked.pk, "meeting.booked", {}, occurred_at=NOON - DAY, source="form")], now=NOON - DAY)
    process(now=NOON)
    sequence = launched(
        entry={
            "triggers": [{"event": "form.submitted"}],
            "filters": {"field": "stage", "op": "ne", "value": "customer"},
        },
        exits=[{"goal": "meeting.booked"}],
    )
    backfill = launching.start(sequence, mode="all", now=NOON)
    launching.drain(now=NOON)
    assert inside(sequence) == [fine.pk]
    assert launching.progress(backfill) == launching.Progress(
        2, 1, 0, 1, {"exit: goal: meeting.booked holds already": 1}
    )


def test_rule_05_somebody_who_does_not_fit_any_more_at_their_turn_is_refused_with_the_reason() -> None:
    lead = LeadFactory.create(stage="mql")
    came(lead, 5)
    entry = {"triggers": [{"event": "form.submitted"}], "filters": {"field": "stage", "op": "ne", "value": "customer"}}
    backfill = launching.start(launched(entry=entry), mode="all", now=NOON)
    Lead.objects.filter(pk=lead.pk).update(stage="customer")
    launching.drain(now=NOON)
    assert states(backfill) == [("refused", "filter: needs Stage is not customer")]


def test_rule_05_members_of_a_segment_match_too() -> None:
    segment = Segment.objects.create(slug="hot", name="Hot", rule={"field": "temperature", "op": "eq", "value": "hot"})
    lead, _ = LeadFactory.create(), LeadFactory.create()
    SegmentMember.objects.create(segment=segment, lead=lead, entered_at=NOON - 4 * DAY)
    sequence = launched(entry={"triggers": [{"segment": "hot"}]})
    launching.start(sequence, mode="all", now=NOON)
    launching.drain(now=NOON)
    run = Enrollment.objects.get()
    assert (run.lead, run.goal_since, run.entry_event_id) == (lead, NOON - 4 * DAY, None)


@pytest.mark.parametrize(
    ("days_ago", "step", "due_at", "skipped"),
    [
        (0.0, "one", None, ""),
        (3.0, "week", NOON + 4 * DAY, "skipped: one"),
        (10.0, "month", NOON + 27 * DAY, "skipped: one, two"),
    ],
)
def test_rule_05_by_elapsed_time_they_start_where_they_would_be_now(
    days_ago: float, step: str, due_at: datetime | None, skipped: str
) -> None:
    """… from the step by elapsed time …"""
    came(LeadFactory.create(), days_ago)
    backfill = launching.start(launched(), mode="elapsed", now=NOON)
    launching.drain(now=NOON)
    runner.drain(now=NOON)
    run = Enrollment.objects.get()
    assert (run.step_key, run.due_at, run.enrolled_at) == (step, due_at, NOON - days_ago * DAY)
    assert Message.objects.count() == (1 if step == "one" else 0)
    assert states(backfill) == [("enrolled", skipped)]


def test_rule_05_who_would_have_gone_through_all_of_it_does_not_enter() -> None:
    came(LeadFactory.create(), 100)
    backfill = launching.start(launched(), mode="elapsed", now=NOON)
    launching.drain(now=NOON)
    assert states(backfill) == [("refused", "late: who entered then would have gone through all of it")]
    assert not Enrollment.objects.exists()


def test_rule_05_a_sample_is_the_same_people_whenever_it_is_drawn() -> None:
    """… a sample of K …"""
    for lead in people(20):
        came(lead, 2)
    sequence = launched()
    first = launching.start(sequence, mode="sample", sample=5, now=NOON)
    drawn = set(first.entries.values_list("lead_id", flat=True))
    assert len(drawn) == 5
    launching.stop(first, now=NOON)
    second = launching.start(sequence, mode="sample", sample=5, now=NOON)
    assert set(second.entries.values_list("lead_id", flat=True)) == drawn


def test_rule_05_throttled_by_m_an_hour() -> None:
    """… throttled by M an hour."""
    for lead in people(10):
        came(lead, 2)
    sequence = launched()
    launching.start(sequence, mode="all", per_hour=4, now=NOON)
    entered = []
    for minutes in (0, 14, 15, 30, 60, 120, 150):
        launching.drain(now=NOON + timedelta(minutes=minutes))
        entered.append(Enrollment.objects.count())
    assert entered == [1, 1, 2, 3, 4, 5, 6]


def test_rule_05_after_an_outage_or_a_pause_the_throttle_still_holds() -> None:
    for lead in people(10):
        came(lead, 2)
    sequence = launched()
    launching.start(sequence, mode="all", per_hour=1, now=NOON)
    launching.drain(now=NOON)
    actions.pause(sequence, now=NOON)
    assert launching.drain(now=NOON + 5 * HOUR) == 0
    actions.resume(sequence, now=NOON + 8 * HOUR)
    launching.drain(now=NOON + 8 * HOUR)
    assert Enrollment.objects.count() == 2
    launching.drain(now=NOON + 9 * HOUR)
    assert Enrollment.objects.count() == 3


def test_rule_05_it_can_be_stopped_and_who_entered_stays() -> None:
    for lead in people(5):
        came(lead, 2)
    backfill = launching.start(launched(), mode="all", per_hour=1, now=NOON)
    launching.drain(now=NOON)
    assert launching.stop(backfill, now=NOON) == 4
    assert launching.stop(backfill, now=NOON) == 0
    assert launching.drain(now=NOON + 9 * HOUR) == 0
    assert launching.progress(backfill) == launching.Progress(5, 1, 0, 4, {"stopped: the backfill was stopped": 4})
    actions_noted = SequenceChange.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions_noted) == ["published", "backfill begun", "backfill stopped"]


def test_rule_05_nobody_enters_twice_and_who_is_inside_is_left_out() -> None:
    lead = LeadFactory.create()
    sequence = launched()
    came(lead, 2)
    assert inside(sequence) == [lead.pk]
    assert launching.start(sequence, mode="all", now=NOON).matched == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mode": "some"}, "mode: 'some' is not known: all, elapsed, sample"),
        ({"mode": "sample"}, "sample: say how many people"),
        ({"mode": "all", "sample": 3}, "sample: say how many people, and only for a sample"),
        ({"mode": "all", "per_hour": 0}, "per_hour: at least 1"),
    ],
)
def test_rule_05_a_wrong_choice_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(LaunchRefused, match=said):
        launching.start(launched(), now=NOON, **given)
    assert not Backfill.objects.exists()


def test_rule_05_one_backfill_at_a_time_and_only_what_is_published_and_has_a_trigger() -> None:
    came(LeadFactory.create(), 2)
    sequence = launched()
    launching.start(sequence, mode="all", now=NOON)
    with pytest.raises(LaunchRefused, match="another backfill of this sequence is under way"):
        launching.start(sequence, mode="all", now=NOON)
    with pytest.raises(LaunchRefused, match="not published yet"):
        launching.start(Sequence.objects.create(slug="draft", name="Draft"), mode="all", now=NOON)
    with pytest.raises(LaunchRefused, match="has no trigger"):
        launching.start(live("by-hand", entry={"triggers": []}), mode="all", now=NOON)


def test_rule_05_letting_many_in_costs_as_many_queries_as_one() -> None:
    counts = []
    for number, size in enumerate((1, 60)):
        sequence = launched(slug=f"s{number}", entry={"triggers": [{"event": f"a.b{number}"}]})
        crowd = people(size)
        events = [NewEvent(lead.pk, f"a.b{number}", {}, occurred_at=NOON - DAY, source="x") for lead in crowd]
        Sequence.objects.filter(pk=sequence.pk).update(status="paused")
        record(events, now=NOON - DAY)
        process(now=NOON - DAY)
        Sequence.objects.filter(pk=sequence.pk).update(status="live")
        launching.start(sequence, mode="all", now=NOON)
        with count_queries() as counted:
            assert launching.drain(now=NOON) == size
        counts.append(len(counted))
        BackfillEntry.objects.all().delete()
    assert counts[0] == counts[1] <= 16
