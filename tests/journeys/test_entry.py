"""Chapter “Entry” of journeys.md: rules 1 to 4 and 5b, each test named after its rule. Rule 5 is in test_launching."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.actions import PublishRefused, enroll_by_api
from campaigns.consent import suppressing
from campaigns.exchange import ImportRefused, export_sequence, import_sequence
from campaigns.models import Enrollment, WaitingEntry
from campaigns.running import dates, runner, waiting
from leads.actions import add_event, update_lead
from leads.actions.events import EventError, Telling
from leads.batch import Batch, EventRow, LeadRow, NewEvent
from leads.models import Event, Lead, Workspace
from leads.pipeline import drain
from tests.campaigns.sequences import content, count_queries, live, people
from tests.factories import NOON, LeadFactory, SegmentFactory
from tests.journeys.happening import (
    DAY,
    HOUR,
    MAIL,
    MINUTE,
    SLOW,
    ends,
    entry,
    go_on,
    happen,
    mails,
    refusals,
    runs,
    tell,
)

pytestmark = pytest.mark.django_db

HOT = {"field": "country", "op": "eq", "value": "DE"}


@pytest.fixture
def ada() -> Lead:
    return LeadFactory.create(ada=True)


def payloads(run: Enrollment) -> list[dict[str, Any]]:
    run.refresh_from_db()
    return list(run.context["events"])


# --- rule 1


ACTS = st.lists(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["trigger", "news", "goal", "process"])), max_size=14
)


@pytest.mark.parametrize("second", ["ignore", "merge", "restart", "parallel"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_rule_01_at_most_one_run_of_a_key_is_active_whatever_comes(second: str, acts: list[tuple[str, str]]) -> None:
    """An enrolment is a row: (sequence, lead, key), at most one active. Merging keeps every payload, in order."""
    triggers = [{"event": "order.paid"}, {"event": "order.changed", "updates": True}]
    sequence = live(
        f"orders-{LeadFactory.create().pk}",
        entry=entry(*triggers, key="order", second_trigger=second, reentry="after_exit"),
        exits=[{"goal": "order.returned", "match": "key"}],
        steps=SLOW,
    )
    lead = LeadFactory.create()
    kinds = {"trigger": "order.paid", "news": "order.changed", "goal": "order.returned"}
    for number, (key, act) in enumerate(acts):
        at = NOON + number * MINUTE
        if act == "process":
            drain(now=at)
        else:
            tell(lead, kinds[act], at=at, order=key, number=number)
    drain(now=NOON + HOUR)
    found = runs(sequence)
    assert max(Counter(run.key for run in found if run.state == "active").values(), default=0) <= 1
    for run in found:
        numbers = [payload["number"] for payload in run.context["events"]]
        assert numbers == sorted(numbers)
        assert all(payload["order"] == run.key for payload in run.context["events"])
    if second == "merge" and not any(act == "goal" for _, act in acts):
        told = [number for number, (key, act) in enumerate(acts) if act in ("trigger", "news")]
        seen = [payload["number"] for run in found for payload in run.context["events"]]
        before = {key: next((n for n, (k, act) in enumerate(acts) if (k, act) == (key, "trigger")), 99) for key in "AB"}
        assert sorted(seen) == [number for number in told if number >= before[acts[number][0]]]


@pytest.mark.parametrize(
    ("reentry", "expected"), [("never", 1), ("after_exit", 2), ({"after": "7d"}, 1), ({"after": "2d"}, 2)]
)
def test_rule_01_re_entry(reentry: Any, expected: int, ada: Lead) -> None:
    """Re-entry: never · after exit · after N days · once per key."""
    sequence = live(entry=entry(reentry=reentry))
    happen(ada, "purchase.completed")
    Enrollment.objects.update(state="ended", ended_at=NOON, exit_reason="completed")
    happen(ada, "purchase.completed", at=NOON + 3 * DAY)
    assert len(runs(sequence)) == expected


# --- rule 2: filters and their grace


def test_rule_02_a_trigger_before_its_filters_is_tried_again_with_the_persons_next_events(ada: Lead) -> None:
    """When the trigger comes before the filters hold, the match is retried for a grace (default 30 min)."""
    sequence = live(entry=entry(filters=HOT))
    happen(ada, "purchase.completed", product="Starter")
    assert runs() == []
    row = WaitingEntry.objects.get()
    assert (row.since, row.until, row.payload) == (NOON, NOON + 30 * MINUTE, {"product": "Starter"})
    assert refusals(ada) == ["filter: needs Country is “DE” (tried again until 2026-03-02 12:30 UTC)"]
    happen(ada, "page.viewed", at=NOON + 5 * MINUTE)
    assert runs() == []
    update_lead(ada.pk, {"country": "DE"}, now=NOON + 10 * MINUTE)
    (run,) = runs(sequence)
    assert (run.enrolled_at, run.goal_since) == (NOON + 10 * MINUTE, NOON)
    assert run.context["event"] == {"product": "Starter"}
    assert not WaitingEntry.objects.exists()
    assert len(refusals(ada)) == 1  # trying again is no news


def test_rule_02_after_the_grace_it_is_recorded_as_not_enrolled_with_the_reason(ada: Lead) -> None:
    """Then recorded as *not enrolled: reason*."""
    live(entry=entry(filters=HOT, grace="1h"))
    happen(ada, "purchase.completed")
    assert waiting.expire(now=NOON + 59 * MINUTE) == []
    (decided,) = waiting.expire(now=NOON + HOUR)
    assert (decided.verdict.result, decided.verdict.reason) == ("refused", "filter: needs Country is “DE”")
    assert refusals(ada)[-1] == "filter: needs Country is “DE”"
    update_lead(ada.pk, {"country": "DE"}, now=NOON + 61 * MINUTE)
    assert runs() == []


def test_rule_02_the_last_try_may_still_succeed(ada: Lead) -> None:
    """What came true by time alone is seen when the grace ends."""
    live(entry=entry(filters={"field": "created_at", "op": "older_than", "value": "20m"}))
    happen(ada, "purchase.completed")
    assert [each.verdict.result for each in waiting.expire(now=NOON + 30 * MINUTE)] == ["enrolled"]
    assert len(runs()) == 1
    assert not WaitingEntry.objects.exists()


@pytest.mark.parametrize(
    ("changes", "happens_first"),
    [({"entry": entry(filters=HOT, grace="0d")}, ""), ({"exits": [{"goal": "meeting.booked"}]}, "meeting.booked")],
)
def test_rule_02_only_filters_are_waited_for_and_not_without_a_grace(changes, happens_first: str, ada: Lead) -> None:
    live(**{"entry": entry(), **changes})
    if happens_first:
        tell(ada, happens_first, at=NOON + MINUTE)
    tell(ada, "purchase.completed")
    drain(now=NOON + MINUTE)
    assert (runs(), WaitingEntry.objects.count()) == ([], 0)
    assert len(refusals(ada)) == 1


def test_rule_02_a_second_such_trigger_takes_the_place_of_the_one_that_waits(ada: Lead) -> None:
    live(entry=entry(filters=HOT))
    for minutes in (0, 20):
        happen(ada, "purchase.completed", at=NOON + minutes * MINUTE, number=minutes)
    row = WaitingEntry.objects.get()
    assert (row.payload, row.until) == ({"number": 20}, NOON + 50 * MINUTE)
    update_lead(ada.pk, {"country": "DE"}, now=NOON + 40 * MINUTE)
    assert payloads(runs()[0]) == [{"number": 20}]


def test_rule_02_the_api_says_that_it_will_be_tried_again(ada: Lead) -> None:
    live(entry=entry(filters=HOT))
    answer = enroll_by_api("welcome", lead=ada, now=NOON)
    assert (answer.result, answer.enrollment_id) == ("refused", None)
    assert answer.reason == "filter: needs Country is “DE” (tried again until 2026-03-02 12:30 UTC)"
    assert WaitingEntry.objects.get().key == ""


def test_rule_02_who_opts_out_is_not_kept_waiting(ada: Lead) -> None:
    """Nothing stays scheduled: the block ends what would have brought marketing mail."""
    live(entry=entry(filters=HOT))
    happen(ada, "purchase.completed")
    suppressing.suppress(ada.address_hash, scope="marketing", reason="unsubscribed", source="test", now=NOON)
    assert not WaitingEntry.objects.exists()
    assert refusals(ada)[-1] == "consent: unsubscribed"
    update_lead(ada.pk, {"country": "DE"}, now=NOON + MINUTE)
    assert runs() == []


def test_rule_02_who_waits_for_a_sequence_that_stopped_is_told_off(ada: Lead) -> None:
    sequence = live(entry=entry(filters=HOT))
    happen(ada, "purchase.completed")
    sequence.status = "stopped"
    sequence.save()
    assert waiting.expire(now=NOON + HOUR) == []
    assert not WaitingEntry.objects.exists()
    assert refusals(ada)[-1] == "closed: the sequence takes nobody at the moment"


def test_rule_02_waiting_costs_the_same_for_300_as_for_one() -> None:
    live(entry=entry(filters=HOT))
    crowd = people(301)
    counts = []
    for several in ([crowd[0]], crowd[1:]):
        for lead in several:
            tell(lead, "purchase.completed")
        with count_queries() as counted:
            drain(now=NOON)
        for lead in several:
            tell(lead, "page.viewed", at=NOON + MINUTE)
        with count_queries() as again:
            drain(now=NOON + MINUTE)
        counts.append((len(counted), len(again)))
    assert abs(counts[0][0] - counts[1][0]) <= 4, counts  # the first call also reads what is then remembered
    assert counts[0][1] == counts[1][1], counts
    with count_queries() as counted:
        assert len(waiting.expire(now=NOON + HOUR)) == 301
    assert len(counted) <= 16


# --- rule 2: dates


def renewal(**changes: Any) -> dict[str, Any]:
    return entry({"date": "attributes.renewal_date", "offset": "-30d"}, **changes)


def swept(at: datetime) -> int:
    found = dates.sweep(now=at)
    drain(now=at)
    return found


def test_rule_02_a_date_with_an_offset_starts_a_run_once() -> None:
    """Entry = trigger (… date field ± offset …)."""
    Workspace.load()
    sequence = live(entry=renewal())
    ada = LeadFactory.create(attributes={"renewal_date": "2026-04-10", "plan": "pro"})
    LeadFactory.create(attributes={"renewal_date": "soon"})
    LeadFactory.create()
    due = datetime.fromisoformat("2026-03-11T00:00:00+00:00")
    assert [swept(due - MINUTE), swept(due), swept(due), swept(due + HOUR)] == [0, 1, 0, 0]
    (run,) = runs(sequence)
    assert (run.lead_id, run.key, run.goal_since) == (ada.pk, "2026-04-10", due)
    assert run.context["event"]["date"] == "2026-04-10"


def test_rule_02_a_date_that_moves_is_another_date() -> None:
    Workspace.load()
    sequence = live(entry=renewal(reentry="after_exit"))
    ada = LeadFactory.create(attributes={"renewal_date": "2026-04-10"})
    swept(datetime.fromisoformat("2026-03-11T08:00:00+00:00"))
    update_lead(ada.pk, {"attributes": {"renewal_date": "2027-04-10"}}, now=NOON)
    swept(datetime.fromisoformat("2027-03-11T08:00:00+00:00"))
    assert [run.key for run in runs(sequence)] == ["2026-04-10", "2027-04-10"]


def test_rule_02_an_outage_of_a_day_loses_nobody_and_of_two_days_starts_nobody_late() -> None:
    Workspace.load()
    live(entry=renewal())
    LeadFactory.create(attributes={"renewal_date": "2026-04-10T10:00:00Z"})
    due = datetime.fromisoformat("2026-03-11T10:00:00+00:00")
    assert swept(due + DAY) == 0
    assert swept(due + DAY - MINUTE) == 1


@pytest.mark.parametrize(
    ("zone", "due"),
    [("Europe/Berlin", "2026-03-26T23:00:00+00:00"), ("America/New_York", "2026-03-27T04:00:00+00:00"), ("", "")],
)
def test_rule_02_a_day_begins_at_midnight_where_the_person_is(zone: str, due: str) -> None:
    """Three days before Monday 30 March 2026 is Friday, although Berlin changed its clocks on Sunday."""
    Workspace.load()
    live(entry=entry({"date": "attributes.start", "offset": "-3d"}))
    LeadFactory.create(attributes={"start": "2026-03-30"}, timezone=zone)
    moment = datetime.fromisoformat(due or "2026-03-27T00:00:00+00:00")
    assert [swept(moment - MINUTE), swept(moment)] == [0, 1]


def test_rule_02_columns_are_dates_too_and_filters_apply(ada: Lead) -> None:
    Workspace.load()
    sequence = live(entry=entry({"date": "created_at", "offset": "7d"}, filters=HOT, grace="0d"))
    german = LeadFactory.create(country="DE")
    assert swept(NOON + 7 * DAY - MINUTE) == 0
    assert swept(NOON + 7 * DAY) == 2
    assert [run.lead_id for run in runs(sequence)] == [german.pk]
    assert refusals(ada) == ["filter: needs Country is “DE”"]


def test_rule_02_the_sweep_reads_by_an_index() -> None:
    """Its cost grows with what is due, never with what exists."""
    plan = dates._ATTRIBUTE.replace("%b", "%s")
    with connection.cursor() as cursor:
        # Walking a whole table, or a whole other index, is no way here, however little the test's tables hold.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute(f"EXPLAIN {plan}", ["renewal_date", ["renewal_date=2026-04-10"]])
        told = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("EXPLAIN SELECT id FROM leads_lead WHERE created_at > now() AND created_at <= now()")
        told += "\n".join(row[0] for row in cursor.fetchall())
    assert "lead_dates" in told
    assert "lead_by_creation" in told


def test_rule_02_nobody_outside_may_say_that_a_date_came(ada: Lead) -> None:
    for kind in ("date.reached", "colleague.acted"):
        with pytest.raises(EventError):
            add_event(ada.pk, Telling(kind), now=NOON)


# --- rule 3


def test_rule_03_ignore_leaves_the_run_as_it_is(ada: Lead) -> None:
    live(entry=entry(), steps=SLOW)
    for number in (1, 2):
        happen(ada, "purchase.completed", at=NOON + number * HOUR, number=number)
    (run,) = runs()
    assert payloads(run) == [{"number": 1}]


def test_rule_03_merge_appends_the_payload_and_sends_nothing_again(ada: Lead) -> None:
    """Merge appends the payload to the enrolment's context, re-sends nothing already sent; the next render sees all."""
    live(entry=entry(second_trigger="merge"), steps=[*MAIL, *SLOW[:1], {"id": "more", "send": "more"}])
    happen(ada, "purchase.completed", product="Starter")
    go_on(at=NOON)
    happen(ada, "purchase.completed", at=NOON + HOUR, product="Support")
    go_on(at=NOON + HOUR)
    (run,) = runs()
    assert payloads(run) == [{"product": "Starter"}, {"product": "Support"}]
    assert run.context["event"] == {"product": "Starter"}
    assert [step for step, _, _ in mails(ada)] == ["hello"]


