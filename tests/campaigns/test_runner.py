"""The engine on the database: constant query counts, whatever is due; nothing moves that must not."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from campaigns.models import Enrollment, Message, Sequence
from campaigns.running import journeys, runner
from campaigns.sending import claiming
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Event, Lead
from leads.pipeline import drain
from tests.campaigns.sequences import count_queries, enrolled, live, people
from tests.factories import NOON, CompanyFactory, LeadFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

# Sends, waits, asks about events, sets, tells and ends: every statement that advancing knows.
BUSY: list[dict[str, Any]] = [
    {"id": "tag", "set": {"field": "attributes.seen", "value": True}},
    {"id": "tell", "notify": {"message": "Look"}},
    {
        "id": "big",
        "branch": {"if": {"field": "company_size", "op": "gte", "value": 100}, "then": "mail", "else": "done"},
    },
    {"id": "mail", "send": "hello"},
    {"id": "click", "wait": {"event": "email.clicked", "at_most": "3d"}},
    {"id": "done", "end": True},
]


def busy(slug: str = "welcome") -> Sequence:
    return live(slug, steps=BUSY, exits=[{"goal": "meeting.booked"}])


def in_bulk(sequence: Sequence, leads: list[Lead]) -> None:
    first = sequence.current_version.steps.first().key
    Enrollment.objects.bulk_create(
        Enrollment(
            sequence=sequence,
            version=sequence.current_version,
            lead=lead,
            step_key=first,
            step_since=NOON,
            due_at=NOON,
            enrolled_at=NOON,
            goal_since=NOON,
        )
        for lead in leads
    )


def test_advancing_300_people_costs_as_many_queries_as_one() -> None:
    sequence, crowd = busy(), people(302)
    for place, lead in enumerate(crowd):
        lead.company_size, lead.company = 500 if place % 2 else 5, CompanyFactory.create(domain="acme.com")
    Lead.objects.bulk_update(crowd, ["company_size", "company"])
    journeys.load([sequence.current_version_id])
    counts = []
    for several in (crowd[:2], crowd[2:]):
        in_bulk(sequence, several)
        with count_queries() as counted:
            assert runner.advance(limit=500, now=NOON) == len(several)
        counts.append(len(counted))
    assert counts[0] == counts[1] <= 19
    assert Message.objects.count() == 151
    assert Enrollment.objects.filter(exit_reason="completed").count() == 151


def test_an_idle_tick_is_one_question(django_assert_num_queries: Any) -> None:
    enrolled(busy(), LeadFactory.create(), due_at=NOON + DAY)
    with django_assert_num_queries(3):  # the question, in a transaction's savepoint
        assert runner.advance(now=NOON) == 0


def test_claiming_300_mails_costs_as_many_queries_as_one() -> None:
    sequence, crowd = live(exits=[{"goal": "meeting.booked"}]), people(302)
    counts = []
    for several in (crowd[:2], crowd[2:]):
        in_bulk(sequence, several)
        runner.drain(now=NOON)
        if not counts:  # what every process reads once
            journeys.load([sequence.current_version_id])
            claiming.composing.compiled_versions(set(Message.objects.values_list("template_version_id", flat=True)))
        with count_queries() as counted:
            claim = claiming.claim(limit=500, now=NOON)
        counts.append(len(counted))
        assert len(claim.mails) == len(several)
    assert counts[0] == counts[1] <= 12


def test_rule_9_a_step_waits_where_it_is_until_its_time() -> None:
    run = enrolled(live(steps=[{"id": "pause", "wait": "1d"}, {"id": "mail", "send": "hello"}]), LeadFactory.create())
    runner.drain(now=NOON)
    run.refresh_from_db()
    assert (run.step_key, run.is_waiting, run.due_at) == ("pause", True, NOON + DAY)
    assert runner.drain(now=NOON + DAY - timedelta(seconds=1)) == 0
    runner.drain(now=NOON + DAY)
    run.refresh_from_db()
    assert (run.step_key, run.due_at) == ("mail", None)
    assert Message.objects.get().key == f"enrollment:{run.pk}:mail"


def test_nobody_is_advanced_on_stale_knowledge() -> None:
    lead = LeadFactory.create()
    enrolled(live(exits=[{"goal": "meeting.booked"}]), lead)
    record([NewEvent(lead.pk, "meeting.booked", {}, occurred_at=NOON + HOUR, source="test")], now=NOON + HOUR)
    assert runner.drain(now=NOON + HOUR) == 0
    drain(now=NOON + HOUR)
    runner.drain(now=NOON + HOUR)
    assert not Message.objects.exists()
    run = Enrollment.objects.get()
    assert (run.exit_reason, run.exit_event_id) == ("goal: meeting.booked", Event.objects.get(kind="meeting.booked").pk)


def test_rule_6_a_rule_that_came_true_by_itself_ends_the_run_at_the_next_look() -> None:
    lead = LeadFactory.create()
    over = {"when": {"field": "created_at", "op": "older_than", "value": "2d"}, "reason": "too long ago"}
    run = enrolled(live(exits=[over], steps=[{"id": "pause", "wait": "3d"}, {"id": "mail", "send": "hello"}]), lead)
    for days in (0, 3):
        runner.drain(now=NOON + days * DAY)
    run.refresh_from_db()
    assert (run.state, run.exit_reason) == ("ended", "too long ago")
    assert not Message.objects.exists()


def test_rule_9_an_event_wakes_who_waits_for_it() -> None:
    lead = LeadFactory.create()
    waiting = [
        {"id": "click", "wait": {"event": "email.clicked", "at_most": "3d", "then": "thanks", "else": "again"}},
        {"id": "again", "send": "again"},
        {"id": "end", "end": True},
        {"id": "thanks", "send": "thanks"},
    ]
    enrolled(live(steps=waiting), lead)
    runner.drain(now=NOON)
    record([NewEvent(lead.pk, "email.clicked", {}, occurred_at=NOON + HOUR, source="test")], now=NOON + HOUR)
    drain(now=NOON + HOUR)
    runner.drain(now=NOON + HOUR)
    assert Message.objects.get().step_key == "thanks"


def test_fields_and_notices_reach_the_log() -> None:
    lead = LeadFactory.create(company_size=500)
    run = enrolled(busy(), lead)
    runner.drain(now=NOON)
    lead.refresh_from_db()
    assert lead.attributes == {"seen": True}
    told = Event.objects.get(kind="sequence.notified")
    assert told.properties == {"sequence": "welcome", "step": "tell", "message": "Look"}
    assert (told.key, told.depth) == (f"enrollment:{run.pk}:tell:notified", 1)
    assert Event.objects.get(kind="lead.updated").properties["fields"] == ["attributes"]


LONG: dict[str, Any] = {"id": "long", "wait": {"elapsed": "14d", "from": "enrollment"}}


@pytest.mark.parametrize(
    "steps", [[LONG, {"id": "mail", "send": "hello"}], [{"id": "tag", "notify": {"message": "x"}}, LONG]]
)
def test_a_person_who_cannot_be_decided_on_waits_and_loses_nothing(steps: list[dict[str, Any]]) -> None:
    """A damaged row: somebody who entered at the end of the calendar."""
    sequence = live(steps=steps)
    run = enrolled(sequence, LeadFactory.create(), enrolled_at=datetime.max.replace(tzinfo=UTC))
    other = enrolled(sequence, LeadFactory.create())
    for minutes in (0, 15, 30):
        runner.drain(now=NOON + timedelta(minutes=minutes))
    run.refresh_from_db()
    other.refresh_from_db()
    assert (run.state, run.step_key, run.is_waiting) == ("active", steps[0]["id"], False)
    assert run.due_at == NOON + timedelta(minutes=45)
    assert other.due_at == NOON + 14 * DAY

    Enrollment.objects.filter(pk=run.pk).update(enrolled_at=NOON)
    runner.drain(now=NOON + HOUR)
    run.refresh_from_db()
    assert (run.step_key, run.due_at) == ("long", other.due_at)


def test_a_zone_that_is_none_falls_back_on_the_next_one_known() -> None:
    """A company's zone is typed by hand, and an update of the time zone data may take one away."""
    company = CompanyFactory.create(time_zone="Europe/Berlin")
    sequence = live(steps=[{"id": "nine", "wait": {"calendar": {"time": "09:00"}}}])
    of_company = enrolled(sequence, LeadFactory.create(timezone="Mars/Olympus", company=company))
    of_nobody = enrolled(sequence, LeadFactory.create(timezone="Mars/Olympus"))
    runner.drain(now=NOON)
    for run, hour in ((of_company, 8), (of_nobody, 9)):
        run.refresh_from_db()
        assert run.due_at == datetime.combine(NOON.date() + DAY, time(hour), NOON.tzinfo)


def test_a_mail_is_not_lost_to_an_error_on_the_way_to_it() -> None:
    lead = LeadFactory.create(timezone="Mars/Olympus")
    steps = [{"id": "nine", "wait": {"calendar": {"time": "09:00"}}}, {"id": "mail", "send": "hello"}]
    enrolled(live(steps=steps), lead)
    for minutes in range(0, 90, 15):
        runner.drain(now=NOON + timedelta(minutes=minutes))
    Lead.objects.filter(pk=lead.pk).update(timezone="UTC")
    runner.drain(now=NOON + 2 * HOUR)
    runner.drain(now=NOON + DAY)
    assert Message.objects.get().step_key == "mail"
