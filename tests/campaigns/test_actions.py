"""The verbs: drafts, publishing, pausing, stopping, enrolling. What was published never changes, not even by SQL."""

from datetime import timedelta

import pytest
from django.db import Error, connection, transaction

from campaigns import actions
from campaigns.actions import SequenceNotFound, enroll_by_api, new_draft, publish, publish_template
from campaigns.editing.publishing import PublishRefused
from campaigns.models import EmailTemplate, Enrollment, ExclusiveGroup, Message, Sequence, SequenceVersion, Step
from campaigns.running import journeys, runner
from leads.models import Lead
from tests.campaigns.sequences import BODY, enrolled, live, template
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SPLIT = [
    {
        "id": "hello",
        "send": {"variants": [{"key": k, "weight": 50, "template": t} for k, t in (("a", "hello"), ("b", "other"))]},
    },
    {"id": "pause", "wait": "1d"},
]


@pytest.fixture
def ada() -> Lead:
    return LeadFactory.create(ada=True)


def test_a_new_draft_is_a_copy_with_every_step_and_variant() -> None:
    sequence = live(
        steps=SPLIT,
        entry={"triggers": [{"event": "a.b"}], "reentry": {"after": "7d"}, "key": "order", "second_trigger": "merge"},
        exits=[{"goal": "meeting.booked"}],
    )
    published, draft = sequence.current_version, new_draft(sequence)
    assert (draft.number, draft.state) == (2, "draft")
    copied, original = journeys.build(draft), journeys.build(published)
    assert copied.steps == original.steps
    for name in ("triggers", "filters", "exits", "reentry", "reentry_after", "key_property", "second_trigger"):
        assert getattr(copied, name) == getattr(original, name)
    assert set(draft.steps.values_list("pk")).isdisjoint(published.steps.values_list("pk"))


def test_there_is_one_draft_however_often_it_is_asked_for() -> None:
    sequence = live()
    assert new_draft(sequence) == new_draft(sequence)
    assert sequence.versions.count() == 2


def test_rule_21_who_is_in_flight_stays_on_their_version(ada: Lead) -> None:
    sequence = live(steps=[{"id": "hello", "send": "hello"}, {"id": "pause", "wait": "1d"}])
    before = sequence.current_version
    run = enrolled(sequence, ada)
    draft = new_draft(sequence)
    draft.steps.exclude(key="hello").delete()
    publish(draft, now=NOON + DAY)

    run.refresh_from_db()
    sequence.refresh_from_db()
    assert run.version == before
    assert sequence.current_version == draft
    later = enrolled(sequence, LeadFactory.create())
    assert later.version == draft


def test_publishing_the_same_version_again_changes_nothing() -> None:
    sequence = live()
    again = publish(sequence.current_version, now=NOON + DAY)
    assert again.published_at == NOON


def test_a_paused_sequence_stays_paused_and_a_stopped_one_goes_live_when_published() -> None:
    for status, expected in (("paused", "paused"), ("stopped", "live")):
        sequence = live(f"was-{status}")
        Sequence.objects.filter(pk=sequence.pk).update(status=status)
        publish(new_draft(sequence), now=NOON)
        sequence.refresh_from_db()
        assert sequence.status == expected


def test_a_template_that_did_not_change_makes_no_version() -> None:
    live()
    mail = EmailTemplate.objects.get(slug="hello")
    first = mail.current_version
    assert publish_template(mail, now=NOON + DAY) == first
    mail.subject = "Hello again"
    mail.save()
    second = publish_template(mail, now=NOON + DAY)
    assert (second.number, second.compiled["subject"]) == (2, "Hello again")
    assert first.compiled["subject"] == "Hello"