def test_rule_03_simultaneous_triggers_merge_in_their_order(ada: Lead) -> None:
    live(entry=entry(second_trigger="merge"), steps=SLOW)
    for number in (3, 1, 2):
        tell(ada, "purchase.completed", at=NOON + number * MINUTE, number=number)
    drain(now=NOON + HOUR)
    assert [payload["number"] for payload in payloads(runs()[0])] == [1, 2, 3]


def test_rule_03_restart_ends_the_run_cancels_its_mail_and_begins_anew(ada: Lead) -> None:
    """A second trigger while active: … restart. Re-entry rules are about runs that ended by themselves."""
    sequence = live(entry=entry(second_trigger="restart", reentry="never"))
    happen(ada, "purchase.completed", number=1)
    runner.drain(now=NOON)
    happen(ada, "purchase.completed", at=NOON + HOUR, number=2)
    runner.drain(now=NOON + HOUR)
    assert ends(sequence) == [("", "ended", "restarted by a new trigger"), ("", "active", "")]
    assert mails(ada) == [("hello", "canceled", "restarted by a new trigger"), ("hello", "ready", "")]
    assert payloads(runs()[1]) == [{"number": 2}]
    Enrollment.objects.filter(state="active").update(state="ended", ended_at=NOON, exit_reason="completed")
    happen(ada, "purchase.completed", at=NOON + 2 * HOUR)
    assert len(runs()) == 2  # never means never


