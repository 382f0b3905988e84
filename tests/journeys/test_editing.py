"""Chapter “Editing what is live” of journeys.md: rules 21 and 22, each test named after its rule."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from campaigns.actions import PublishRefused, new_draft, publish, publish_template, revert
from campaigns.editing import audit, moving
from campaigns.editing.drafts import DraftExists
from campaigns.editing.preview import preview
from campaigns.exchange import ImportRefused, export_sequence, import_sequence
from campaigns.models import EmailTemplate, Enrollment, Message, Sequence, SequenceChange, SequenceVersion, Step
from campaigns.running import runner
from leads.models import Lead
from tests.campaigns.sequences import BODY, content, enrolled, live, people, template
from tests.factories import NOON, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ONE = {"id": "one", "send": "one"}
TWO = {"id": "two", "send": "two"}
NEW = {"id": "new", "send": "new"}
STEPS: list[dict[str, Any]] = [ONE, {"id": "pause", "wait": "7d"}, TWO]


def edited(sequence: Sequence, steps: list[dict[str, Any]], **changes: Any) -> SequenceVersion:
    """The draft of the sequence with these steps, from a file as always."""
    import_sequence(yaml.safe_dump(content(sequence.slug, steps=steps, **changes)), now=NOON)
    return sequence.versions.get(state="draft")


def sent(run: Enrollment, step: str, *, at: datetime) -> None:
    """Its mail left: as settling leaves it, with the run woken."""
    Message.objects.filter(enrollment=run, step_key=step).update(
        state="sent", sent_at=at, settled_at=at, claimed_at=at, reason=""
    )
    Enrollment.objects.filter(pk=run.pk, step_key=step).update(due_at=at)


def waiting(sequence: Sequence, lead: Lead | None = None) -> Enrollment:
    """Somebody who got the first mail and waits at “pause” since NOON."""
    run = enrolled(sequence, lead or LeadFactory.create())
    runner.drain(now=NOON)
    sent(run, "one", at=NOON)
    runner.drain(now=NOON)
    run.refresh_from_db()
    assert (run.step_key, run.due_at) == ("pause", NOON + 7 * DAY)
    return run


def mails(run: Enrollment) -> list[tuple[str, str]]:
    return list(Message.objects.filter(enrollment=run).order_by("pk").values_list("step_key", "state"))


def place(run: Enrollment) -> tuple[int, str, str]:
    run.refresh_from_db()
    return run.version.number, run.state, run.step_key


# --- rule 21: stay, move, exit


def test_rule_21_stay_is_the_default() -> None:
    """Publish makes an immutable version; enrolments point at one."""
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    publish(edited(sequence, [ONE, NEW]), now=NOON + DAY)
    assert place(run) == (1, "active", "pause")
    runner.drain(now=NOON + 8 * DAY)
    assert mails(run) == [("one", "sent"), ("two", "ready")]


def test_rule_21_move_takes_people_to_the_same_step_and_keeps_a_wait_that_did_not_change() -> None:
    """The editor chooses for people in flight: … move."""
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    publish(edited(sequence, [ONE, {"id": "pause", "wait": "7d"}, NEW, TWO]), in_flight="move", now=NOON + DAY)
    assert place(run) == (2, "active", "pause")
    assert run.due_at == NOON + 7 * DAY
    runner.drain(now=NOON + 7 * DAY)
    assert mails(run) == [("one", "sent"), ("new", "ready")]


@pytest.mark.parametrize(
    ("wait", "until"),
    [
        ("3d", NOON + 3 * DAY),
        ("9d", NOON + 9 * DAY),
        ({"elapsed": "4d", "from": "enrollment"}, NOON + 4 * DAY),
        ({"calendar": {"time": "15:00"}}, NOON + 3 * HOUR),
    ],
)
def test_rule_21_a_wait_that_changed_counts_from_when_it_began(wait: Any, until: datetime) -> None:
    """A wait that is set keeps its end unless it changed; then it is computed again from its beginning."""
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    draft = edited(sequence, [ONE, {"id": "pause", "wait": wait}, TWO])
    publish(draft, in_flight="move", now=NOON + HOUR)
    runner.drain(now=NOON + HOUR)
    assert place(run) == (2, "active", "pause")
    assert run.due_at == until


def test_rule_21_a_late_start_of_a_wait_is_not_forgotten_by_a_move() -> None:
    """The wait began when its person really got there, hours after the plan; a new length counts from there."""
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    Enrollment.objects.filter(pk=run.pk).update(step_since=NOON - 3 * DAY)
    publish(edited(sequence, [ONE, {"id": "pause", "wait": "5d"}, TWO]), in_flight="move", now=NOON + DAY)
    runner.drain(now=NOON + DAY)
    assert place(run) == (2, "active", "pause")
    assert run.due_at == NOON + 5 * DAY


def test_rule_21_move_leaves_those_past_the_chosen_step() -> None:
    """Move those not past step X."""
    sequence = live(steps=[*STEPS, {"id": "rest", "wait": "1d"}])
    early, late = waiting(sequence), waiting(sequence)
    Enrollment.objects.filter(pk=late.pk).update(step_key="rest", due_at=NOON + 9 * DAY)
    draft = edited(sequence, [*STEPS, {"id": "rest", "wait": "1d"}, NEW])
    shown = preview(draft, in_flight="move", not_past="two", now=NOON)
    assert (shown.people, shown.moves, shown.stays) == (2, 1, 1)
    publish(draft, in_flight="move", not_past="two", now=NOON + DAY)
    assert place(early)[0] == 2
    assert place(late)[0] == 1


def test_rule_21_exit_ends_the_runs_and_their_mails() -> None:
    """The editor chooses for people in flight: … exit."""
    sequence = live(steps=STEPS)
    run = enrolled(sequence, LeadFactory.create())
    runner.drain(now=NOON)
    publish(edited(sequence, [NEW]), in_flight="exit", now=NOON + DAY)
    run.refresh_from_db()
    assert (run.state, run.exit_reason) == ("ended", "exit: replaced by version 2")
    assert Message.objects.get().state == "canceled"


def test_rule_21_exits_of_the_new_version_hold_at_once() -> None:
    sequence = live(steps=STEPS)
    customer, other = waiting(sequence, LeadFactory.create(stage="customer")), waiting(sequence)
    exits = [{"when": {"field": "stage", "op": "eq", "value": "customer"}, "reason": "customer"}]
    draft = edited(sequence, STEPS, exits=exits)
    assert preview(draft, in_flight="move", now=NOON).exits == {"customer": 1}
    publish(draft, in_flight="move", now=NOON + DAY)
    customer.refresh_from_db()
    assert (customer.state, customer.exit_reason) == ("ended", "customer")
    assert place(other) == (2, "active", "pause")


def test_rule_21_a_mail_that_waits_to_be_sent_stays_unless_its_step_is_gone() -> None:
    sequence = live(steps=STEPS)
    run = enrolled(sequence, LeadFactory.create())
    runner.drain(now=NOON)
    publish(edited(sequence, [{"id": "one", "send": "other"}, TWO]), in_flight="move", now=NOON + HOUR)
    runner.drain(now=NOON + HOUR)
    assert (place(run), mails(run)) == ((2, "active", "one"), [("one", "ready")])

    publish(edited(sequence, [NEW, TWO]), in_flight="move", now=NOON + 2 * HOUR)
    mail = Message.objects.get(step_key="one")
    assert (mail.state, mail.reason) == ("canceled", "edit: the step is gone from its sequence")
    runner.drain(now=NOON + 2 * HOUR)
    assert mails(run) == [("one", "canceled"), ("new", "ready")]


def test_rule_21_the_preview_counts_what_then_happens() -> None:
    """The count touched by each is shown before confirming."""
    sequence = live(steps=STEPS)
    crowd = [waiting(sequence) for _ in range(6)]
    older = Enrollment.objects.filter(pk__in=[run.pk for run in crowd[:2]])
    older.update(due_at=NOON + 5 * DAY, step_since=NOON - 2 * DAY)
    gone = crowd[5]
    Lead.objects.filter(pk=gone.lead_id).update(stage="customer")
    exits = [{"when": {"field": "stage", "op": "eq", "value": "customer"}, "reason": "customer"}]
    draft = edited(sequence, [ONE, {"id": "pause", "wait": "3d"}, TWO], exits=exits)
    at = NOON + DAY + HOUR
    shown = preview(draft, in_flight="move", now=at)
    assert (shown.people, shown.looked_at, shown.moves) == (6, 6, 5)
    assert (shown.mails_now, shown.exits, shown.skips, shown.waits) == ({"two": 2}, {"customer": 1}, 0, 3)
    assert shown.samples["mail"] == [crowd[0].pk, crowd[1].pk]
    assert not shown.is_estimated
    assert preview(draft, in_flight="stay", now=at).stays == 6
    assert preview(draft, in_flight="exit", now=at).ends == 6

    publish(draft, in_flight="move", now=at)
    runner.drain(now=at)
    assert Message.objects.filter(step_key="two").count() == 2
    assert Enrollment.objects.filter(state="ended").count() == 1
    moved = SequenceChange.objects.get(action="moved")
    assert moved.detail == {"moved": 5, "exited": 1, "stayed": 0, "canceled": 0}


def test_rule_21_a_preview_writes_nothing_and_needs_a_fixed_number_of_queries(
    django_assert_max_num_queries: Any,
) -> None:
    sequence = live(steps=STEPS)
    for lead in people(30):
        enrolled(sequence, lead)
    draft = edited(sequence, [NEW, *STEPS])
    before = list(Enrollment.objects.order_by("pk").values())
    with django_assert_max_num_queries(22):
        assert preview(draft, in_flight="move", now=NOON).mails_now == {"one": 30}
    assert list(Enrollment.objects.order_by("pk").values()) == before


def test_rule_21_many_people_are_estimated_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.editing.preview.EXACT_UP_TO", 20)
    sequence = live(steps=STEPS)
    for lead in people(60):
        enrolled(sequence, lead)
    shown = preview(edited(sequence, [NEW, *STEPS]), in_flight="move", now=NOON)
    assert shown.is_estimated
    assert shown.looked_at <= 20
    assert (shown.people, shown.mails) == (60, 60)


def test_rule_21_a_move_that_broke_off_is_finished_by_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chunk is whole; what a crash left over is found again by its version."""
    monkeypatch.setattr("campaigns.editing.moving.CHUNK", 3)
    monkeypatch.setattr("campaigns.editing.release.MOVED_AT_ONCE", 1)
    sequence = live(steps=STEPS)
    for lead in people(8):
        enrolled(sequence, lead)
    publish(edited(sequence, [NEW, *STEPS]), in_flight="move", now=NOON)
    assert Enrollment.objects.filter(version__number=2).count() == 3
    assert moving.finish_all(now=NOON) == 5
    assert Enrollment.objects.filter(version__number=2).count() == 8
    assert moving.finish_all(now=NOON) == 0
    assert SequenceChange.objects.get(action="moved").detail["moved"] == 8


