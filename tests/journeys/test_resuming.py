"""Rule 8b: a run that a goal ended goes on when that goal came to nothing. Each case as a story of one person."""

from datetime import timedelta
from typing import Any

import pytest
import yaml

from campaigns.actions import PublishRefused
from campaigns.exchange import export_sequence, import_sequence
from campaigns.models import ExclusiveGroup, Sequence
from leads.models import Lead
from tests.campaigns.sequences import live
from tests.factories import NOON, LeadFactory
from tests.journeys.happening import DAY, ends, entry, go_on, happen, mails, refusals, runs, send

pytestmark = pytest.mark.django_db

BEGIN = {"event": "purchase.completed"}
RESUME = {"event": "talk.canceled", "resumes": "talk.booked"}
GOAL = {"goal": "talk.booked"}
STEPS: list[dict[str, Any]] = [
    {"id": "one", "send": "hello"},
    {"id": "pause", "wait": "7d"},
    {"id": "two", "send": "hello"},
]


@pytest.fixture
def ada() -> Lead:
    return LeadFactory.create(ada=True)


def nurture(slug: str = "nurture", *, resume: dict[str, Any] = RESUME, **more: Any) -> Sequence:
    return live(slug, **{"entry": entry(BEGIN, resume), "exits": [GOAL], "steps": STEPS, **more})


def begin(lead: Lead) -> None:
    """The first mail is sent at noon, and the person waits."""
    happen(lead, "purchase.completed", order="A-1")
    go_on(at=NOON)
    send(at=NOON)
    go_on(at=NOON)


def test_rule_08b_what_remained_of_a_wait_is_waited_for(ada: Lead) -> None:
    sequence = nurture()
    begin(ada)
    happen(ada, "talk.booked", at=NOON + 2 * DAY)
    happen(ada, "talk.canceled", at=NOON + 10 * DAY)
    first, second = runs(sequence)
    assert (first.state, second.state) == ("ended", "active")
    assert (second.step_key, second.step_since) == ("pause", NOON + 8 * DAY)
    assert second.context == first.context  # its mails are about what it began with
    go_on(at=NOON + 14 * DAY + timedelta(hours=23))
    assert len(mails(ada)) == 1
    go_on(at=NOON + 15 * DAY)
    assert [step for step, *_ in mails(ada)] == ["one", "two"]


def test_rule_08b_a_mail_that_left_does_not_come_again(ada: Lead) -> None:
    """Sent, but the run still stood there when it ended."""
    sequence = nurture()
    happen(ada, "purchase.completed")
    go_on(at=NOON)
    send(at=NOON)
    happen(ada, "talk.booked", at=NOON + DAY)
    happen(ada, "talk.canceled", at=NOON + 2 * DAY)
    assert runs(sequence)[-1].step_key == "pause"
    go_on(at=NOON + 30 * DAY)
    assert [step for step, *_ in mails(ada)] == ["one", "two"]


def test_rule_08b_a_mail_that_was_stopped_is_sent(ada: Lead) -> None:
    sequence = nurture()
    happen(ada, "purchase.completed")
    go_on(at=NOON)
    happen(ada, "talk.booked", at=NOON + DAY)
    happen(ada, "talk.canceled", at=NOON + 2 * DAY)
    assert runs(sequence)[-1].step_key == "one"
    go_on(at=NOON + 2 * DAY)
    assert [(step, state) for step, state, _ in mails(ada)] == [("one", "canceled"), ("one", "ready")]


def test_rule_08b_nobody_begins_by_it(ada: Lead) -> None:
    sequence = nurture()
    happen(ada, "talk.canceled")
    assert runs(sequence) == []
    assert refusals(ada) == ["resume: no run of theirs was ended by talk.booked"]