def test_rule_03_the_api_tells_of_a_restart(ada: Lead) -> None:
    live(entry=entry(second_trigger="restart"), group="talk")
    first = enroll_by_api("welcome", lead=ada, now=NOON)
    second = enroll_by_api("welcome", lead=ada, now=NOON + HOUR)
    assert (first.result, first.reason) == ("enrolled", "")
    assert (second.result, second.reason) == ("enrolled", "restarted")
    assert second.enrollment_id != first.enrollment_id


def test_rule_03_of_simultaneous_triggers_the_last_restart_counts(ada: Lead) -> None:
    live(entry=entry(second_trigger="restart"))
    for number in (1, 2, 3):
        tell(ada, "purchase.completed", at=NOON + number * MINUTE, number=number)
    drain(now=NOON + HOUR)
    (run,) = runs()
    assert payloads(run) == [{"number": 3}]


def test_rule_03_a_restart_whose_filters_do_not_hold_leaves_the_run(ada: Lead) -> None:
    live(entry=entry(second_trigger="restart", filters={"not": HOT}, grace="0d"))
    happen(ada, "purchase.completed")
    update_lead(ada.pk, {"country": "DE"}, now=NOON)
    happen(ada, "purchase.completed", at=NOON + HOUR)
    assert ends() == [("", "active", "")]


