"""Rules 18 to 20: variants stay with their people, a share gets nothing, and peeking makes no winner."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import yaml

from campaigns.editing.publishing import PublishRefused
from campaigns.exchange import export_sequence, import_sequence
from campaigns.exchange.reading import ImportRefused
from campaigns.experiments import judging, results
from campaigns.models import Assignment, EmailTemplate, Enrollment, Experiment, Message, SequenceChange
from campaigns.sending import outbox
from leads import actions
from leads.batch import NewEvent
from leads.models import Lead, Workspace
from tests.campaigns.sequences import content, live, template
from tests.cast import World
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db

HELLO = {"id": "hello", "send": "hello"}
ORDERED = [{"event": "order.placed"}]


def split(*variants: dict[str, Any], **step: Any) -> dict[str, Any]:
    """A send step of variants that send “hello” unless they say otherwise."""
    given = [{"weight": 50, "template": "hello", **variant} for variant in variants]
    return {"id": "hello", "send": {"variants": given}, **step}


def sequence(*steps: dict[str, Any], **changes: Any) -> Any:
    entry = {"triggers": ORDERED, "reentry": "after_exit", **changes.pop("entry", {})}
    return live("offer", steps=list(steps), entry=entry, templates=mails(), **changes)


def mails() -> list[dict[str, Any]]:
    plain = {"class": "transactional"}
    return [template("hello"), template("other", subject="The other"), template("receipt", subject="Receipt", **plain)]


def crowd(count: int) -> list[Lead]:
    """New people. Their ids, and so their variants, are the same in every run of the test."""
    first = 5_000_001 + Lead.objects.count()
    return [LeadFactory(pk=first + number, first_name=f"Person {number}") for number in range(count)]


def order(world: World, *leads: Lead) -> None:
    """Each of them orders, and the engine runs."""
    happens("order.placed", *leads, world=world)
    world.run()


def happens(kind: str, *leads: Lead, world: World, **properties: Any) -> None:
    events = [NewEvent(lead.pk, kind, properties, occurred_at=world.now, source="test") for lead in leads]
    actions.record(events, now=world.now)


def met(*leads: Lead) -> dict[int, str]:
    rows = Message.objects.filter(lead__in=leads).order_by("pk")
    return {row.lead_id: row.variant_key for row in rows}


def sent_to(lead: Lead) -> list[tuple[str, str]]:
    return list(Message.objects.filter(lead=lead).order_by("pk").values_list("variant_key", "state"))


# --- rule 18


def test_rule_18_variants_differ_in_subject_content_and_hour(world: World) -> None:
    """Variants are children of a step; assignment = stable hash (experiment, lead), stored."""
    sequence(
        split(
            {"key": "a", "subject": "Dear {{ lead.first_name }}"},
            {"key": "b", "template": "other"},
            {"key": "c", "time": "18:00"},
        )
    )
    leads = crowd(12)
    order(world, *leads)
    by_variant = {key: [lead for lead in leads if met(*leads)[lead.pk] == key] for key in "abc"}
    assert all(by_variant.values()), "every variant met somebody"
    for lead in by_variant["a"]:
        assert world.subjects(lead) == [f"Dear {lead.first_name}"]
    for lead in by_variant["b"]:
        assert world.subjects(lead) == ["The other"]
    for lead in by_variant["c"]:
        assert world.subjects(lead) == []
    world.at(hours=5, minutes=59)
    assert all(world.subjects(lead) == [] for lead in by_variant["c"])
    world.at(hours=6)
    assert all(world.subjects(lead) == ["Hello"] for lead in by_variant["c"])
    assert Assignment.objects.count() == len(leads)


def test_rule_18_an_hour_is_that_of_the_persons_own_clock(world: World) -> None:
    sequence(split({"key": "a", "time": "09:00"}, {"key": "b", "time": "09:00"}))
    ada = LeadFactory(timezone="America/New_York")
    order(world, ada)  # noon in UTC is seven in the morning there
    assert world.subjects(ada) == []
    world.at(hours=2)
    assert world.subjects(ada) == ["Hello"]


def test_rule_18_whoever_comes_again_meets_the_same_variant_whatever_became_of_the_weights(world: World) -> None:
    """… same on re-entry."""
    sequence(split({"key": "a", "weight": 50}, {"key": "b", "weight": 50}))
    leads = crowd(10)
    order(world, *leads)
    first = met(*leads)
    assert set(first.values()) == {"a", "b"}
    sequence(split({"key": "a", "weight": 1}, {"key": "b", "weight": 0}))
    world.at(days=10)
    order(world, *leads)
    assert met(*leads) == first
    newcomers = crowd(5)
    order(world, *newcomers)
    assert set(met(*newcomers).values()) == {"a"}


def test_rule_18_whose_variant_is_gone_is_assigned_anew_and_keeps_that(world: World) -> None:
    sequence(split({"key": "a", "weight": 1}, {"key": "b", "weight": 0}))
    ada = LeadFactory()
    order(world, ada)
    assert sent_to(ada) == [("a", "sent")]
    sequence(split({"key": "b", "weight": 1}, {"key": "c", "weight": 0}))
    world.at(days=10)
    order(world, ada)
    sequence(split({"key": "b", "weight": 0}, {"key": "c", "weight": 1}))
    world.at(days=20)
    order(world, ada)
    assert sent_to(ada) == [("a", "sent"), ("b", "sent"), ("b", "sent")]
    assert Assignment.objects.get().variant_key == "b"


def test_rule_18_branches_use_the_step(world: World) -> None:
    """Branches and reports use the step."""
    opened = {
        "event": "email.sent",
        "where": [{"property": "step", "op": "eq", "value": "hello"}],
        "since": "enrollment",
    }
    branch = {"id": "ask", "branch": {"if": opened, "then": "yes", "else": "no"}}
    ends = [{"id": "no", "end": True}, {"id": "yes", "set": {"field": "attributes.met", "value": True}}]
    sequence({"id": "wait", "wait": "1h"}, split({"key": "a"}, {"key": "b"}), branch, *ends)
    leads = crowd(6)
    order(world, *leads)
    world.at(hours=1)
    assert set(met(*leads).values()) == {"a", "b"}
    assert all(Lead.objects.get(pk=lead.pk).attributes == {"met": True} for lead in leads)


# --- rule 19


def test_rule_19_a_share_gets_nothing_and_goes_on_at_the_same_pace(world: World) -> None:
    """Holdout: a share who get nothing; the shadow message is stored, so conversion can be compared."""
    sequence(HELLO, {"id": "wait", "wait": "2d"}, {"id": "again", "send": "other"}, holdout=50)
    leads = crowd(20)
    order(world, *leads)
    world.at(days=2)
    held = {run.lead_id: run.is_holdout for run in Enrollment.objects.all()}
    assert 4 <= sum(held.values()) <= 16
    for lead in leads:
        states = [state for _, state in sent_to(lead)]
        assert world.subjects(lead) == ([] if held[lead.pk] else ["Hello", "The other"])
        assert states == (["canceled"] * 2 if held[lead.pk] else ["sent"] * 2)
    assert set(Enrollment.objects.values_list("state", "exit_reason")) == {("ended", "completed")}
    shadows = Message.objects.filter(is_shadow=True)
    assert set(shadows.values_list("reason", flat=True)) == {"holdout: in the control group, which gets no mail"}
    ends = Counter(Enrollment.objects.values_list("ended_at", flat=True))
    assert set(ends) == {NOON + timedelta(days=2)}


def test_rule_19_controls_never_get_it_later(world: World) -> None:
    """Controls never get it later."""
    sequence(HELLO, holdout=50)
    leads = crowd(12)
    order(world, *leads)
    control = Enrollment.objects.filter(is_holdout=True).first()
    shadow = control.messages.get()
    Message.objects.filter(pk=shadow.pk).update(state="failed", reason="render: as if")
    assert outbox.requeue([shadow.pk], now=world.now) == 0
    sequence(HELLO, holdout=1)
    world.at(days=10)
    order(world, *leads)
    runs = Enrollment.objects.filter(lead_id=control.lead_id)
    assert list(runs.values_list("is_holdout", flat=True)) == [True, True]
    treated = Enrollment.objects.exclude(lead_id__in=Enrollment.objects.filter(is_holdout=True).values("lead_id"))
    assert treated.exists()
    assert world.subjects(control.lead) == []


def newsletters(world: World, *numbers: int, to: list[Lead]) -> None:
    """Marketing mails outside the sequence."""
    other = EmailTemplate.objects.get(slug="other")
    drafts = [outbox.Draft(f"letter:{number}:{lead.pk}", lead.pk, other.pk) for number in numbers for lead in to]
    outbox.queue(drafts, now=world.now)
    world.run()


def test_rule_19_a_shadow_goes_through_every_check_and_takes_no_place_under_a_cap(world: World) -> None:
    Workspace.load()
    Workspace.objects.update(cap_messages=2)
    sequence(HELLO, holdout=50)
    leads = crowd(12)
    newsletters(world, 1, 2, to=leads)
    world.later(hours=1)
    order(world, *leads)
    control = Enrollment.objects.filter(is_holdout=True).first()
    assert control.messages.get().reason.startswith("cap: "), "as a mail that would be sent"
    world.at(days=7, minutes=1)
    assert control.messages.get().reason.startswith("holdout: ")
    newsletters(world, 3, 4, to=leads)
    treated = Enrollment.objects.filter(is_holdout=False).first()
    assert world.subjects(control.lead) == ["The other"] * 4, "a shadow does not count"
    assert world.subjects(treated.lead) == ["The other", "The other", "Hello", "The other"]


def test_rule_19_what_people_asked_for_is_not_held_out(world: World) -> None:
    """Transactional mail is no treatment to measure."""
    sequence({"id": "receipt", "send": "receipt"}, {"id": "promo", "send": "hello"}, holdout=50)
    leads = crowd(10)
    order(world, *leads)
    control = Enrollment.objects.filter(is_holdout=True).first()
    assert world.subjects(control.lead) == ["Receipt"]
    assert list(control.messages.order_by("pk").values_list("is_shadow", flat=True)) == [False, True]


# --- rule 20


def comparison(**rules: Any) -> dict[str, Any]:
    return {"goal": "trial.started", "within": "3d", "minimum_sample": 10, **rules}


def convert(world: World, key: str, share: int, leads: list[Lead]) -> None:
    """The first `share` of those who got the variant do what counts."""
    mails = Message.objects.filter(lead__in=leads, variant_key=key, state="sent").order_by("sent_at", "pk")
    happens("trial.started", *[mail.lead for mail in mails.select_related("lead")[:share]], world=world)


def judged() -> Experiment:
    return Experiment.objects.get()


def test_rule_20_a_winner_needs_its_sample_its_time_and_its_proof(world: World) -> None:
    """A winner needs a preset minimum sample and a two-proportion test (interval shown)."""
    sequence(split({"key": "a"}, {"key": "b"}, experiment=comparison()))
    leads = crowd(40)
    order(world, *leads[:8])
    world.later(hours=1)
    convert(world, "a", 1, leads)
    convert(world, "b", 50, leads)
    world.at(days=5)
    assert judged().state == "running", "too few people"
    order(world, *leads[8:])
    world.at(days=6)
    convert(world, "b", 50, leads[8:])
    world.at(days=7)
    assert judged().state == "running", "the last of the sample still have time"
    world.at(days=8)
    found = judged()
    assert (found.state, found.winner_key, found.promoted_key) == ("decided", "b", "")
    assert found.result["sentence"].startswith("b wins: 100.0 % of 10 people against 10.0 % of 10 with a")
    assert 0 < found.result["low"] < found.result["difference"] < found.result["high"]
    assert [arm["people"] for arm in found.result["arms"]] == [10, 10], "only the sample set in advance counts"


def test_rule_20_no_difference_is_a_result_too(world: World) -> None:
    sequence(split({"key": "a"}, {"key": "b"}, experiment=comparison(auto_promote=True)))
    leads = crowd(40)
    order(world, *leads)
    world.later(hours=1)
    convert(world, "a", 3, leads)
    convert(world, "b", 4, leads)
    world.at(days=3, minutes=1)
    found = judged()
    assert (found.state, found.winner_key, found.promoted_key) == ("decided", "", "")
    assert found.result["sentence"].startswith("No difference shown")


def test_rule_20_promotion_is_opt_in_and_for_new_people(world: World) -> None:
    """… auto-promote is opt-in."""
    sequence(split({"key": "a"}, {"key": "b"}, experiment=comparison(auto_promote=True)))
    leads = crowd(40)
    order(world, *leads)
    before = met(*leads)
    world.later(hours=1)
    convert(world, "b", 50, leads)
    world.at(days=3, minutes=1)
    assert judged().promoted_key == "b"
    newcomers = crowd(10)
    order(world, *newcomers)
    assert set(met(*newcomers).values()) == {"b"}
    world.at(days=12)
    order(world, *leads)
    assert met(*leads) == before
    judging.promote(judged(), "", actor=None, now=world.now)
    assert judged().promoted_key == ""
    notes = SequenceChange.objects.order_by("pk").values_list("action", flat=True)
    assert [note for note in notes if note != "published"] == ["experiment decided", "promotion ended"]


def test_rule_20_looking_early_changes_nothing(world: World) -> None:
    """… no peeking bonus: sequential-safe."""
    sequence(split({"key": "a"}, {"key": "b"}, experiment=comparison(minimum_sample=15)))
    leads = crowd(40)
    order(world, *leads)
    world.later(hours=1)
    convert(world, "b", 50, leads)
    for hour in range(2, 72, 14):
        world.at(hours=hour)
        assert judged().state == "running", "a lead that would be significant now does not count yet"
    world.at(days=3)
    decided = judged()
    assert decided.state == "decided"
    convert(world, "a", 50, leads)
    world.at(days=6)
    assert judged().result == decided.result


def test_rule_20_a_click_counts_when_a_person_clicked_this_mail(world: World) -> None:
    sequence(split({"key": "a"}, {"key": "b"}, experiment=comparison(goal="email.clicked")))
    leads = crowd(30)
    order(world, *leads)
    world.later(hours=1)
    ana, bot, other = leads[:3]
    own = {lead.pk: Message.objects.get(lead=lead).pk for lead in (ana, bot)}
    happens("email.clicked", ana, world=world, message=own[ana.pk], human=True)
    happens("email.clicked", bot, world=world, message=own[bot.pk], human=False)
    happens("email.clicked", other, world=world, message=own[ana.pk], human=True)
    standing = results.standing(judged(), now=world.now)
    assert sum(arm.conversions for arm in standing.arms) == (1 if ana_counts(ana, standing) else 0)


def ana_counts(ana: Lead, standing: Any) -> bool:
    """Whether she is within the first ten of her arm."""
    mine = Message.objects.get(lead=ana)
    earlier = Message.objects.filter(variant_key=mine.variant_key, pk__lt=mine.pk).count()
    return earlier < standing.sample


def test_rule_20_other_mails_make_it_another_comparison(world: World) -> None:
    sequence(split({"key": "a"}, {"key": "b"}, experiment=comparison()))
    leads = crowd(40)
    order(world, *leads)
    world.at(days=2)
    other_words = split({"key": "a"}, {"key": "b", "subject": "New words"}, experiment=comparison())
    sequence(other_words, now=world.now)
    convert(world, "b", 50, leads)
    world.at(days=4)
    found = judged()
    assert (found.state, found.started_at) == ("running", NOON + timedelta(days=2))
    assert SequenceChange.objects.filter(action="experiment restarted").get().reason == "hello: its variants changed"


# --- files and refusals


def test_rules_18_to_20_a_file_comes_back_as_it_was() -> None:
    variants = [
        {"key": "a", "weight": 70, "template": "hello"},
        {"key": "b", "weight": 30, "template": "other", "subject": "For {{ lead.company }}", "time": "09:00"},
    ]
    where = [{"property": "plan", "op": "eq", "value": "pro"}]
    experiment = {"goal": "trial.started", "where": where, "within": "3d", "minimum_sample": 200, "auto_promote": True}
    step = {"id": "hello", "send": {"variants": variants}, "experiment": experiment}
    sequence(step, holdout=10)
    written = yaml.safe_load(export_sequence("offer"))
    assert (written["steps"], written["holdout"]) == ([step], 10)
    started = judged().started_at
    import_sequence(export_sequence("offer"), now=NOON + timedelta(days=1), publish=True)
    assert yaml.safe_load(export_sequence("offer"))["steps"] == [step]
    assert judged().started_at == started, "the same rules and mails: the comparison goes on"


def one(**changes: Any) -> dict[str, Any]:
    return {"steps": [split({"key": "a"}, {"key": "b", **changes})]}


def compared(*variants: dict[str, Any], **rules: Any) -> dict[str, Any]:
    return {"steps": [split(*variants or ({"key": "a"}, {"key": "b"}), experiment=comparison(**rules))]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (one(subject="Hi {{ lead.frist_name }}"), "steps.hello.variants.b.subject: lead has no attribute frist_name"),
        (one(subject="Hi {% if %}"), "steps.hello.variants.b.subject: "),
        (one(subject="x" * 251), "$.steps[0].send.variants[1].subject"),
        (one(time="nine"), "steps.hello.send.variants.b.time: write it with quotes, like '09:00'"),
        (one(time=540), "steps.hello.send.variants.b.time: write it with quotes, like '09:00'"),
        (one(key="a"), "steps.hello.send.variants.a: "),
        (one(colour="red"), "colour"),
        ({"steps": [split({"key": "a", "weight": 0})]}, "steps.hello.variants: at least one variant needs a weight"),
        ({"steps": [HELLO], "holdout": 51}, "$.holdout"),
        ({"steps": [HELLO], "holdout": -1}, "$.holdout"),
        ({"steps": [HELLO], "holdout": "10%"}, "$.holdout"),
        ({"steps": [{**HELLO, "experiment": {}}]}, "steps.hello.experiment: compares variants"),
        (compared({"key": "a"}, {"key": "b", "weight": 0}), "steps.hello.experiment: compares nothing"),
        (compared(goal="Clicked!"), "steps.hello.experiment.goal: "),
        (compared(where=[{"property": "plan", "op": "is", "value": 1}]), "steps.hello.experiment.where[0]"),
        (compared(within="soon"), "steps.hello.experiment.within: 'soon' is not a duration"),
        (compared(minimum_sample=3), "$.steps[0].experiment.minimum_sample"),
        (compared(sample=30), "sample"),
    ],
)
def test_rules_18_to_20_a_mistake_is_refused_with_its_place(changes: dict[str, Any], says: str) -> None:
    file = {**content("offer", steps=[HELLO]), "templates": mails(), **changes}
    with pytest.raises((ImportRefused, PublishRefused)) as refused:
        import_sequence(yaml.safe_dump(file), now=NOON, publish=True)
    assert says in str(refused.value)
    assert not Experiment.objects.exists()
