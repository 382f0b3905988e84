"""A rehearsal is honest: over a period it says, mail by mail, what a live run with the same events did."""

from collections import Counter
from datetime import time, timedelta

import pytest
from django.db import InternalError, connection

from campaigns.models import Decision, Enrollment, Message, Sequence
from campaigns.rehearsal import rehearse
from campaigns.rehearsal.records import Record
from campaigns.rehearsal.running import reading
from campaigns.sending.delivery import open_transport
from leads.models import Event, Lead, Workspace
from tests.campaigns import living
from tests.campaigns.sequences import people
from tests.factories import NOON, CompanyFactory

pytestmark = pytest.mark.django_db
DAYS = 17
# What must have come up at least once over the seeds, so that the equality says something.
CHECKS = {"", "holdout", "late", "suppression", "goal", "exit"}
ENDS = {"completed", "goal: meeting.booked", "restarted by a new trigger", "unsubscribed", "cooled", "customer"}


@pytest.fixture(scope="module")
def came_up():
    """What came up in the live runs; the last test looks at it."""
    return set()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_rehearsal_equals_the_live_run_over_the_same_events(seed: int, stage: None, came_up: set[str]) -> None:
    made = living.sequences()
    living.rules()
    # Who is held out is drawn by the lead's number: numbered alike, the dice tell the same story in any order of tests.
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('leads_lead', 'id'), %s)", [9_000_000 + 100 * seed])
    leads = people(9)
    Lead.objects.filter(pk__in=[lead.pk for lead in leads[:3]]).update(company=CompanyFactory(), timezone="Asia/Tokyo")
    Workspace.objects.update(quiet_from=time(23), quiet_until=time(6), cap_messages=3)
    until = NOON + timedelta(days=DAYS)
    transport = open_transport()
    living.go(transport, living.acts(leads, seed=seed, days=DAYS - 5), until=until)
    transport.close()
    assert Message.objects.filter(state="sent").count() > 15
    came_up |= {reason.partition(":")[0] for reason in Message.objects.values_list("reason", flat=True)}
    came_up |= set(Enrollment.objects.values_list("exit_reason", flat=True))

    for sequence in made:
        sequence.refresh_from_db()
        records: list[Record] = []
        found = rehearse(sequence.current_version, since=NOON, until=until, observe=records.append)
        runs, mails = living.lived(sequence)
        rehearsed_runs, rehearsed_mails = living.rehearsed(records)
        assert rehearsed_runs == runs, sequence.slug
        assert rehearsed_mails == mails, sequence.slug
        assert _refusals(records) == _refused(sequence), sequence.slug
        assert sum(record.merged for record in records) == _decided(sequence, "merged"), sequence.slug
        assert sum(record.met_again for record in records) == _decided(sequence, "already_active"), sequence.slug
        assert found.outcome.entries == len(runs)
        assert found.outcome.sent == Message.objects.filter(sequence=sequence, state="sent").count()


def test_a_rehearsal_knows_who_was_at_sunset_and_who_came_back(stage: None) -> None:
    made = living.sleepers()
    leads = people(8)
    Workspace.objects.update(tier_engaged_days=2, tier_quiet_days=4, cap_messages=90)
    until = NOON + timedelta(days=DAYS)
    transport = open_transport()
    living.go(transport, living.sleeping(leads, seed=4, days=DAYS - 1), until=until)
    transport.close()
    reasons = [reason.partition(":")[0] for reason in Message.objects.values_list("reason", flat=True)]
    assert reasons.count("sunset") > 3
    assert Event.objects.filter(kind="lead.revived").exists()
    assert Enrollment.objects.filter(exit_reason="came back").exists()
    for sequence in made:
        sequence.refresh_from_db()
        records: list[Record] = []
        rehearse(sequence.current_version, since=NOON, until=until, observe=records.append)
        runs, mails = living.lived(sequence)
        rehearsed_runs, rehearsed_mails = living.rehearsed(records)
        assert rehearsed_runs == runs, sequence.slug
        assert rehearsed_mails == mails, sequence.slug


def test_the_equality_was_about_something(came_up: set[str]) -> None:
    if came_up:  # empty when this test is run alone
        assert came_up >= CHECKS | ENDS


def test_the_database_itself_refuses_to_write_in_a_rehearsal() -> None:
    with pytest.raises(InternalError, match="read-only"), reading(), connection.cursor() as cursor:
        cursor.execute("UPDATE leads_workspace SET name = 'x'")
    Workspace.load()  # and outside of it one may write again


def _decided(sequence: Sequence, outcome: str) -> int:
    return Decision.objects.filter(sequence_id=sequence.pk, about="entry", outcome=outcome).count()


def _refused(sequence: Sequence) -> Counter[str]:
    """By check. The log has a filter's every try; a rehearsal tells how it ended."""
    noted = Decision.objects.filter(sequence_id=sequence.pk, about="entry", outcome="refused").exclude(
        check_name="filter"
    )
    return Counter(noted.values_list("check_name", flat=True))


def _refusals(records: list[Record]) -> Counter[str]:
    checks = Counter(reason.partition(":")[0] for record in records for _, reason in record.refusals)
    del checks["filter"]
    return checks