def test_rule_03_parallel_runs_go_side_by_side_one_a_key(ada: Lead) -> None:
    """Two webinars at once run side by side; the same webinar twice is one."""
    sequence = live(
        "reminders", entry=entry({"event": "course.registered"}, key="webinar", second_trigger="parallel"), steps=SLOW
    )
    for webinar in ("mail-101", "mail-102", "mail-101"):
        happen(ada, "course.registered", webinar=webinar)
    assert [run.key for run in runs(sequence)] == ["mail-101", "mail-102"]
    go_on(at=NOON + DAY)
    assert len(mails(ada)) == 2


def test_rule_03_without_a_key_each_event_in_parallel_is_its_own(ada: Lead) -> None:
    live(entry=entry(second_trigger="parallel", reentry="never"), steps=SLOW)
    for _ in range(3):
        happen(ada, "purchase.completed")
    assert [run.key for run in runs()] == [f"event:{run.entry_event_id}" for run in runs()]
    assert len(runs()) == 3


def test_rule_03_in_parallel_never_is_meant_for_a_key(ada: Lead) -> None:
    live(entry=entry(key="order", second_trigger="parallel", reentry="never"))
    happen(ada, "purchase.completed", order=1)
    Enrollment.objects.update(state="ended", ended_at=NOON, exit_reason="completed")
    for order in (1, 2):
        happen(ada, "purchase.completed", at=NOON + DAY, order=order)
    assert [run.key for run in runs()] == ["1", "2"]
    assert refusals(ada) == ["reentry: never"]


