"""A published version that an upgrade made unreadable: its own people wait, everybody else goes on."""

from datetime import timedelta

import pgtrigger
import pytest

from campaigns.models import Enrollment, Message, SequenceVersion
from campaigns.running import journeys, runner
from campaigns.sending import claiming
from leads.actions import record
from leads.batch import NewEvent
from leads.models import PendingEvent
from leads.pipeline import drain
from tests.campaigns.sequences import enrolled, live, people
from tests.factories import NOON

pytestmark = pytest.mark.django_db

SEND = [{"id": "mail", "send": "welcome"}]
GONE = [{"when": {"field": "a_field_of_an_older_version", "op": "eq", "value": 1}, "reason": "gone"}]
LATER = NOON + timedelta(minutes=15)


@pytest.fixture
def runs() -> tuple[Enrollment, Enrollment]:
    """Ada in a sequence that reads, Ben in one that will not any more; both have their mail ready."""
    ada, ben = people(2)
    good, bad = enrolled(live("good", steps=SEND), ada), enrolled(live("bad", steps=SEND), ben)
    runner.drain(now=NOON)
    assert Message.objects.filter(state="ready").count() == 2
    with pgtrigger.ignore():
        SequenceVersion.objects.filter(pk=bad.version_id).update(exits=GONE)
    journeys.forget()
    return good, bad


def test_its_mail_waits_and_the_others_leave(runs: tuple[Enrollment, Enrollment]) -> None:
    good, bad = runs
    taken = claiming.claim(limit=10, now=NOON)
    assert [mail.key for mail in taken.mails] == [f"enrollment:{good.pk}:mail"]
    kept = Message.objects.get(enrollment=bad)
    assert (kept.state, kept.due_at, kept.reason.partition(":")[0]) == ("ready", LATER, "exit")


def test_its_people_stay_where_they_are_and_the_others_go_on(runs: tuple[Enrollment, Enrollment]) -> None:
    good, bad = runs
    Enrollment.objects.update(due_at=NOON)
    runner.drain(now=NOON)
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, good.exit_reason) == ("ended", "completed")
    assert (bad.state, bad.step_key, bad.due_at) == ("active", "mail", LATER)


def test_what_its_people_do_is_processed_all_the_same(runs: tuple[Enrollment, Enrollment]) -> None:
    record([NewEvent(run.lead_id, "pricing.viewed") for run in runs], now=NOON)
    drain(now=NOON)
    assert not PendingEvent.objects.exists()
