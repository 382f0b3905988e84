"""A marketer compares two mails: sets the rule in advance, watches, promotes by hand, starts over."""

from typing import Any

import pytest
from django.urls import reverse

from campaigns.models import Enrollment, Experiment, Sequence, SequenceChange
from tests import staff
from tests.admin.test_campaigns import act
from tests.campaigns.sequences import live, people, template
from tests.factories import NOON

pytestmark = pytest.mark.django_db

RULES = {"goal": "email.clicked", "goal_where": "[]", "goal_within": "3d", "minimum_sample": "50"}


@pytest.fixture
def offer() -> Sequence:
    variants = [{"key": key, "weight": 50, "template": "hello"} for key in "ab"]
    steps = [{"id": "hello", "send": {"variants": variants}}, {"id": "plain", "send": "hello"}]
    return live("offer", steps=steps, templates=[template("hello")], exits=[{"goal": "order.placed"}], holdout=10)


def added(sequence: Sequence, **changes: Any) -> str:
    """Fill in the empty form; what the answer says."""
    typed = {"sequence": sequence.pk, "step_key": "hello", **RULES, **changes}
    page = staff.colleague("marketer").post(reverse("admin:campaigns_experiment_add"), typed, follow=True)
    return page.content.decode()


def shown(experiment: Experiment) -> str:
    url = reverse("admin:campaigns_experiment_change", args=[experiment.pk])
    return staff.colleague("marketer").get(url).content.decode()


def test_a_comparison_is_set_up_and_says_what_it_needs(offer):
    added(offer)
    made = Experiment.objects.get()
    assert (made.goal, made.minimum_sample, made.goal_within.days) == ("email.clicked", 50, 3)
    page = shown(made)
    assert "needs 50 more people for a and 50 more people for b" in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"step_key": "gone"}, "has no step gone that sends"),
        ({"step_key": "plain"}, "give the step two variants with a weight above 0"),
        ({"goal": "Clicked!"}, "experiment.goal"),
        ({"goal_within": "soon"}, "Write a length of time like 30m, 2h or 7d."),
        ({"minimum_sample": "3"}, "greater than or equal to 10"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_its_field(offer, changes, says):
    assert says in added(offer, **changes)
    assert not Experiment.objects.exists()


def test_a_variant_is_promoted_and_shared_out_again_by_hand(offer):
    added(offer)
    made = Experiment.objects.get()
    assert "Not promoted: the published step has no variant" in act("experiment_promote", made.pk, variant="z")
    assert "New people get b from now on." in act("experiment_promote", made.pk, variant="b")
    made.refresh_from_db()
    assert made.promoted_key == "b"
    assert "New people get their share from now on." in act("experiment_share_out", made.pk)
    notes = SequenceChange.objects.filter(sequence=offer).order_by("pk")
    assert [(note.action, note.reason) for note in notes][-2:] == [
        ("variant promoted", "hello: new people get variant b"),
        ("promotion ended", "hello: new people are shared out again"),
    ]


def test_another_rule_makes_it_another_comparison(offer):
    added(offer)
    made = Experiment.objects.get()
    Experiment.objects.update(state="decided", winner_key="a", result={"arms": [], "sentence": "a wins"})
    url = reverse("admin:campaigns_experiment_change", args=[made.pk])
    staff.colleague("marketer").post(url, {**RULES, "minimum_sample": "80"})
    made.refresh_from_db()
    assert (made.state, made.winner_key, made.result, made.minimum_sample) == ("running", "", None, 80)


def test_a_sales_rep_does_not_see_comparisons(offer):
    added(offer)
    assert staff.colleague("sales").get(reverse("admin:campaigns_experiment_changelist")).status_code == 403


def test_the_sequence_shows_its_control_group(offer):
    for number, lead in enumerate(people(6)):
        Enrollment.objects.create(
            sequence=offer, version=offer.current_version, lead=lead, state="ended", is_holdout=number % 2 == 0,
            step_since=NOON, enrolled_at=NOON, goal_since=NOON, ended_at=NOON, exit_reason="goal: order.placed",
        )  # fmt: skip
    url = reverse("admin:campaigns_sequence_change", args=[offer.pk])
    page = staff.colleague("marketer").get(url).content.decode()
    assert "No effect shown: 100.0 % of 3 with mail against 100.0 % of 3 without" in page