MOVED = {"event": "course.moved", "updates": True}
REMINDERS: dict[str, Any] = {
    "entry": entry({"event": "course.registered"}, MOVED, key="webinar", second_trigger="parallel"),
    "steps": [{"id": "before", "wait": {"date": {"property": "starts_at", "offset": "-1h"}}}, *MAIL],
}


def test_rule_03_an_update_reaches_the_run_of_its_key_and_moves_its_wait(ada: Lead) -> None:
    """Waits relative to a date are recomputed when the date moves."""
    live("reminders", **REMINDERS)
    for webinar in ("mail-101", "mail-102"):
        happen(ada, "course.registered", webinar=webinar, starts_at="2026-03-09T18:00:00Z", title="Mail")
    go_on(at=NOON)
    happen(ada, "course.moved", at=NOON + DAY, webinar="mail-101", starts_at="2026-03-12T18:00:00Z")
    go_on(at=NOON + DAY)
    due = {run.key: run.due_at.isoformat() for run in runs() if run.due_at}
    assert due == {"mail-101": "2026-03-12T17:00:00+00:00", "mail-102": "2026-03-09T17:00:00+00:00"}
    moved = runs()[0].context
    assert moved["event"] == {"webinar": "mail-101", "starts_at": "2026-03-12T18:00:00Z", "title": "Mail"}
    assert len(moved["events"]) == 2


def test_rule_03_an_update_never_enrols(ada: Lead) -> None:
    live("reminders", **REMINDERS)
    happen(ada, "course.moved", webinar="mail-101", starts_at="2026-03-12T18:00:00Z")
    assert runs() == []
    assert refusals(ada) == ["update: no run that it is about"]


