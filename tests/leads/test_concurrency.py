"""Many at once, on real connections and real commits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from leads.actions import FormPost, capture, record
from leads.audit import verify_scores
from leads.batch import NewEvent
from leads.models import Company, Conversion, Event, Lead, PendingEvent, Submission
from leads.pipeline import drain, process_pending
from tests.factories import NOON, LeadFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shipped_for_good")]


@pytest.fixture
def shipped_for_good(transactional_db, request):
    request.getfixturevalue("shipped")


def together(count, work):
    """Run `work(number)` in threads that start at the same moment, each with a connection of its own."""
    gate = threading.Barrier(count)

    def run(number):
        try:
            gate.wait(timeout=30)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [future.result(timeout=60) for future in [pool.submit(run, number) for number in range(count)]]


def test_eight_posts_of_one_new_address_make_one_lead_and_keep_the_first_touch():
    def work(number):
        data = {"email": "ada@acme.com", "first_name": f"Ada {number}", "utm_source": f"s{number}"}
        return capture(FormPost("contact", data), now=NOON + timedelta(seconds=number))

    done = together(8, work)
    lead = Lead.objects.get()
    assert sum(one.created for one in done) == 1
    assert Submission.objects.count() == lead.touches.count() == 8
    assert lead.original_touch == lead.touches.order_by("id").first()
    assert Company.objects.count() == 1
    drain(now=NOON + timedelta(minutes=1))
    assert Event.objects.filter(kind="form.submitted").count() == 8
    assert not PendingEvent.objects.exists()
    lead.refresh_from_db()
    assert lead.intent_score == 45
    assert not verify_scores()


def test_one_post_sent_eight_times_at_once_is_one():
    done = together(8, lambda number: capture(FormPost("contact", {"email": "ada@acme.com"}, "key-1"), now=NOON))
    assert len({one.submission_id for one in done}) == 1
    assert sum(not one.duplicate for one in done) == 1
    assert Submission.objects.count() == Event.objects.filter(kind="form.submitted").count() == 1


def test_one_key_for_two_people_is_one_and_a_conflict():
    def work(number):
        try:
            return capture(FormPost("contact", {"email": f"p{number}@acme.com"}, "key-1"), now=NOON)
        except ValueError as conflict:
            return conflict

    done = together(4, work)
    assert sum(isinstance(one, ValueError) for one in done) == 3
    assert Lead.objects.count() == Submission.objects.count() == 1


def test_workers_share_the_people_and_apply_each_event_once():
    leads = [LeadFactory(company_size=100) for _ in range(40)]
    record([NewEvent(lead.pk, "pricing.viewed") for lead in leads for _ in range(3)], now=NOON)
    counts = together(6, lambda number: drain(limit=5, now=NOON))
    total = sum(count.events for count in counts)
    total += drain(now=NOON).events
    assert total == 120
    assert set(Lead.objects.values_list("intent_score", "stage")) == {(30, "sql")}
    assert not verify_scores()


def test_a_person_in_other_hands_is_passed_over():
    held, free = LeadFactory(), LeadFactory()
    record([NewEvent(lead.pk, "docs.downloaded") for lead in (held, free)], now=NOON)
    with transaction.atomic():
        Lead.objects.select_for_update(no_key=True).get(pk=held.pk)
        assert together(1, lambda number: process_pending(now=NOON))[0].leads == 1
    assert list(PendingEvent.objects.values_list("lead_id", flat=True)) == [held.pk]
    assert process_pending(now=NOON).leads == 1


def test_payments_that_two_workers_hear_of_at_once_are_each_written_once():
    leads = [LeadFactory(), LeadFactory()]
    orders = [range(1, 41), range(40, 0, -1)]

    def work(number):
        lead = leads[number]
        told = [NewEvent(lead.pk, "purchase.completed", {"order_id": f"A-{n}", "amount": n}) for n in orders[number]]
        record(told, now=NOON)
        return process_pending(lead_ids=[lead.pk], now=NOON)

    assert [counts.failed for counts in together(2, work)] == [0, 0]
    assert not PendingEvent.objects.exists()
    assert sorted(Conversion.objects.values_list("amount", flat=True)) == list(range(1, 41))
