"""A marketer writes a sequence of their own as a file, with every kind of step, and it does what it says."""

from datetime import UTC, datetime

import pytest

from campaigns.exchange import export_sequence, import_sequence
from campaigns.models import Sequence
from leads.models import Lead
from tests.cast import ADA, BEN, World, messages, run_of
from tests.factories import NOON

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

TRIAL = """
kind: sequence
version: 1
slug: trial
name: Trial
description: From the first day of a trial to a decision.
entry:
  triggers:
    - event: trial.started
      where: [{property: plan, op: in, value: [team, pro]}]
  filters: {field: stage, op: ne, value: customer}
  reentry: {after: 30d}
exits:
  - goal: plan.upgraded
steps:
  - {id: welcome, send: trial-welcome}
  - {id: for-a-key, wait: {event: api.key_created, at_most: 3d, then: mark, else: is-big}}
  - {id: mark, set: {field: attributes.activated, value: true}}
  - {id: bye, end: true}
  - id: is-big
    branch: {if: {field: company_size, op: gte, value: 50}, then: tell, else: monday}
  - {id: tell, notify: {message: "Started a trial and is stuck"}}
  - {id: monday, wait: {calendar: {weekday: monday, time: "09:00"}}}
  - {id: nudge, send: trial-nudge}
templates:
  - slug: trial-welcome
    name: Welcome
    class: transactional
    format: html
    subject: "Your trial of {{ event.plan }}"
    body: "<p>Hello {{ lead.first_name }}, welcome to {{ event.plan }}.</p>"
  - slug: trial-nudge
    name: Nudge
    class: marketing
    topic: product-tips
    subject: "Need a hand?"
    body: |
      <mj-section><mj-column><mj-text>Shall we help?</mj-text></mj-column></mj-section>
"""


@pytest.fixture(autouse=True)
def trial(world: World) -> Sequence:
    return import_sequence(TRIAL, now=NOON, publish=True)


def on_trial(world: World, person: dict[str, str], **more: str) -> Lead:
    lead = world.submit("webinar", **person, **more)
    world.tell(lead, "trial.started", plan="pro")
    world.run()
    return lead


def step(lead: Lead) -> str:
    return run_of(lead, "trial").step_key


def nudges(world: World, lead: Lead) -> int:
    return world.subjects(lead).count("Need a hand?")


def test_the_file_comes_back_as_it_went_in(trial: Sequence) -> None:
    text = export_sequence(trial.slug)
    again = import_sequence(text, now=NOON, publish=True)
    assert again.pk == trial.pk
    assert export_sequence(again.slug) == text


def test_the_trigger_tests_its_properties_and_the_mail_knows_them(world: World) -> None:
    ben = world.submit("webinar", **BEN)
    world.tell(ben, "trial.started", plan="hobby")
    assert not ben.enrollments.filter(sequence__slug="trial").exists()
    world.tell(ben, "trial.started", plan="team")
    world.run()
    assert "Your trial of team" in world.subjects(ben)


def test_the_event_that_is_waited_for_takes_the_one_way_at_once(world: World) -> None:
    ben = on_trial(world, BEN)
    assert step(ben) == "for-a-key"
    world.later(hours=5)
    world.tell(ben, "api.key_created")
    world.run()
    ben.refresh_from_db()
    assert ben.attributes["activated"] is True
    assert run_of(ben, "trial").exit_reason == "completed"
    world.at(days=20)
    assert nudges(world, ben) == 0


def test_an_event_that_happened_already_passes_at_once(world: World) -> None:
    ben = world.submit("webinar", **BEN)
    world.tell(ben, "trial.started", plan="pro")
    world.later(seconds=30)
    world.tell(ben, "api.key_created")
    world.run()
    assert run_of(ben, "trial").exit_reason == "completed"


def test_the_wait_runs_out_after_three_days_and_takes_the_other_way(world: World) -> None:
    ben = on_trial(world, BEN)
    world.at(days=3, seconds=-1)
    assert step(ben) == "for-a-key"
    world.at(days=3)
    assert step(ben) == "monday"
    assert world.alerts == []


def test_the_branch_tells_the_rep_of_the_big_ones(world: World) -> None:
    ada = on_trial(world, ADA)
    world.at(days=3)
    assert step(ada) == "monday"
    (alert,) = [mail for mail in world.alerts if "stuck" in mail.subject]
    assert alert.subject == "Ada Ash, Acme: Started a trial and is stuck"
    world.at(days=3, hours=1)
    assert len([mail for mail in world.alerts if "stuck" in mail.subject]) == 1


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Europe/Berlin", datetime(2026, 3, 30, 7, 0, tzinfo=UTC)),  # clocks went forward on the Sunday between
        ("America/New_York", datetime(2026, 3, 30, 13, 0, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 3, 30, 3, 15, tzinfo=UTC)),
    ],
)
def test_monday_nine_oclock_is_the_persons_own(world: World, zone: str, due: datetime) -> None:
    world.later(days=24)  # Thursday the 26th
    ben = on_trial(world, BEN, timezone=zone)
    world.later(days=3)  # Sunday the 29th
    world.run()
    run = run_of(ben, "trial")
    assert (run.step_key, run.due_at) == ("monday", due)
    world.set_clock(due)
    world.run()
    assert nudges(world, ben) == 1
    assert run_of(ben, "trial").exit_reason == "completed"


def test_the_goal_ends_it_from_any_step(world: World) -> None:
    ben = on_trial(world, BEN)
    world.at(days=3)
    world.tell(ben, "plan.upgraded")
    assert run_of(ben, "trial").exit_reason == "goal: plan.upgraded"
    world.at(days=20)
    assert nudges(world, ben) == 0


def test_it_may_be_entered_again_after_thirty_days(world: World) -> None:
    ben = on_trial(world, BEN)
    for day in (1, 10, 29):
        world.at(days=day)
        world.tell(ben, "trial.started", plan="pro")
    assert ben.enrollments.filter(sequence__slug="trial").count() == 1
    world.at(days=31)
    world.tell(ben, "trial.started", plan="team")
    world.run()
    assert ben.enrollments.filter(sequence__slug="trial").count() == 2
    assert world.subjects(ben)[-1] == "Your trial of team"


def test_a_program_may_enrol_a_person_it_knows_by_address(world: World) -> None:
    body = {"email": "zoe@example.com", "context": {"plan": "pro"}}
    for expected in ("enrolled", "already_active"):
        answer = world.program.post("/api/v1/sequences/trial/enrollments", body, format="json")
        assert (answer.status_code, answer.json()["result"]) == (201, expected)
    world.run()
    zoe = Lead.objects.get(email="zoe@example.com")
    assert messages(zoe) == [("welcome", "sent", "")]
    assert world.subjects(zoe) == ["Your trial of pro"]