def test_rule_03_a_changed_date_of_the_person_moves_the_wait(ada: Lead) -> None:
    live(
        entry=entry(),
        steps=[{"id": "before", "wait": {"date": {"field": "attributes.renewal_date", "offset": "-7d"}}}, *MAIL],
    )
    update_lead(ada.pk, {"attributes": {"renewal_date": "2026-04-10"}}, now=NOON)
    happen(ada, "purchase.completed")
    go_on(at=NOON)
    assert runs()[0].due_at == datetime.fromisoformat("2026-04-03T00:00:00+00:00")
    update_lead(ada.pk, {"attributes": {"renewal_date": "2026-05-10"}}, now=NOON + DAY)
    go_on(at=NOON + DAY)
    assert runs()[0].due_at == datetime.fromisoformat("2026-05-03T00:00:00+00:00")


# --- rule 4


def test_rule_04_what_a_sequence_causes_does_not_start_it_again(ada: Lead) -> None:
    """The same sequence again: refused."""
    sequence = live(
        entry=entry({"event": "lead.updated"}, {"event": "course.registered"}, second_trigger="restart"),
        steps=[{"id": "mark", "set": {"field": "attributes.enrolled", "value": True}}, *SLOW],
    )
    happen(ada, "course.registered")
    go_on(at=NOON)
    assert [run.lineage for run in runs(sequence)] == [None]
    assert Event.objects.get(kind="lead.updated").lineage == ["sequence:welcome"]
    assert refusals(ada) == ["loop: it led to this itself (welcome)"]


def test_rule_04_a_circle_over_two_sequences_and_a_segment_ends_where_it_began(ada: Lead) -> None:
    """An enrolment caused by a sequence's own action carries its causes."""
    SegmentFactory.create(slug="marked", rule={"field": "attributes.mark", "op": "eq", "value": True})
    first = live(
        "first",
        entry=entry({"event": "sequence.notified"}, {"event": "purchase.completed"}, reentry="after_exit"),
        steps=[{"id": "mark", "set": {"field": "attributes.mark", "value": True}}],
    )
    second = live(
        "second",
        entry=entry({"segment": "marked"}, reentry="after_exit"),
        steps=[{"id": "tell", "notify": {"message": "Look"}}],
    )
    happen(ada, "purchase.completed")
    go_on(at=NOON)
    assert [run.lineage for run in runs(first)] == [None]
    assert [run.lineage for run in runs(second)] == [["sequence:first"]]
    assert refusals(ada) == ["loop: it led to this itself (first → second)"]


def test_rule_04_five_causes_deep_is_the_end(ada: Lead) -> None:
    """A causal depth; over 5: refused."""
    for number in range(9):
        live(
            f"link-{number}",
            entry=entry(
                {"event": "purchase.completed"} if number == 0 else {"event": "sequence.notified", "where": _of(number)}
            ),
            steps=[{"id": "tell", "notify": {"message": "Next"}}],
        )
    happen(ada, "purchase.completed")
    go_on(at=NOON)
    assert [run.depth for run in runs()] == [0, 1, 2, 3, 4, 5]
    assert refusals(ada) == ["loop: 6 causes deep, sequences feed each other"]


def _of(number: int) -> list[dict[str, Any]]:
    return [{"property": "sequence", "op": "eq", "value": f"link-{number - 1}"}]


def test_rule_04_also_over_what_sales_does_about_it(ada: Lead) -> None:
    """Whoever reacts in between passes the causes on, also who names no cause."""
    batch = Batch(
        now=NOON, leads={1: LeadRow({}), 2: LeadRow({})}, events=[_caused(1, ["sequence:first"]), _caused(2, [])]
    )
    for lead_id in (1, 2):
        batch.raise_event(NewEvent(lead_id, "owner.assigned"))
    batch.raise_event(NewEvent(2, "owner.assigned"), batch.events[0])
    assert [event.lineage for event in batch._raised] == [("sequence:first",), (), ("sequence:first",)]


def _caused(lead_id: int, lineage: list[str]) -> EventRow:
    return EventRow(lead_id, lead_id, "sequence.notified", {}, NOON, NOON, "engine", 1, lineage)