def test_rule_21_a_second_publish_lets_the_first_one_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.editing.moving.CHUNK", 2)
    monkeypatch.setattr("campaigns.editing.release.MOVED_AT_ONCE", 1)
    sequence = live(steps=STEPS)
    for lead in people(6):
        enrolled(sequence, lead)
    publish(edited(sequence, [NEW, *STEPS]), in_flight="move", now=NOON)
    publish(edited(sequence, STEPS), in_flight="stay", now=NOON)
    assert set(Enrollment.objects.values_list("version__number", flat=True)) == {2}


def test_rule_21_every_publish_is_noted_with_its_choice() -> None:
    sequence = live(steps=STEPS)
    waiting(sequence)
    publish(edited(sequence, [ONE, NEW]), in_flight="exit", now=NOON + DAY)
    lines = SequenceChange.objects.filter(sequence=sequence).values_list("action", "version__number", "detail")
    assert ("published", 1, {"in_flight": "stay", "not_past": None, "inside": 0}) in lines
    assert ("published", 2, {"in_flight": "exit", "not_past": None, "inside": 1}) in lines


def test_rule_21_an_unknown_choice_or_step_is_refused_with_its_place() -> None:
    sequence = live(steps=STEPS)
    draft = edited(sequence, [ONE, NEW])
    with pytest.raises(PublishRefused, match="not_past: there is no step nowhere"):
        publish(draft, in_flight="move", not_past="nowhere", now=NOON)
    with pytest.raises(PublishRefused, match="in_flight: 'jump' is not known: stay, move or exit"):
        publish(draft, in_flight="jump", now=NOON)
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_rule_21_a_corrected_mail_may_also_replace_those_already_queued() -> None:
    """Copy fixes may apply to all."""
    sequence = live(steps=STEPS)
    enrolled(sequence, LeadFactory.create())
    runner.drain(now=NOON)
    mail = EmailTemplate.objects.get(slug="one")
    mail.subject = "Without the typo"
    mail.save()
    second = publish_template(mail, now=NOON)
    assert Message.objects.get().template_version.number == 1
    assert publish_template(mail, also_queued=True, now=NOON) == second
    assert Message.objects.get().template_version == second


