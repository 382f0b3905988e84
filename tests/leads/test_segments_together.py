"""Segments while several work at them: real connections, real commits, and a worker that dies."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction

from leads import segments
from leads.actions import FormPost, capture, record
from leads.batch import NewEvent
from leads.models import Event, Lead, Segment, SegmentDue, SegmentMember
from leads.pipeline import drain
from leads.segments import building, waiting
from tests.copies import TEMPLATE, copy
from tests.factories import NOON, FormFactory, LeadFactory
from tests.leads.test_concurrency import together

WEEK = timedelta(days=7)
SENT = {"event": "form.submitted", "within": "7d"}
OLD = {"field": "created_at", "op": "older_than", "value": "2d"}
SEEN = {"event": "page.viewed", "within": "7d"}
pytestmark = pytest.mark.django_db(transaction=True)


def crowd(count):
    people = [LeadFactory() for _ in range(count)]
    record([NewEvent(lead.pk, "page.viewed", source="test") for lead in people], now=NOON)
    drain(now=NOON)
    return people


def stories():
    """What was told of each lead, in order."""
    found = {}
    for lead, kind in Event.objects.filter(kind__startswith="segment.").order_by("id").values_list("lead_id", "kind"):
        found.setdefault(lead, []).append(kind.removeprefix("segment."))
    return found


def test_many_sweeps_at_once_move_everybody_once():
    Segment.objects.create(slug="seen", name="Seen", rule=SEEN, refreshed_at=NOON)
    people = crowd(40)
    done = together(4, lambda _: waiting.drain(now=NOON + WEEK, limit=7))
    assert sum(one.changes for one in done) == 40
    waiting.drain(now=NOON + WEEK)
    assert stories() == {lead.pk: ["entered", "left"] for lead in people}
    assert not SegmentMember.objects.exists()
    assert not SegmentDue.objects.exists()


def test_a_sweep_that_is_killed_has_done_nothing():
    Segment.objects.create(slug="seen", name="Seen", rule=SEEN, refreshed_at=NOON)
    people = crowd(3)

    def die_after_the_work():
        with transaction.atomic():
            assert waiting.look(now=NOON + WEEK).changes == 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die_after_the_work()
    assert SegmentDue.objects.count() == SegmentMember.objects.count() == 3
    waiting.drain(now=NOON + WEEK)
    assert stories() == {lead.pk: ["entered", "left"] for lead in people}


def test_a_form_in_the_moment_of_falling_out_is_not_lost():
    """Whoever comes first, in the end the facts decide, and each change is told once."""
    Segment.objects.create(slug="seen", name="Seen", rule=SENT, refreshed_at=NOON)
    FormFactory(slug="contact")
    capture(FormPost("contact", {"email": "ada@acme.com"}), now=NOON)
    drain(now=NOON)

    def work(number):
        if number % 2:
            return waiting.drain(now=NOON + WEEK)
        capture(FormPost("contact", {"email": "ada@acme.com", "n": number}), now=NOON + WEEK)
        return drain(now=NOON + WEEK)

    together(6, work)
    drain(now=NOON + WEEK)
    waiting.drain(now=NOON + WEEK)
    lead = Lead.objects.get()
    assert SegmentMember.objects.filter(lead=lead).exists()
    assert SegmentDue.objects.get().due_at <= NOON + 2 * WEEK
    assert stories()[lead.pk] in (["entered"], ["entered", "left", "entered"])


def test_builds_and_events_at_once_end_in_what_the_rule_says(monkeypatch):
    monkeypatch.setattr(building, "CHUNK", 5)
    people = crowd(30)
    segment = Segment.objects.create(slug="seen", name="Seen", rule={"event": "docs.downloaded", "within": "7d"})

    def work(number):
        if number < 2:
            return segments.refresh(segment, now=NOON)
        record([NewEvent(lead.pk, "docs.downloaded", source="test") for lead in people[number::4]], now=NOON)
        return drain(now=NOON)

    together(4, work)
    drain(now=NOON)
    expected = {event.lead_id for event in Event.objects.filter(kind="docs.downloaded")}
    assert set(SegmentMember.objects.values_list("lead_id", flat=True)) == expected
    assert set(SegmentDue.objects.values_list("lead_id", flat=True)) == expected
    assert stories() == {lead: ["entered"] for lead in expected}
    segment.refresh_from_db()
    assert (segment.built_to, segment.member_count <= len(expected)) == (None, True)


def test_who_holds_leads_of_another_database_of_the_server_holds_nothing_up(monkeypatch, caplog):
    """Locks are listed for the whole server, and copies of a database have tables of the same number."""
    monkeypatch.setattr(building, "PATIENCE", 0)
    settings = connection.settings_dict
    neighbour = f"{settings['NAME']}_neighbour"
    copy(TEMPLATE, neighbour)
    segment = Segment.objects.create(slug="seen", name="Seen", rule=SEEN)
    with psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname=neighbour) as other:
        other.execute("SELECT FROM leads_lead FOR UPDATE")
        segments.refresh(segment, now=NOON)
    assert "older transactions hold leads" not in caplog.text


def test_a_rule_changes_while_the_sweep_runs():
    segment = Segment.objects.create(slug="seen", name="Seen", rule=SEEN, refreshed_at=NOON)
    people = crowd(20)

    def work(number):
        if number:
            return waiting.drain(now=NOON + WEEK, limit=3)
        return segments.change_rule(
            segment, {"field": "created_at", "op": "older_than", "value": "2d"}, now=NOON + WEEK
        )

    together(3, work)
    waiting.drain(now=NOON + WEEK)
    assert set(SegmentMember.objects.values_list("lead_id", flat=True)) == {lead.pk for lead in people}
    assert not SegmentDue.objects.exists()
    for story in stories().values():
        assert story in (["entered"], ["entered", "left", "entered"])


def test_a_held_lead_is_passed_over_and_looked_at_later():
    Segment.objects.create(slug="seen", name="Seen", rule=SEEN, refreshed_at=NOON)
    people = crowd(2)

    def look(_):
        done = waiting.drain(now=NOON + WEEK)
        connection.close()
        return done

    with transaction.atomic():
        Lead.objects.select_for_update(no_key=True).get(pk=people[0].pk)
        assert together(1, look)[0].changes == 1
    assert waiting.drain(now=NOON + WEEK).changes == 1