def test_rule_08b_only_what_that_goal_ended_goes_on(ada: Lead) -> None:
    sequence = nurture(exits=[GOAL, {"goal": "contract.signed"}])
    begin(ada)
    happen(ada, "contract.signed", at=NOON + DAY)
    happen(ada, "talk.canceled", at=NOON + 2 * DAY)
    assert ends(sequence) == [("", "ended", "goal: contract.signed")]


def test_rule_08b_not_after_too_long(ada: Lead) -> None:
    sequence = nurture(resume=RESUME | {"within": "30d"})
    begin(ada)
    happen(ada, "talk.booked", at=NOON + DAY)
    happen(ada, "talk.canceled", at=NOON + 32 * DAY)
    assert len(runs(sequence)) == 1
    assert refusals(ada) == ["resume: it ended more than 30 days ago"]


def test_rule_08b_filters_and_groups_decide_as_always(ada: Lead) -> None:
    talks, _ = ExclusiveGroup.objects.get_or_create(slug="talks", defaults={"name": "Talks"})
    filters = {"field": "country", "op": "ne", "value": "FR"}
    sequence = nurture(entry=entry(BEGIN, RESUME, filters=filters), group=talks.slug, priority=1)
    other = live("other", entry=entry({"event": "trial.started"}), group=talks.slug, priority=9, steps=STEPS)
    begin(ada)
    happen(ada, "talk.booked", at=NOON + DAY)
    happen(ada, "trial.started", at=NOON + 2 * DAY)
    happen(ada, "talk.canceled", at=NOON + 3 * DAY)
    assert (len(runs(sequence)), len(runs(other))) == (1, 1)
    assert refusals(ada) == ["group: already in other, which goes first"]
    runs(other)[0].delete()
    Lead.objects.filter(pk=ada.pk).update(country="FR")
    happen(ada, "talk.canceled", at=NOON + 4 * DAY)
    assert len(runs(sequence)) == 1  # and is not tried again: what is resumed is now or never
    assert refusals(ada)[-1].startswith("filter: needs")


def test_rule_08b_again_and_again(ada: Lead) -> None:
    sequence = nurture()
    begin(ada)
    for day in (1, 3, 5):
        happen(ada, "talk.booked", at=NOON + day * DAY)
        happen(ada, "talk.canceled", at=NOON + (day + 1) * DAY)
    assert [run.state for run in runs(sequence)] == ["ended", "ended", "ended", "active"]
    assert runs(sequence)[-1].step_since == NOON + 3 * DAY  # four of its seven days are left


def test_rule_08b_who_is_inside_stays_there(ada: Lead) -> None:
    sequence = nurture()
    begin(ada)
    happen(ada, "talk.canceled", at=NOON + DAY)
    assert len(runs(sequence)) == 1


@pytest.mark.parametrize(
    ("trigger", "place", "words"),
    [
        (RESUME | {"resumes": "call.booked"}, "entry.triggers[1].resumes", "one of this sequence's exits"),
        (RESUME | {"resumes": 3}, "entry.triggers[1].resumes", "one of this sequence's exits"),
        (RESUME | {"within": "long"}, "entry.triggers[1].within", ""),
        (RESUME | {"updates": True}, "entry.triggers[1]", "either updates or resumes"),
        ({"event": "talk.canceled", "within": "3d"}, "entry.triggers[1].resumes", "name the goal"),
        ({"segment": "hot", "resumes": "talk.booked"}, "entry.triggers[1]", "'resumes' is not known"),
    ],
)
def test_rule_08b_publishing_names_what_is_wrong(trigger: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(PublishRefused) as refused:
        nurture(resume=trigger)
    assert place in str(refused.value)
    assert words in str(refused.value)


def test_rule_08b_goes_through_the_file_and_back() -> None:
    sequence = nurture(resume=RESUME | {"within": "30d"})
    text = export_sequence(sequence.slug)
    assert yaml.safe_load(text)["entry"]["triggers"][1] == RESUME | {"within": "30d"}
    import_sequence(text, now=NOON)
    assert export_sequence(sequence.slug) == text