# --- rule 21: back to an older version


def test_rule_21_going_back_makes_a_new_version_that_equals_the_old_one() -> None:
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    publish(edited(sequence, [ONE, {"id": "pause", "wait": "7d"}, NEW]), in_flight="move", now=NOON + DAY)
    back = revert(sequence.versions.get(number=1), in_flight="move", now=NOON + DAY)
    assert (back.number, back.state, back.note) == (3, "published", "as version 1")
    assert list(back.living_steps().values_list("key", flat=True)) == ["one", "pause", "two"]
    assert list(back.steps.filter(is_tombstone=True).values_list("key", flat=True)) == ["new"]
    assert place(run) == (3, "active", "pause")
    runner.drain(now=NOON + 7 * DAY)
    assert mails(run) == [("one", "sent"), ("two", "ready")]


def test_rule_21_going_back_does_not_lose_a_draft() -> None:
    sequence = live(steps=STEPS)
    edited(sequence, [NEW])
    with pytest.raises(DraftExists, match="version 2 is a draft: publish it or delete it first"):
        revert(sequence.current_version, now=NOON)


# --- rule 22: ids of steps are for ever


def test_rule_22_a_removed_step_leaves_a_tombstone_that_people_pass_by() -> None:
    """Steps have stable ids; deleting leaves a tombstone."""
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    publish(edited(sequence, [ONE, TWO]), in_flight="move", now=NOON + DAY)
    rows = sequence.versions.get(number=2).steps.values_list("key", "kind", "is_tombstone")
    assert list(rows) == [("one", "send", False), ("pause", "wait", True), ("two", "send", False)]
    runner.drain(now=NOON + DAY)
    assert mails(run) == [("one", "sent"), ("two", "ready")]


