"""Rule 17: every kind of step, walked by one person from a file."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from pytest_django import Settings

from campaigns.editing.publishing import PublishRefused
from campaigns.exchange import export_sequence, import_sequence
from campaigns.exchange.reading import ImportRefused
from campaigns.models import Decision, Sequence, WebhookCall
from leads import actions
from leads.batch import NewEvent
from leads.models import Lead
from lifecycle.sales import tasking
from lifecycle.sales.models import AssignmentRule, Task
from tests import staff
from tests.campaigns.sequences import content, live, template
from tests.campaigns.test_webhooks import Receiver
from tests.cast import World, run_of
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db

CUSTOMER = {"field": "stage", "op": "eq", "value": "customer"}


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def every_kind(url: str) -> list[dict[str, Any]]:
    return [
        {"id": "hello", "send": "hello"},
        {"id": "wait-1", "wait": "1d"},
        {"id": "wait-2", "wait": {"calendar": {"time": "09:00"}}},
        {"id": "wait-3", "wait": {"event": "pricing.viewed", "at_most": "2d", "then": "ask"}},
        {"id": "ask", "branch": {"if": CUSTOMER, "then": "done", "else": "tag"}},
        {"id": "tag", "set": {"field": "attributes.nurtured", "value": True}},
        {"id": "tell", "notify": {"message": "Look at this one"}},
        {"id": "call", "task": {"title": "Call about the offer"}},
        {"id": "crm", "webhook": {"url": url}},
        {"id": "stop-tips", "exit": {"sequence": "tips"}},
        {"id": "go-on", "enroll": {"sequence": "upgrade"}},
        {"id": "done", "end": True},
    ]


def others() -> None:
    """Two sequences that nothing of this story enrols in by itself, but for “tips” at the order."""
    live("tips", entry={"triggers": [{"event": "order.placed"}]}, steps=[{"id": "rest", "wait": "30d"}])
    live("upgrade", entry={"triggers": [{"event": "never.happens"}]}, steps=[{"id": "rest", "wait": "30d"}])


def offer(url: str, **changes: Any) -> Sequence:
    entry = {"triggers": [{"event": "order.placed"}]}
    return live("offer", entry=entry, steps=every_kind(url), templates=[template("hello")], **changes)


def order(world: World, lead: Lead) -> None:
    order = NewEvent(lead.pk, "order.placed", {"order": "1009"}, occurred_at=world.now, source="test")
    actions.record([order], now=world.now)
    world.run()


def test_rule_17_every_kind_of_step_does_what_it_says(world: World, receiver: Receiver) -> None:
    """Steps: send · wait · branch (rule → step) · set field / tag · notify sales / create task · call webhook ·
    enrol in / exit from another sequence · end."""
    others()
    offer(receiver.url)
    rep = staff.of(staff.colleague("sales"))
    AssignmentRule.objects.create(name="Everyone").reps.add(rep)
    ada = LeadFactory(first_name="Ada")
    order(world, ada)
    assert world.subjects(ada) == ["Hello"]
    assert (run_of(ada, "tips").state, run_of(ada, "offer").step_key) == ("active", "wait-1")
    world.at(days=1)
    assert run_of(ada, "offer").step_key == "wait-2"
    world.at(days=1, hours=21)
    assert run_of(ada, "offer").step_key == "wait-3"
    world.later(hours=1)
    actions.record([NewEvent(ada.pk, "pricing.viewed", occurred_at=world.now, source="test")], now=world.now)
    world.run()
    world.run()
    ada.refresh_from_db()
    assert ada.attributes == {"nurtured": True}
    assert ada.owner == rep
    assert any("Look at this one" in alert.subject for alert in world.alerts)
    task = Task.objects.get()
    assert (task.title, task.owner, task.lead, task.source) == ("Call about the offer", rep, ada, "offer: call")
    assert (run_of(ada, "tips").state, run_of(ada, "tips").exit_reason) == ("ended", "exited by offer")
    began = run_of(ada, "upgrade")
    assert (began.state, began.depth, began.lineage) == ("active", 1, ["sequence:offer"])
    assert (run_of(ada, "offer").state, run_of(ada, "offer").exit_reason) == ("ended", "completed")
    headers, body = receiver.calls[0]
    told = json.loads(body)
    assert headers["webhook-id"] == f"enrollment:{run_of(ada, 'offer').pk}:crm"
    assert (told["type"], told["data"]["sequence"], told["data"]["step"]) == ("sequence.step_reached", "offer", "crm")
    assert (told["data"]["lead"]["id"], told["data"]["lead"]["first_name"]) == (ada.pk, "Ada")
    assert told["data"]["event"] == {"order": "1009"}
    assert WebhookCall.objects.get().state == "done"


def test_rule_17_a_task_is_asked_for_once_and_ticked_off_once(world: World, receiver: Receiver) -> None:
    others()
    live("call", entry={"triggers": [{"event": "order.placed"}]}, steps=[{"id": "ask", "task": {"title": "Call"}}])
    ada = LeadFactory()
    order(world, ada)
    world.run()
    task = Task.objects.get()
    assert (task.owner, task.done_at) == (None, None), "no rule gives this lead to anybody"
    rep: User = staff.of(staff.colleague("sales"))
    assert tasking.finish([task.pk], by=rep, now=world.now) == 1
    assert tasking.finish([task.pk], by=rep, now=world.now + timedelta(days=1)) == 0
    task.refresh_from_db()
    assert (task.done_at, task.done_by) == (NOON, rep)


def test_rule_17_a_refusal_of_the_other_sequence_is_noted_and_stops_nothing(world: World) -> None:
    live("upgrade", entry={"filters": CUSTOMER, "grace": "1m", "triggers": [{"event": "never.happens"}]})
    Sequence.objects.create(slug="later", name="Later")
    steps = [{"id": "a", "enroll": {"sequence": "upgrade"}}, {"id": "b", "enroll": {"sequence": "later"}}]
    live("offer", entry={"triggers": [{"event": "order.placed"}]}, steps=[*steps, {"id": "end", "end": True}])
    ada = LeadFactory()
    order(world, ada)
    world.later(minutes=2)
    world.run()
    assert run_of(ada, "offer").exit_reason == "completed"
    assert not ada.enrollments.exclude(sequence__slug="offer").exists()
    refused = Decision.objects.filter(lead_id=ada.pk, about="entry", outcome="refused")
    assert {"closed", "filter"} <= set(refused.values_list("check_name", flat=True))


def test_rule_17_sequences_that_enrol_each_other_stop(world: World) -> None:
    """With rule 4: the same sequence again is refused."""
    Sequence.objects.create(slug="pong", name="Pong")
    for one, other in (("ping", "pong"), ("pong", "ping")):
        entry = {"triggers": [{"event": "order.placed"}] if one == "ping" else [], "reentry": "after_exit"}
        live(one, entry=entry, steps=[{"id": "over", "enroll": {"sequence": other}}, {"id": "end", "end": True}])
    ada = LeadFactory()
    order(world, ada)
    world.later(hours=1)
    world.run()
    assert sorted(ada.enrollments.values_list("sequence__slug", flat=True)) == ["ping", "pong"]


def test_rule_17_a_file_of_every_kind_comes_back_as_it_was(receiver: Receiver) -> None:
    others()
    offer(receiver.url)
    written = yaml.safe_load(export_sequence("offer"))
    assert written["steps"] == every_kind(receiver.url)
    import_sequence(export_sequence("offer"), now=NOON, publish=True)
    assert yaml.safe_load(export_sequence("offer"))["steps"] == written["steps"]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({"task": {"title": " "}}, "steps.a.task.title: write what the rep has to do"),
        ({"task": {}}, "steps.a.task.title: write what the rep has to do"),
        ({"webhook": {"url": "http://example.com/"}}, "steps.a.webhook.url: must begin with https://"),
        ({"webhook": {"url": "https://10.0.0.1/"}}, "steps.a.webhook.url: leads into a private network"),
        ({"webhook": {}}, "steps.a.webhook.url: must begin with https://"),
        ({"enroll": {"sequence": "gone"}}, "steps.a.enroll.sequence: there is no sequence gone"),
        ({"enroll": {"sequence": "offer"}}, "steps.a.enroll.sequence: names this sequence itself"),
        ({"exit": {"sequence": "gone"}}, "steps.a.exit.sequence: there is no sequence gone"),
        ({"exit": {"sequence": "offer"}}, "steps.a.exit.sequence: names this sequence itself"),
        ({"task": {"tilte": "Call"}}, "steps.a.task: 'tilte' is not known here; title are"),
        ({"exit": {"sequence": "tips", "all": "yes"}}, "steps.a.exit: 'all' is not known here"),
    ],
)
def test_rule_17_a_step_that_cannot_work_is_refused_with_its_place(step: dict[str, Any], says: str) -> None:
    file = content("offer", steps=[{"id": "a", **step}])
    with pytest.raises((ImportRefused, PublishRefused)) as refused:
        import_sequence(yaml.safe_dump(file), now=NOON, publish=True)
    assert says in str(refused.value)
