"""Stories of segments: who comes and who goes, by what happens and by time alone, told once each."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads import segments
from leads.actions import erase, record, update_lead
from leads.batch import NewEvent
from leads.fading import drain as fade
from leads.identity.merging import merge
from leads.models import Event, Lead, PendingEvent, Segment, SegmentDue, SegmentMember, SegmentTally
from leads.pipeline import drain
from leads.segments import building, counting
from lifecycle.core import sql
from lifecycle.core.rules import RuleError
from tests.factories import NOON, LeadFactory

DAY = timedelta(days=1)
TICK = timedelta(seconds=30)
pytestmark = pytest.mark.django_db


def segment_of(rule, slug="them"):
    made = Segment.objects.create(slug=slug, name=slug, rule=rule)
    segments.refresh_due(now=NOON)
    return made


def members(slug="them"):
    return set(SegmentMember.objects.filter(segment__slug=slug).values_list("lead_id", flat=True))


def told(lead, slug="them"):
    """What was told of a lead and the segment, in order."""
    events = Event.objects.filter(lead=lead, kind__startswith="segment.", properties__segment=slug).order_by("id")
    return [kind.removeprefix("segment.") for kind in events.values_list("kind", flat=True)]


def after(time):
    segments.refresh_due(now=NOON + time)


def test_somebody_falls_out_after_30_days_without_any_event(happen):
    active = segment_of({"event": "page.viewed", "within": "30d"})
    lead = LeadFactory()
    happen(lead, "page.viewed", NOON)
    assert members() == {lead.pk}
    after(30 * DAY - TICK)
    assert members() == {lead.pk}
    after(30 * DAY)
    assert (members(), told(lead)) == (set(), ["entered", "left"])
    assert not SegmentDue.objects.filter(segment=active).exists()


def test_another_visit_keeps_them_in_and_costs_no_write(happen):
    segment_of({"event": "page.viewed", "within": "30d"})
    lead = LeadFactory()
    happen(lead, "page.viewed", NOON)
    due = SegmentDue.objects.get()
    happen(lead, "page.viewed", NOON + 20 * DAY)
    assert SegmentDue.objects.get().due_at == due.due_at == NOON + 30 * DAY, "too early does no harm"
    after(30 * DAY)
    assert (members(), told(lead)) == ({lead.pk}, ["entered"])
    assert SegmentDue.objects.get().due_at == NOON + 50 * DAY
    after(50 * DAY)
    assert told(lead) == ["entered", "left"]


def test_somebody_enters_when_the_renewal_comes_within_30_days():
    segment_of({"field": "attributes.renewal_date", "op": "within_next", "value": "30d"})
    lead = LeadFactory()
    update_lead(lead.pk, {"attributes": {"renewal_date": "2026-06-01"}}, source="api", now=NOON)
    drain(now=NOON)
    assert SegmentDue.objects.get().due_at.date().isoformat() == "2026-05-02"
    after(60 * DAY)
    assert members() == set()
    after(61 * DAY)
    assert members() == {lead.pk}
    after(91 * DAY)
    assert (members(), told(lead)) == (set(), ["entered", "left"])


def test_a_nearer_date_moves_the_appointment():
    segment_of({"field": "attributes.renewal_date", "op": "within_next", "value": "30d"})
    lead = LeadFactory()
    for day in ("2026-09-01", "2026-06-01", "2026-12-01"):
        update_lead(lead.pk, {"attributes": {"renewal_date": day}}, source="api", now=NOON)
        drain(now=NOON)
    assert SegmentDue.objects.get().due_at.date().isoformat() == "2026-05-02", "a later one waits for the earlier"
    after(61 * DAY)
    assert (members(), SegmentDue.objects.get().due_at.date().isoformat()) == (set(), "2026-11-01")


def test_a_whole_build_makes_the_same_appointments_as_the_pipeline(happen):
    rules = {
        "seen": {"event": "page.viewed", "within": "30d"},
        "often": {"event": "page.viewed", "at_least": 2, "within": "7d"},
        "rarely": {"not": {"event": "page.viewed", "at_least": 2, "within": "7d"}},
        "young": {"field": "created_at", "op": "within_last", "value": "14d"},
        "old": {"not": {"field": "created_at", "op": "within_last", "value": "9d"}},
        "starting": {"event": "a.b", "where": [{"property": "starts", "op": "within_next", "value": "2d"}]},
    }  # fmt: skip
    for slug, rule in rules.items():
        segment_of(rule, slug)
    people = [LeadFactory() for _ in range(3)]
    for number, lead in enumerate(people):
        for _ in range(number + 1):
            happen(lead, "page.viewed", NOON + number * DAY)
        happen(lead, "a.b", NOON, starts=(NOON + (3 + number) * DAY).isoformat())
    segments.look_at_due(now=NOON + 2 * DAY)
    seen, appointed = memberships_and_dues()
    Segment.objects.update(refreshed_at=None)
    segments.refresh_due(now=NOON + 2 * DAY)
    built, computed = memberships_and_dues()
    assert built == seen
    assert len(computed) > 8
    for pair, due in computed.items():
        assert appointed[pair] <= due, "sooner does no harm"


def memberships_and_dues():
    dues = SegmentDue.objects.values_list("segment__slug", "lead_id", "due_at")
    members_of_all = set(SegmentMember.objects.values_list("segment__slug", "lead_id"))
    return members_of_all, {(slug, lead): due for slug, lead, due in dues}


def test_time_alone_agrees_with_a_full_look_whenever_one_looks(happen):
    """A quarter, day by day: who is in by due times is who the rules hold for."""
    rules = [
        {"event": "page.viewed", "at_least": 2, "within": "7d"},
        {"event": "page.viewed", "exactly": 1, "within": "2d"},
        {"not": {"event": "page.viewed", "within": "30d"}},
        {
            "all": [
                {"field": "created_at", "op": "older_than", "value": "14d"},
                {"event": "page.viewed", "within": "7d"},
            ]
        },
    ]
    people = [LeadFactory(created_at=NOON - number * DAY) for number in range(4)]
    made = [segment_of(rule, f"s{number}") for number, rule in enumerate(rules)]
    for day in range(45):
        now = NOON + day * DAY + timedelta(hours=day % 7)
        for number, lead in enumerate(people):
            if (day + number) % (number + 3) == 0:
                happen(lead, "page.viewed", now)
        segments.look_at_due(now=now)
        for segment in made:
            holds = set(
                Lead.objects.filter(segments.parsed(segment).q(now, Event.objects.all())).values_list("pk", flat=True)
            )
            assert members(segment.slug) == holds, (day, segment.rule)
    for lead in people:
        for segment in made:
            story = told(lead, segment.slug)
            assert story == (["entered", "left"] * len(story))[: len(story)], "in and out by turns, each once"


def test_late_and_twice_are_as_good_as_in_time(happen):
    segment_of({"event": "page.viewed", "within": "7d"})
    lead = LeadFactory()
    happen(lead, "page.viewed", NOON)
    happen(lead, "page.viewed", NOON + 40 * DAY)
    assert told(lead) == ["entered"], "nobody looked while they were out"
    for _ in range(2):
        after(60 * DAY)
    assert told(lead) == ["entered", "left"]


def test_what_time_lets_in_is_processed_like_any_event(happen):
    segment_of({"field": "created_at", "op": "older_than", "value": "7d"}, "first")
    segment_of({"event": "segment.entered", "where": [{"property": "segment", "op": "eq", "value": "first"}]}, "then")
    lead = LeadFactory()
    happen(lead, "page.viewed", NOON)
    segments.look_at_due(now=NOON + 7 * DAY)
    assert PendingEvent.objects.count() == 1
    drain(now=NOON + 7 * DAY)
    assert members("then") == {lead.pk}


@pytest.mark.usefixtures("shipped")
def test_a_score_that_fades_without_an_event_lets_people_go(happen):
    segment_of({"field": "intent_score", "op": "gte", "value": 15})
    lead = LeadFactory()
    happen(lead, "docs.downloaded", NOON)
    assert members() == {lead.pk}
    fade(now=NOON + 20 * DAY)
    lead.refresh_from_db()
    assert (lead.intent_score < 15, lead.temperature) == (True, "cold")
    assert (members(), told(lead)) == (set(), ["entered", "left"])


def test_switched_off_and_on_everybody_leaves_and_comes_back(happen):
    segment = segment_of({"event": "page.viewed", "within": "30d"})
    lead = LeadFactory()
    happen(lead, "page.viewed", NOON)
    for is_active, expected in ((False, set()), (True, {lead.pk})):
        segment.refresh_from_db()
        segment.is_active = is_active
        segment.look_again()
        segment.save()
        after(TICK)
        assert members() == expected
        assert SegmentDue.objects.filter(segment=segment).exists() is is_active
    assert told(lead) == ["entered", "left", "entered"]


def test_a_changed_rule_forgets_its_appointments(happen):
    segment = segment_of({"event": "page.viewed", "within": "30d"})
    lead = LeadFactory()
    happen(lead, "page.viewed", NOON)
    segments.change_rule(segment, {"event": "page.viewed", "within": "2d"}, now=NOON)
    assert SegmentDue.objects.get().due_at == NOON + 2 * DAY
    segments.change_rule(segment, {"event": "page.viewed"}, now=NOON)
    assert not SegmentDue.objects.exists()
    assert told(lead) == ["entered"]


def test_a_pass_goes_on_where_it_was_left(monkeypatch):
    monkeypatch.setattr(building, "CHUNK", 4)
    people = [LeadFactory(company_size=100) for _ in range(10)]
    segment = Segment.objects.create(slug="them", name="x", rule={"field": "company_size", "op": "gte", "value": 50})
    sql.execute("UPDATE leads_segment SET built_to = %b WHERE id = %b", [people[3].pk, segment.pk])
    assert tuple(segments.refresh(segment, now=NOON)) == (6, 0)
    assert members() == {lead.pk for lead in people[4:]}, "what a worker did before it died is not done again"
    segment.refresh_from_db()
    assert (segment.built_to, segment.refreshed_at, segment.member_count) == (None, NOON, 6)


def test_a_rule_that_changes_on_the_way_begins_from_the_beginning(monkeypatch):
    monkeypatch.setattr(building, "CHUNK", 4)
    people = [LeadFactory(company_size=100) for _ in range(6)]
    segment = Segment.objects.create(slug="them", name="x", rule={"field": "company_size", "op": "lt", "value": 50})
    sql.execute("UPDATE leads_segment SET built_to = %b WHERE id = %b", [people[3].pk, segment.pk])
    segment.refresh_from_db()
    segment.rule = {"field": "company_size", "op": "gte", "value": 50}
    segment.renew()
    segment.save()
    after(TICK)
    assert members() == {lead.pk for lead in people}


def test_once_a_day_what_nothing_told_of_is_found():
    lead = LeadFactory(company_size=100)
    segment_of({"field": "company_size", "op": "gte", "value": 50})
    Lead.objects.filter(pk=lead.pk).update(company_size=5)
    after(DAY - TICK)
    assert members() == {lead.pk}
    after(DAY)
    assert members() == set()


def test_a_rule_that_does_not_read_keeps_its_members_and_stops_nobody(caplog):
    lead = LeadFactory(company_size=100)
    broken, _ = (segment_of({"field": "company_size", "op": "gte", "value": 50}, slug) for slug in ("a", "b"))
    Segment.objects.update(refreshed_at=None)
    Segment.objects.filter(pk=broken.pk).update(rule={"field": "gone", "op": "is_set"})
    after(TICK)
    assert members("a") == members("b") == {lead.pk}
    assert "does not read" in caplog.text
    with pytest.raises(RuleError):
        segments.refresh(Segment.objects.get(pk=broken.pk), now=NOON)


def test_erased_people_leave_nothing_and_are_counted_no_more(happen):
    segment = segment_of({"event": "page.viewed", "within": "30d"})
    lead = LeadFactory()
    happen(lead, "page.viewed", NOON)
    erase(lead, now=NOON)
    assert not SegmentMember.objects.exists()
    assert not SegmentDue.objects.exists()
    after(DAY)
    segment.refresh_from_db()
    assert segment.member_count == 0


def test_memberships_move_with_their_person(happen):
    segment_of({"event": "page.viewed", "within": "30d"}, "a")
    segment_of({"event": "docs.downloaded", "within": "30d"}, "b")
    kept, other = LeadFactory(), LeadFactory()
    for lead in (kept, other):
        happen(lead, "page.viewed", NOON)
    happen(other, "docs.downloaded", NOON)
    merge(kept, other, now=NOON)
    drain(now=NOON)
    assert members("a") == members("b") == {kept.pk}
    assert {due.lead_id for due in SegmentDue.objects.all()} == {kept.pk}
    assert told(kept, "b") == ["entered"], "what was told of the other one; moving is not entering"


def test_counts_and_growth_follow(happen):
    segment = segment_of({"event": "page.viewed", "within": "2d"})
    people = [LeadFactory() for _ in range(3)]
    for lead in people:
        happen(lead, "page.viewed", NOON)
    after(TICK)
    segment.refresh_from_db()
    assert segment.member_count == 3
    after(2 * DAY)
    segment.refresh_from_db()
    assert segment.member_count == 0
    assert counting.growth([segment.pk], now=NOON + 2 * DAY) == {segment.pk: counting.Growth(3, 3)}
    assert counting.growth([segment.pk], now=NOON + 30 * DAY) == {}
    assert not SegmentTally.objects.filter(is_summed=False).exists()


def test_looking_at_many_costs_as_many_statements_as_looking_at_few(happen):
    segment_of({"event": "page.viewed", "within": "7d"}, "a")
    segment_of({"field": "created_at", "op": "older_than", "value": "7d"}, "b")

    def statements(count):
        for _ in range(count):
            happen(LeadFactory(), "page.viewed", NOON)
        with CaptureQueriesContext(connection) as captured:
            done = segments.look_at_due(now=NOON + 7 * DAY)
        assert (done.leads, done.changes) == (count, 2 * count)
        drain(now=NOON + 7 * DAY)
        return len(captured)

    few, many = statements(2), statements(15)
    assert few == many <= 16
    with CaptureQueriesContext(connection) as captured:
        assert segments.look_at_due(now=NOON + 7 * DAY) == (0, 0)
    assert len(captured) <= 3


def test_the_pipeline_keeps_appointments_at_a_constant_price(happen):
    def statements(count):
        people = [LeadFactory() for _ in range(count)]
        from_many(people)
        with CaptureQueriesContext(connection) as captured:
            drain(now=NOON)
        return len(captured)

    without = statements(2)
    segment_of({"event": "page.viewed", "within": "7d"})
    few, many = statements(2), statements(20)
    assert few == many
    assert SegmentDue.objects.count() == 24
    assert few > without, "a segment that waits costs its look and its writes"


def from_many(people):
    record([NewEvent(lead.pk, "page.viewed", source="test") for lead in people], now=NOON)


def test_what_is_due_is_found_by_its_index():
    LeadFactory()
    segment_of({"field": "created_at", "op": "older_than", "value": "7d"})
    with connection.cursor() as cursor:
        # Whether the index can serve is the question here, not what the planner thinks of a few rows.
        for other in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
        cursor.execute(
            "EXPLAIN SELECT d.lead_id FROM leads_segmentdue d JOIN leads_lead l ON l.id = d.lead_id"
            " WHERE d.due_at <= %s ORDER BY d.due_at LIMIT 1000 FOR NO KEY UPDATE OF l SKIP LOCKED",
            [NOON],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "segment_due_next" in plan, plan
    assert "Sort" not in plan, plan
