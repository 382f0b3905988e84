"""A rehearsal is honest: over a period it says, mail by mail, what a live run with the same events did."""

from datetime import timedelta

import pytest

from campaigns.delivery import open_transport
from campaigns.models import Message
from campaigns.rehearsal import rehearse
from campaigns.rehearsal.records import Record
from tests.campaigns import living
from tests.campaigns.sequences import people
from tests.factories import NOON

pytestmark = pytest.mark.django_db
DAYS = 24


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_rehearsal_equals_the_live_run_over_the_same_events(seed: int, stage: None) -> None:
    made = living.sequences()
    living.rules()
    leads = people(14)
    until = NOON + timedelta(days=DAYS)
    transport = open_transport()
    living.go(transport, living.acts(leads, seed=seed, days=DAYS - 4), until=until)
    transport.close()
    assert Message.objects.filter(state="sent").count() > 20

    for sequence in made:
        sequence.refresh_from_db()
        records: list[Record] = []
        found = rehearse(sequence.current_version, since=NOON, until=until, observe=records.append)
        runs, mails = living.lived(sequence)
        rehearsed_runs, rehearsed_mails = living.rehearsed(records)
        if rehearsed_runs != runs:
            print("ONLY LIVE", sorted(set(runs) - set(rehearsed_runs), key=str)); print("ONLY REH", sorted(set(rehearsed_runs) - set(runs), key=str))
            for l in {r[0] for r in set(runs) ^ set(rehearsed_runs)}:
                from campaigns.models import Enrollment
                from leads.models import Event
                for e in Enrollment.objects.filter(lead_id=l).order_by("enrolled_at").select_related("sequence"): print("  E", l, e.sequence.slug, e.enrolled_at, e.ended_at, e.exit_reason)
                for r in records:
                    if r.lead_id == l: print("  R", l, [(str(a), b) for a, b in r.refusals])
        assert rehearsed_runs == runs, sequence.slug
        assert rehearsed_mails == mails, sequence.slug
        assert found.outcome.entries == len(runs)
        assert found.outcome.sent == Message.objects.filter(sequence=sequence, state="sent").count()