def test_rule_22_a_tombstone_stays_in_every_later_version_and_out_of_drafts_and_files() -> None:
    sequence = live(steps=STEPS)
    publish(edited(sequence, [ONE, TWO]), now=NOON)
    draft = new_draft(sequence)
    assert list(draft.steps.values_list("key", flat=True)) == ["one", "two"]
    assert "pause" not in export_sequence("welcome")
    publish(draft, now=NOON)
    assert Step.objects.get(version=draft, key="pause").is_tombstone


def test_rule_22_a_removed_step_may_come_back_as_what_it_was_but_not_as_another_kind() -> None:
    sequence = live(steps=STEPS)
    publish(edited(sequence, [ONE, TWO]), now=NOON)
    with pytest.raises(PublishRefused) as refused:
        publish(edited(sequence, [ONE, {"id": "pause", "send": "two"}]), now=NOON)
    assert str(refused.value) == (
        "steps.pause.id: this id was “Wait for a time” in version 2; ids of steps are for ever, choose another"
    )
    publish(edited(sequence, [ONE, {"id": "pause", "wait": {"calendar": {"time": "09:00"}}}, TWO]), now=NOON)


def test_rule_22_nobody_gets_the_mail_of_a_step_twice_in_a_run_even_when_the_steps_change_places() -> None:
    """History, unique keys and reports survive, and nobody is mailed again."""
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    draft = edited(sequence, [{"id": "pause", "wait": "7d"}, ONE, TWO])
    publish(draft, in_flight="move", now=NOON + DAY)
    again = preview(new_draft(sequence), in_flight="move", now=NOON + 7 * DAY)
    assert again.mails_now == {"two": 1}
    for _ in range(3):
        runner.drain(now=NOON + 7 * DAY)
    assert mails(run) == [("one", "sent"), ("two", "ready")]
    assert place(run) == (2, "active", "two")