VERSION = "(SELECT id FROM campaigns_sequenceversion WHERE state = 'published')"
STEPS = f"(SELECT id FROM campaigns_step WHERE version_id = {VERSION})"
COLUMNS = (
    'position, kind, journey_stage, from_enrollment, event_kind, "where", condition, then_key, else_key, field, message'
)
ADDED = f"""
    INSERT INTO campaigns_step (version_id, key, {COLUMNS})
    SELECT version_id, 'added', {COLUMNS} FROM campaigns_step WHERE key = 'hello' AND version_id = {VERSION}
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE campaigns_sequenceversion SET exits = '[]' WHERE state = 'published'",
        "UPDATE campaigns_sequenceversion SET state = 'draft' WHERE state = 'published'",
        "DELETE FROM campaigns_sequenceversion WHERE state = 'published'",
        f"UPDATE campaigns_step SET key = 'other' WHERE version_id = {VERSION}",
        f"DELETE FROM campaigns_step WHERE version_id = {VERSION} AND kind = 'wait'",
        ADDED,
        f"UPDATE campaigns_step SET version_id = {VERSION}, key = 'moved' WHERE version_id <> {VERSION}",
        f"UPDATE campaigns_variant SET weight = 1 WHERE step_id IN {STEPS}",
        f"DELETE FROM campaigns_variant WHERE step_id IN {STEPS}",
        f"""INSERT INTO campaigns_variant (step_id, key, weight, template_id)
            SELECT step_id, 'c', 1, template_id FROM campaigns_variant WHERE key = 'a' AND step_id IN {STEPS}""",
        "UPDATE campaigns_templateversion SET compiled = '{}'",
        "DELETE FROM campaigns_templateversion",
    ],
)
def test_rule_21_what_was_published_is_immutable_in_the_database(statement: str) -> None:
    new_draft(live(steps=SPLIT))
    with pytest.raises(Error, match=r"immutable|Cannot (update|delete|update or delete) rows"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_draft_changes_freely() -> None:
    draft = new_draft(live(steps=SPLIT))
    Step.objects.create(version=draft, key="added", kind="end", position=9)
    step = draft.steps.get(key="hello")
    step.variants.filter(key="b").delete()
    step.variants.update(weight=1)
    draft.steps.filter(key="pause").delete()
    assert list(draft.steps.values_list("key", flat=True)) == ["hello", "added"]


def test_rule_23_pause_holds_entries_and_lets_people_finish(ada: Lead) -> None:
    sequence = live()
    run = enrolled(sequence, ada)
    assert actions.pause(sequence, now=NOON) is not None
    assert actions.pause(sequence, now=NOON) is None
    refused = enroll_by_api("welcome", lead=LeadFactory.create(), now=NOON)
    assert (refused.result, refused.reason) == ("refused", "paused: nobody enters for now")
    runner.drain(now=NOON)
    assert Message.objects.get().enrollment == run
    assert actions.resume(sequence, now=NOON) is not None
    assert actions.resume(sequence, now=NOON) is None
    assert enroll_by_api("welcome", lead=LeadFactory.create(), now=NOON).result == "enrolled"


def test_rule_23_stop_ends_every_run_and_every_mail_of_it(ada: Lead) -> None:
    sequence, other = live(), live("other")
    for lead in (ada, LeadFactory.create()):
        enrolled(sequence, lead)
    outside = enrolled(other, ada)
    runner.drain(now=NOON)
    stopped = actions.stop(sequence, now=NOON + DAY)
    assert stopped is not None
    assert stopped.detail == {"people": 2, "mails": 2}
    assert actions.stop(sequence, now=NOON + DAY) is None
    for run in Enrollment.objects.filter(sequence=sequence):
        assert (run.state, run.exit_reason, run.ended_at, run.due_at) == ("ended", "sequence stopped", NOON + DAY, None)
    for mail in Message.objects.filter(sequence=sequence):
        assert (mail.state, mail.reason, mail.settled_at) == ("canceled", "sequence stopped", NOON + DAY)
    outside.refresh_from_db()
    assert outside.state == "active"
    assert enroll_by_api("welcome", lead=LeadFactory.create(), now=NOON).reason == "the sequence is stopped"


def test_a_person_is_taken_out_by_hand_once(ada: Lead) -> None:
    run = enrolled(live(), ada)
    assert actions.exit_enrollment(run, reason="asked on the phone", now=NOON) is True
    assert actions.exit_enrollment(run, reason="again", now=NOON) is False
    run.refresh_from_db()
    assert run.exit_reason == "asked on the phone"


def test_enrolling_by_api_answers_with_a_verdict_and_its_reason(ada: Lead) -> None:
    live(entry={"triggers": [], "second_trigger": "merge", "filters": {"field": "role", "op": "eq", "value": "head"}})
    first = enroll_by_api("welcome", lead=ada, context={"plan": "pro"}, now=NOON)
    again = enroll_by_api("welcome", lead=ada, context={"plan": "max"}, now=NOON)
    assert (first.result, first.reason) == ("enrolled", "")
    assert (again.result, again.enrollment_id) == ("merged", first.enrollment_id)
    assert Enrollment.objects.get().context == {"event": {"plan": "pro"}, "events": [{"plan": "pro"}, {"plan": "max"}]}

    refused = enroll_by_api("welcome", lead=LeadFactory.create(sam=True), now=NOON)
    tried_again = "filter: needs Role is head (tried again until 2026-03-02 12:30 UTC)"
    assert (refused.result, refused.reason, refused.enrollment_id) == ("refused", tried_again, None)


def test_enrolling_by_api_keeps_one_run_for_a_key(ada: Lead) -> None:
    live(entry={"triggers": [], "key": "order", "reentry": "once_per_key"})
    results = [enroll_by_api("welcome", lead=ada, key=key, now=NOON).result for key in ("A1", "A1", "B2")]
    assert results == ["enrolled", "already_active", "enrolled"]
    assert enroll_by_api("welcome", lead=ada, key="x" * 500, now=NOON).result == "enrolled"
    assert set(Enrollment.objects.values_list("key", flat=True)) == {"A1", "B2", "x" * 120}


def test_a_group_gives_way_to_what_goes_first(ada: Lead) -> None:
    live("low", group="talk", priority=1)
    live("high", group="talk", priority=2)
    low = enroll_by_api("low", lead=ada, now=NOON)
    assert enroll_by_api("high", lead=ada, now=NOON).result == "enrolled"
    assert Enrollment.objects.get(pk=low.enrollment_id).exit_reason == "replaced by high"
    refused = enroll_by_api("low", lead=LeadFactory.create(), now=NOON)
    assert refused.result == "enrolled"
    assert enroll_by_api("low", lead=ada, now=NOON).reason == "reentry: never"


def test_another_group_and_priority_hold_from_the_next_entry_on(ada: Lead) -> None:
    """They belong to the sequence, not to its version, which every process remembers."""
    low, high = live("low", priority=1), live("high", priority=2)
    assert [journey.sequence for journey in journeys.live()] == ["high", "low"]
    talk = ExclusiveGroup.objects.create(slug="talk", name="Talk")
    Sequence.objects.filter(pk=low.pk).update(group=talk, priority=3)
    Sequence.objects.filter(pk=high.pk).update(group=talk)
    assert enroll_by_api("low", lead=ada, now=NOON).result == "enrolled"
    refused = enroll_by_api("high", lead=ada, now=NOON)
    assert (refused.result, refused.reason) == ("refused", "group: already in low, which goes first")
    assert [journey.sequence for journey in journeys.live()] == ["low", "high"]


def test_a_draft_and_an_unknown_sequence_take_nobody(ada: Lead) -> None:
    Sequence.objects.create(slug="draft", name="Draft")
    assert enroll_by_api("draft", lead=ada, now=NOON).reason == "the sequence is draft"
    with pytest.raises(SequenceNotFound):
        enroll_by_api("nothing", lead=ada, now=NOON)


def test_a_refused_publication_leaves_the_published_version_in_force() -> None:
    sequence = live()
    draft = new_draft(sequence)
    draft.steps.update(template=None)
    with pytest.raises(PublishRefused):
        publish(draft, now=NOON)
    assert SequenceVersion.objects.get(state="published") == sequence.current_version
    assert enroll_by_api("welcome", lead=LeadFactory.create(), now=NOON).result == "enrolled"


def test_a_mail_of_two_variants_publishes_both() -> None:
    live(steps=SPLIT, templates=[template("hello"), template("other", body=BODY.replace("Hello", "Hi"))])
    assert EmailTemplate.objects.filter(current_version__number=1).count() == 2