def test_rule_04_what_people_do_has_no_lineage(ada: Lead) -> None:
    happen(ada, "purchase.completed")
    assert set(Event.objects.values_list("lineage", flat=True)) == {None}


# --- rule 5b


def test_rule_05b_a_higher_priority_replaces_and_a_lower_is_refused_with_the_reason(ada: Lead) -> None:
    """One conversation, never two drips."""
    low = live("low", group="talk", priority=1, entry=entry({"event": "page.viewed"}), steps=SLOW)
    live("high", group="talk", priority=2, entry=entry(), steps=SLOW)
    happen(ada, "page.viewed")
    happen(ada, "purchase.completed", at=NOON + HOUR)
    assert ends(low) == [("", "ended", "replaced by high")]
    happen(ada, "page.viewed", at=NOON + 2 * HOUR)
    Enrollment.objects.filter(sequence=low).delete()
    happen(ada, "page.viewed", at=NOON + 3 * HOUR)
    assert refusals(ada)[-1] == "group: already in high, which goes first"


# --- what is written down


def test_the_file_says_all_of_it_and_reads_back_the_same() -> None:
    written = {
        "triggers": [
            {"event": "course.registered", "where": []},
            MOVED,
            {"date": "created_at", "offset": "3d"},
            {"segment": "hot", "updates": True},
        ],
        "filters": HOT,
        "key": "webinar",
        "second_trigger": "parallel",
        "grace": "2h",
    }
    exits = [{"goal": "webinar.left", "match": "key", "company": True}, {"goal": "a.b", "match": {"property": "demo"}}]
    live(entry=written, exits=exits)
    back = yaml.safe_load(export_sequence("welcome"))
    assert back["entry"] == {**written, "reentry": "never"}
    assert back["exits"] == exits
    import_sequence(export_sequence("welcome"), now=NOON)


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"entry": entry({"event": "a.b", "updates": "yes"})}, "entry.triggers[0].updates", "true or false"),
        ({"entry": entry({"event": "a.b", "wher": []})}, "entry.triggers[0]", "'wher' is not known here"),
        ({"entry": entry({"segment": ""})}, "entry.triggers[0].segment", "slug"),
        ({"entry": entry({"date": "birthday"})}, "entry.triggers[0].date", "is no date of a lead"),
        ({"entry": entry({"date": "country"})}, "entry.triggers[0].date", "is no date of a lead"),
        ({"entry": entry({"date": "created_at", "offset": "soon"})}, "entry.triggers[0].offset", "is not an offset"),
        ({"entry": entry({"date": "created_at", "updates": True})}, "entry.triggers[0]", "'updates' is not known"),
        ({"entry": entry(grace="31d")}, "entry.grace", "from 0d to 30d"),
        ({"entry": entry(grace="-1h")}, "entry.grace", "from 0d to 30d"),
        ({"entry": entry(reentry="once_per_key")}, "entry.key", "once per key needs"),
        ({"entry": entry(second_trigger="parallel"), "group": "talk"}, "entry.second_trigger", "exclusive group"),
        ({"entry": entry(MOVED, second_trigger="parallel")}, "entry.key", "an update finds its run by the key"),
        ({"exits": [{"goal": "a.b", "match": "key"}]}, "exits[0].match", "the sequence has no key"),
        ({"exits": [{"goal": "a.b", "match": {"prop": "x"}}]}, "exits[0].match", "write key, or {property: name}"),
        ({"exits": [{"goal": "a.b", "company": 1}]}, "exits[0].company", "true or false"),
        ({"exits": [{"when": {}, "reason": "x", "match": "key"}]}, "exits[0]", "'match' is not known here"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(changes: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(PublishRefused) as refused:
        import_sequence(yaml.safe_dump(content(**changes)), now=NOON, publish=True)
    assert any(each.where == place and words in each.message for each in refused.value.problems), refused.value


def test_a_grace_that_is_no_time_is_refused_at_the_import() -> None:
    with pytest.raises(ImportRefused, match=r"entry\.grace: 'soon' is not an offset"):
        import_sequence(yaml.safe_dump(content(entry=entry(grace="soon"))), now=NOON)


def test_a_yearly_date_needs_no_key_to_be_once_per_key() -> None:
    assert live(entry=renewal(reentry="once_per_key")).status == "live"
    assert timedelta(minutes=30) == live("other").current_version.grace