def test_rule_22_a_step_that_was_had_and_came_back_is_passed_by() -> None:
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    publish(edited(sequence, [{"id": "pause", "wait": "7d"}, TWO]), in_flight="move", now=NOON + DAY)
    publish(edited(sequence, [{"id": "pause", "wait": "7d"}, ONE, TWO]), in_flight="move", now=NOON + DAY)
    for _ in range(3):
        runner.drain(now=NOON + 7 * DAY)
    assert mails(run) == [("one", "sent"), ("two", "ready")]


# --- what is refused, with its exact place


BROKEN = BODY.replace("first_name", "firstname")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (BROKEN, r"line 1.*firstname"),
        (BODY.replace("</body>", "\n{% if lead.email %}</body>"), r"line 5: .*expected end of block"),
    ],
)
def test_publishing_names_the_line_of_a_broken_mail(body: str, said: str) -> None:
    broken = content(steps=[ONE], templates=[template("one", body=body)])
    with pytest.raises(ImportRefused, match=r"templates \(one\)\.body.*" + said):
        import_sequence(yaml.safe_dump(broken), now=NOON, publish=True)
    assert not Sequence.objects.exists()
    import_sequence(yaml.safe_dump(broken), now=NOON)
    with pytest.raises(PublishRefused, match=r"steps\.one\.one: body.*" + said):
        publish(SequenceVersion.objects.get(), now=NOON)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"entry": {"filters": {"all": [{"field": "colour", "op": "eq", "value": 1}]}}}, r"entry\.filters\.all\[0\]"),
        ({"exits": [{"when": {"field": "colour", "op": "eq", "value": 1}, "reason": "x"}]}, r"exits\[0\]\.when"),
        (
            {"steps": [ONE, {"id": "b", "branch": {"if": {"field": "colour", "op": "eq", "value": 1}}}]},
            r"steps\.b\.if",
        ),
        (
            {"steps": [ONE, {"id": "b", "branch": {"if": {}, "then": "one"}}]},
            r"steps\.b\.then: one comes before this step; a sequence only runs forward",
        ),
        (
            {"steps": [ONE, {"id": "b", "wait": {"event": "a.b", "at_most": "1d", "else": "b"}}]},
            r"steps\.b\.else: b comes before this step",
        ),
    ],
)
def test_publishing_names_the_place_of_an_unknown_field_and_of_a_circle(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PublishRefused, match=said):
        live(**changes)
    assert not Sequence.objects.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slug: a\nname: A\nsteps:\n  - {id: one, sned: one}\n", r"\$\.steps\[0\]"),
        ("slug: a\nname: [A\n", r"line \d+, column \d+: not valid YAML"),
        ("slug: a\nname: A\nstep: []\n", "step"),
    ],
)
def test_a_typo_in_a_file_is_named_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ImportRefused, match=said):
        import_sequence(text, now=NOON, publish=True)
    assert not Sequence.objects.exists()


def test_rule_21_the_command_moves_people_too(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sequence = live(steps=STEPS)
    run = waiting(sequence)
    file = tmp_path / "welcome.yaml"
    file.write_text(yaml.safe_dump(content(steps=[NEW, *STEPS])))
    call_command("import_sequence", str(file), "--publish", "--in-flight", "move", "--not-past", "pause")
    assert place(run) == (2, "active", "pause")
    with pytest.raises(CommandError, match="not_past: there is no step nowhere"):
        call_command("import_sequence", str(file), "--publish", "--in-flight", "move", "--not-past", "nowhere")


def test_the_history_outlives_the_account_of_whoever_acted_and_is_never_changed() -> None:
    """P9: every change of state is explained by a row that stays."""
    user = UserFactory()
    sequence = live("welcome")
    audit.note(sequence, "paused", actor=user, now=NOON)
    user.delete()
    change = SequenceChange.objects.get(sequence=sequence, action="paused")
    assert change.actor is None
    with pytest.raises(DatabaseError, match="update"), transaction.atomic():
        SequenceChange.objects.filter(pk=change.pk).update(reason="something else")
