"""Chapter “Editing what is live” of journeys.md, rule 23: pause, freeze, drain, resume and stop."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns import actions
from campaigns.models import Enrollment, Message, Sequence, SequenceChange
from campaigns.running import pausing
from campaigns.sending import outbox
from campaigns.sending.delivery import open_transport
from leads.models import Lead
from lifecycle import engine
from tests.campaigns.sequences import count_queries, enrolled, live
from tests.cast import World
from tests.factories import NOON, LeadFactory, UserFactory

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS: list[dict[str, Any]] = [
    {"id": "one", "send": "one"},
    {"id": "two-days", "wait": "2d"},
    {"id": "two", "send": "two"},
    {"id": "five-days", "wait": "5d"},
    {"id": "three", "send": "three"},
]


def drip(steps: list[dict[str, Any]] = STEPS, **changes: Any) -> Sequence:
    entry = {"triggers": [], "reentry": "after_exit"}
    return live("drip", **{"entry": entry, "steps": steps, **changes})


def mails(lead: Lead) -> list[tuple[str, str]]:
    return list(Message.objects.filter(lead=lead).order_by("pk").values_list("step_key", "state"))


def sent_at(lead: Lead, step: str) -> datetime | None:
    return Message.objects.get(lead=lead, step_key=step).sent_at


def lines(sequence: Sequence) -> list[tuple[str, dict[str, Any]]]:
    return list(SequenceChange.objects.filter(sequence=sequence).order_by("pk").values_list("action", "detail"))


def started(world: World, sequence: Sequence, *, count: int = 1) -> list[Lead]:
    """People who got the first mail just now."""
    people = LeadFactory.create_batch(count)
    for lead in people:
        enrolled(sequence, lead, step_since=world.now, due_at=world.now, enrolled_at=world.now, goal_since=world.now)
    world.run()
    return people


def test_rule_23_pause_holds_entries_and_lets_people_finish(world: World) -> None:
    """Pause: hold entries and drain. Nobody drops silently."""
    sequence, olga = drip(), UserFactory.create(username="olga")
    [ada] = started(world, sequence)
    assert actions.pause(sequence, actor=olga, reason="new prices", now=NOON) is not None
    refused = actions.enroll_by_api("drip", lead=LeadFactory.create(), now=NOON)
    assert (refused.result, refused.reason) == ("refused", "paused: nobody enters for now")
    for day in (2, 7):
        world.at(days=day)
    assert mails(ada) == [("one", "sent"), ("two", "sent"), ("three", "sent")]
    actions.resume(sequence, now=world.now)
    assert actions.enroll_by_api("drip", lead=LeadFactory.create(), now=world.now).result == "enrolled"
    change = SequenceChange.objects.get(sequence=sequence, action="paused")
    assert (change.actor, change.reason, change.detail) == (olga, "new prices", {"people": 1})
    assert [action for action, _ in lines(sequence) if action != "published"] == ["paused", "resumed"]


def test_rule_23_frozen_stands_still_and_keeps_those_who_come_meanwhile(world: World) -> None:
    """Freeze all: nothing is decided or sent; who enters waits inside."""
    sequence = drip()
    [ada] = started(world, sequence)
    actions.freeze(sequence, now=NOON + DAY)
    ben = LeadFactory.create()
    world.set_clock(NOON + 2 * DAY)
    assert actions.enroll_by_api("drip", lead=ben, now=world.now).result == "enrolled"
    for day in (2, 9):
        world.at(days=day)
    assert mails(ada) == [("one", "sent")]
    assert mails(ben) == []
    assert set(Enrollment.objects.values_list("is_held", flat=True)) == {True}
    actions.resume(sequence, now=world.now)
    world.run()
    assert mails(ben) == [("one", "sent")]
    assert lines(sequence)[-2:] == [
        ("frozen", {"people": 1, "mails": 0, "before": "live"}),
        ("resumed", {"people": 2, "mails": 0, "skipped": 0, "how": "shift", "seconds": 8 * 86400}),
    ]


def test_rule_23_what_is_in_flight_finishes_and_goes_no_further(world: World) -> None:
    """A mail that is being sent is sent; its run then stands still like the others."""
    sequence = drip([STEPS[0], STEPS[2]])
    ada = LeadFactory.create()
    enrolled(sequence, ada)

    class FreezesMeanwhile:
        batch_size = 1
        inner = open_transport()

        def deliver(self, batch: Any) -> Any:
            actions.freeze(sequence, now=NOON)
            return self.inner.deliver(batch)

        def close(self) -> None:
            self.inner.close()

    engine.run(FreezesMeanwhile(), now=NOON)
    assert mails(ada) == [("one", "sent")]
    assert not Message.objects.get(lead=ada).is_held
    world.at(days=1)
    assert mails(ada) == [("one", "sent")]


def test_rule_23_goals_still_end_the_runs_of_a_frozen_sequence(world: World) -> None:
    """Standing still is no reason to mail somebody who booked."""
    sequence = drip(exits=[{"goal": "meeting.booked"}])
    [ada] = started(world, sequence)
    actions.freeze(sequence, now=NOON)
    world.set_clock(NOON + HOUR)
    world.tell(ada, "meeting.booked")
    world.run()
    assert Enrollment.objects.get(lead=ada).exit_reason == "goal: meeting.booked"


def test_rule_23_a_mail_that_slipped_through_the_freezing_does_not_leave(world: World) -> None:
    """Frozen is what the sequence says, also for a row that somebody wrote in the same moment."""
    sequence = drip()
    [ada] = started(world, sequence)
    actions.freeze(sequence, now=NOON)
    Enrollment.objects.update(is_held=False, due_at=NOON)
    Message.objects.update(is_held=False, state="ready", sent_at=None, settled_at=None)
    world.at(days=3)
    assert mails(ada) == [("one", "ready")]


def test_rule_23_resume_shifts_by_the_pause(world: World) -> None:
    """Resume: shift by the pause. Waits, their plan and late policies move by its length."""
    steps = [*STEPS[:2], {"id": "two", "send": "two", "late_after": "1d"}, *STEPS[3:]]
    sequence = drip(steps)
    [ada] = started(world, sequence)
    actions.freeze(sequence, now=NOON + DAY)
    world.set_clock(NOON + 11 * DAY)
    actions.resume(sequence, how="shift", now=world.now)
    world.run()
    assert mails(ada) == [("one", "sent")]
    world.at(days=12)
    assert sent_at(ada, "two") == NOON + 12 * DAY, "ten days later than planned"
    world.at(days=17)
    assert sent_at(ada, "three") == NOON + 17 * DAY


def test_rule_23_a_shift_keeps_the_hour_of_a_calendar_wait(world: World) -> None:
    """Next Tuesday 09:00 stays a Tuesday at 09:00."""
    tuesday = {"id": "tuesday", "wait": {"calendar": {"weekday": "tuesday", "time": "09:00"}}}
    sequence = drip([STEPS[0], tuesday, STEPS[2]])
    [ada] = started(world, sequence)
    actions.freeze(sequence, now=NOON + HOUR)
    world.set_clock(NOON + 2 * DAY + 5 * HOUR)
    actions.resume(sequence, how="shift", now=world.now)
    world.run()
    assert Enrollment.objects.get(lead=ada).due_at == NOON + 8 * DAY - 3 * HOUR


def test_rule_23_a_shift_moves_the_end_of_mails_that_wait(world: World) -> None:
    """A mail that was ready is not late because we stood still."""
    sequence = drip([{"id": "one", "send": "one", "late_after": "1h"}])
    ada = LeadFactory.create()
    enrolled(sequence, ada)
    engine.run(open_transport(), now=NOON, sends=False)
    actions.freeze(sequence, now=NOON + 10 * MINUTE)
    assert Message.objects.get().reason == "frozen: its sequence stands still"
    world.set_clock(NOON + 3 * DAY)
    actions.resume(sequence, how="shift", now=world.now)
    world.run()
    assert mails(ada) == [("one", "sent")]


def test_rule_23_resume_recomputes_so_that_the_plan_stays_and_what_is_overdue_goes_now(world: World) -> None:
    """Resume: recompute."""
    sequence = drip()
    [ada] = started(world, sequence)
    actions.freeze(sequence, now=NOON + DAY)
    world.set_clock(NOON + 4 * DAY)
    actions.resume(sequence, how="recompute", now=world.now)
    world.run()
    assert sent_at(ada, "two") == NOON + 4 * DAY
    assert mails(ada) == [("one", "sent"), ("two", "sent")]


def test_rule_23_resume_skips_late_mails_and_keeps_the_plan(world: World) -> None:
    """Resume: skip late. What was planned before now is skipped with its reason, the rest leaves as planned."""
    sequence = drip()
    [ada] = started(world, sequence)
    ben = LeadFactory.create()
    enrolled(sequence, ben, step_since=NOON + DAY, due_at=NOON + DAY, enrolled_at=NOON + DAY)
    engine.run(open_transport(), now=NOON + DAY, sends=False)
    actions.freeze(sequence, now=NOON + DAY)
    world.set_clock(NOON + 4 * DAY)
    change = actions.resume(sequence, how="skip_late", now=world.now)
    assert change is not None
    assert change.detail["skipped"] == 1
    world.run()
    assert mails(ada) == [("one", "sent")], "mail two was planned for the second day"
    [skipped] = Message.objects.filter(lead=ben)
    assert (skipped.state, skipped.reason) == (
        "expired",
        "late: fell due while its sequence stood still since 2026-03-03 12:00 UTC",
    )
    world.at(days=7)
    assert mails(ada) == [("one", "sent"), ("three", "sent")]
    assert sent_at(ada, "three") == NOON + 7 * DAY


def test_rule_23_resume_puts_back_what_was_before(world: World) -> None:
    """A paused sequence that was frozen is paused again, not live."""
    sequence = drip()
    actions.pause(sequence, now=NOON)
    actions.freeze(sequence, now=NOON)
    actions.resume(sequence, now=NOON + DAY)
    sequence.refresh_from_db()
    assert (sequence.status, sequence.frozen_at) == ("paused", None)
    actions.resume(sequence, now=NOON + DAY)
    sequence.refresh_from_db()
    assert sequence.status == "live"


def test_rule_23_drain_stops_with_the_last_ones_end(world: World) -> None:
    """Stop: drain. Nobody enters any more, people inside go on, and it says when it is over."""
    sequence = drip()
    [ada] = started(world, sequence)
    actions.drain(sequence, now=NOON)
    refused = actions.enroll_by_api("drip", lead=LeadFactory.create(), now=NOON)
    assert refused.reason == "draining: nobody enters any more"
    world.at(days=2)
    sequence.refresh_from_db()
    assert sequence.status == "draining"
    world.at(days=7)
    world.at(days=7, minutes=1)
    assert [step for step, _ in mails(ada)] == ["one", "two", "three"]
    sequence.refresh_from_db()
    assert sequence.status == "stopped"
    last = SequenceChange.objects.filter(sequence=sequence).first()
    assert last is not None
    assert (last.action, last.actor, last.reason) == ("stopped", None, "the last run has ended")


def test_rule_23_stop_ejects_everybody_also_from_a_frozen_sequence(world: World) -> None:
    """Stop: eject. Every run and every mail ends with its reason."""
    sequence = drip([STEPS[0]])
    people = LeadFactory.create_batch(3)
    for lead in people:
        enrolled(sequence, lead)
    engine.run(open_transport(), now=NOON, sends=False)
    actions.freeze(sequence, now=NOON)
    change = actions.stop(sequence, now=NOON + DAY)
    assert change is not None
    assert change.detail == {"people": 3, "mails": 3}
    assert set(Enrollment.objects.values_list("state", "exit_reason")) == {("ended", "sequence stopped")}
    assert set(Message.objects.values_list("state", "reason")) == {("canceled", "sequence stopped")}
    sequence.refresh_from_db()
    assert (sequence.status, sequence.frozen_at) == ("stopped", None)


@pytest.mark.parametrize("verb", [actions.pause, actions.freeze, actions.drain, actions.resume, actions.stop])
def test_rule_23_a_verb_that_does_not_fit_changes_nothing(world: World, verb: Any) -> None:
    """Only what happened is noted."""
    sequence = drip()
    actions.stop(sequence, now=NOON)
    before = lines(sequence)
    assert verb(sequence, now=NOON) is None
    assert lines(sequence) == before


def test_rule_23_freezing_and_resuming_costs_the_same_for_many_as_for_one(world: World) -> None:
    """Set-based, whatever is inside."""
    sequence = drip()
    counts = []
    for count in (1, 30):
        started(world, sequence, count=count)
        for verb in (actions.freeze, actions.resume):
            with count_queries() as counted:
                verb(sequence, now=NOON)
            counts.append(len(counted))
    assert counts[:2] == counts[2:]


def test_rule_23_a_single_mail_is_held_and_let_go(world: World) -> None:
    """The same for one mail of one person."""
    sequence = drip([STEPS[0]])
    ada, ben = LeadFactory.create_batch(2)
    for lead in (ada, ben):
        enrolled(sequence, lead)
    engine.run(open_transport(), now=NOON, sends=False)
    held = Message.objects.get(lead=ada)
    assert pausing.hold([held.pk]) == 1
    assert pausing.hold([held.pk]) == 0
    world.run()
    assert (mails(ada), mails(ben)) == ([("one", "ready")], [("one", "sent")])

    actions.freeze(sequence, now=NOON)
    actions.resume(sequence, now=NOON)
    held.refresh_from_db()
    assert (held.is_held, held.reason) == (True, pausing.HELD_BY_HAND), "that was somebody's word"
    actions.freeze(sequence, now=NOON)
    assert pausing.let_go([held.pk]) == 0, "now it waits for its sequence"
    actions.resume(sequence, now=NOON)
    assert outbox.send(open_transport(), now=NOON).sent == 1
