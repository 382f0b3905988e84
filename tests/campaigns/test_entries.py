"""Many candidates at once: each knows what those before it did, in a number of statements that does not grow."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.engine.triggers import Candidate
from campaigns.models import Enrollment, Message, Sequence
from campaigns.running import entries, journeys, runner
from leads.actions import record
from leads.batch import NewEvent
from leads.pipeline import drain, process_pending
from lifecycle.core import rules
from tests.campaigns.journeying import facts
from tests.campaigns.sequences import count_queries, enrolled, live, people
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def candidate(sequence: Sequence, lead_id: int, **changes: Any) -> Candidate:
    journey = journeys.load([sequence.current_version_id])[sequence.current_version_id]
    values: dict[str, Any] = {"key": "", "payload": {}, "since": NOON, **changes}
    return Candidate(lead_id, journey, **values)


def enroll(*candidates: Candidate, now: datetime = NOON) -> list[entries.Entry]:
    return entries.enroll(candidates, lambda _: facts(), now=now)


def test_nobody_costs_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert enroll() == []


@pytest.mark.parametrize("group", ["", "talk"])
def test_200_candidates_cost_as_many_statements_as_one(group: str) -> None:
    """Entries, merges and runs of the group that give way, all in the same call."""
    low = live("low", group=group, priority=1)
    high = live("high", group=group, priority=2, entry={"triggers": [], "second_trigger": "merge"})
    crowd = people(240)
    counts = []
    for several in ([crowd[0], crowd[1]], crowd[2:]):
        for lead in several[: len(several) // 2]:
            enrolled(low, lead)
        proposed = [candidate(high, lead.pk, payload={"n": n}) for lead in several for n in range(2)]
        with count_queries() as counted:
            found = enroll(*proposed)
        counts.append(len(counted))
        assert {entry.verdict.result for entry in found} == {"enrolled", "merged"}
    assert counts[0] == counts[1] <= 7
    assert Enrollment.objects.filter(sequence=high, state="active").count() == len(crowd)
    assert Enrollment.objects.filter(exit_reason="replaced by high").count() == (120 if group else 0)


def test_a_run_begins_at_its_first_step_and_is_due_at_once() -> None:
    sequence, lead = live(), LeadFactory.create()
    (entry,) = enroll(candidate(sequence, lead.pk, payload={"plan": "pro"}, since=NOON - DAY, event_id=7, depth=2))
    run = Enrollment.objects.get()
    assert entry.enrollment_id == run.pk
    assert (run.step_key, run.due_at, run.enrolled_at, run.goal_since) == ("hello", NOON, NOON, NOON - DAY)
    assert (run.version, run.entry_event_id, run.depth, run.is_waiting) == (sequence.current_version, 7, 2, False)
    assert run.context == {"event": {"plan": "pro"}, "events": [{"plan": "pro"}]}


def test_rule_3_a_second_trigger_in_the_same_call_meets_the_run_of_the_first() -> None:
    merging = live(entry={"triggers": [], "second_trigger": "merge"})
    ignoring = live("ignoring")
    lead = LeadFactory.create()
    found = enroll(*(candidate(each, lead.pk, payload={"n": n}) for each in (merging, ignoring) for n in (1, 2, 3)))
    by_sequence = {run.sequence.slug: run for run in Enrollment.objects.select_related("sequence")}
    assert [entry.verdict.result for entry in found] == [
        *("enrolled", "merged", "merged"),
        *("enrolled", "already_active", "already_active"),
    ]
    assert {entry.enrollment_id for entry in found} == {run.pk for run in by_sequence.values()}
    assert by_sequence["welcome"].context["events"] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert by_sequence["ignoring"].context["events"] == [{"n": 1}]


def test_rule_5b_the_first_of_the_group_wins_whatever_the_order_of_the_call() -> None:
    low, high = (live(slug, group="talk", priority=n) for n, slug in enumerate(("low", "high")))
    lead = LeadFactory.create()
    found = {entry.candidate.journey.sequence: entry for entry in enroll(*(candidate(s, lead.pk) for s in (low, high)))}
    assert found["high"].verdict.result == "enrolled"
    assert found["low"].verdict.reason == "group: already in high, which goes first"
    assert Enrollment.objects.count() == 1


def test_rule_5b_what_gives_way_takes_its_ready_mail_along() -> None:
    low, high = (live(slug, group="talk", priority=n) for n, slug in enumerate(("low", "high")))
    lead = LeadFactory.create()
    run = enrolled(low, lead)
    Message.objects.create(
        key="m",
        lead=lead,
        enrollment=run,
        sequence=low,
        template_version=low.current_version.steps.get().template.current_version,
        message_class="marketing",
        due_at=NOON,
        created_at=NOON,
    )
    enroll(candidate(high, lead.pk), now=NOON + DAY)
    mail = Message.objects.get()
    assert (mail.state, mail.reason, mail.settled_at) == ("canceled", "replaced by high", NOON + DAY)


def test_rule_1_another_process_that_was_faster_is_no_error() -> None:
    """The journey's runs were read, and then somebody else enrolled the person: the unique index decides."""
    sequence, lead = live(), LeadFactory.create()
    enrolled(sequence, lead)
    made = entries._insert([candidate(sequence, lead.pk)], now=NOON)
    assert made == {}
    assert Enrollment.objects.count() == 1


def test_events_of_300_people_cost_as_many_queries_as_of_one() -> None:
    live("one", group="talk", priority=1, exits=[{"goal": "meeting.booked"}])
    live("two", group="talk", priority=2, entry={"triggers": [{"event": "docs.downloaded"}]})
    crowd = people(301)
    counts = []
    for several in ([crowd[0]], crowd[1:]):
        for kind in ("form.submitted", "docs.downloaded"):
            record([NewEvent(lead.pk, kind, {}, occurred_at=NOON, source="test") for lead in several], now=NOON)
        with count_queries() as counted:
            process_pending(limit=500, now=NOON)
        counts.append(len(counted))
    assert abs(counts[0] - counts[1]) <= 4, counts  # the first call also reads what is then remembered
    assert Enrollment.objects.filter(state="active", sequence__slug="two").count() == 301


def test_rule_4_a_sequence_does_not_start_itself() -> None:
    """It tells sales something, which is what starts it."""
    loop = {"triggers": [{"event": "sequence.notified"}, {"event": "form.submitted"}], "reentry": "after_exit"}
    live("ping", entry=loop, steps=[{"id": "tell", "notify": {"message": "ping"}}])
    lead = LeadFactory.create()
    record([NewEvent(lead.pk, "form.submitted", {}, occurred_at=NOON, source="test")], now=NOON)
    for _ in range(20):
        drain(now=NOON)
        if not runner.drain(now=NOON):
            break
    assert Enrollment.objects.filter(state="active").count() == 0
    assert Enrollment.objects.count() == 1


def test_facts_are_asked_for_once_a_candidate() -> None:
    sequence, lead = live(), LeadFactory.create()
    asked: list[Candidate] = []

    def facts_of(proposed: Candidate) -> rules.Facts:
        asked.append(proposed)
        return facts()

    entries.enroll([candidate(sequence, lead.pk)] * 3, facts_of, now=NOON)
    assert len(asked) == 3
