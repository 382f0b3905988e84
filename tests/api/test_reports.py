"""Reports over the API: every number with its interval, every judgement in words."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from campaigns.experiments import judging
from campaigns.models import Enrollment, Message, Sequence
from leads import actions
from leads.batch import NewEvent
from lifecycle.api import keys
from lifecycle.api.models import Scope
from tests.campaigns.sequences import live, people, template
from tests.factories import NOON

pytestmark = pytest.mark.django_db
PATH = "/api/v1/reports/experiments"


@pytest.fixture
def offer() -> Sequence:
    """A step that compares two subjects by a trial within a day, with a tenth held out."""
    variants = [{"key": key, "weight": 50, "template": "hello"} for key in "ab"]
    experiment = {"goal": "trial.started", "within": "1d", "minimum_sample": 10}
    steps = [{"id": "hello", "send": {"variants": variants}, "experiment": experiment}]
    goals = [{"goal": "order.placed"}]
    return live("offer", steps=steps, exits=goals, holdout=10, templates=[template("hello")])


def mailed(sequence: Sequence, arms: dict[str, int]) -> dict[str, list[int]]:
    """So many people sent each variant at noon; their ids by variant."""
    version = Message.objects.model._meta.get_field("template_version").related_model.objects.get()
    leads = iter(people(sum(arms.values())))
    given = {key: [next(leads).pk for _ in range(count)] for key, count in arms.items()}
    Message.objects.bulk_create(
        Message(
            key=f"test:{lead_id}", lead_id=lead_id, sequence=sequence, step_key="hello", variant_key=key,
            template_version=version, message_class="marketing", state="sent", due_at=NOON, created_at=NOON,
            sent_at=NOON, settled_at=NOON,
        )
        for key, ids in given.items() for lead_id in ids
    )  # fmt: skip
    return given


def convert(ids: list[int]) -> None:
    at = NOON + timedelta(hours=1)
    actions.record([NewEvent(lead_id, "trial.started", occurred_at=at) for lead_id in ids], now=at)


def report(program: APIClient) -> dict[str, Any]:
    answer = program.get(PATH)
    assert answer.status_code == 200, answer.json()
    return answer.json()  # type: ignore[no-any-return]


def test_nothing_to_report_is_two_empty_lists(program: APIClient) -> None:
    assert report(program) == {"experiments": [], "holdouts": []}


def test_a_running_comparison_says_what_it_needs(program: APIClient, offer: Sequence) -> None:
    given = mailed(offer, {"a": 12, "b": 7})
    convert(given["a"][:3])
    found = report(program)["experiments"][0]
    assert (found["sequence"], found["step"], found["state"], found["within_seconds"]) == (
        "offer", "hello", "running", 86400,
    )  # fmt: skip
    assert found["verdict"] == "Not judged yet: needs 3 more people for b."
    assert [(arm["key"], arm["people"], arm["conversions"], arm["missing"]) for arm in found["arms"]] == [
        ("a", 10, 3, 0),
        ("b", 7, 0, 3),
    ]
    assert found["comparison"] is None


def test_a_judged_one_has_its_interval_and_its_words(program: APIClient, offer: Sequence) -> None:
    given = mailed(offer, {"a": 10, "b": 10})
    convert(given["b"])
    judging.judge_due(now=NOON + timedelta(days=1))
    found = report(program)["experiments"][0]
    assert (found["state"], found["winner"], found["promoted"]) == ("decided", "b", "")
    assert found["comparison"]["low"] < found["comparison"]["difference"] == 1
    assert found["verdict"].startswith("b wins: 100.0 %")


def test_those_held_out_are_compared_with_those_who_got_the_mail(program: APIClient, offer: Sequence) -> None:
    reached = {False: 30, True: 4}
    for is_holdout, converted in reached.items():
        for number, lead in enumerate(people(40)):
            Enrollment.objects.create(
                sequence=offer, version=offer.current_version, lead=lead, state="ended", is_holdout=is_holdout,
                step_since=NOON, enrolled_at=NOON, goal_since=NOON, ended_at=NOON,
                exit_reason="goal: order.placed" if number < converted else "completed",
            )  # fmt: skip
    found = report(program)["holdouts"][0]
    assert (found["sequence"], found["percent"]) == ("offer", 10)
    assert (found["treated"]["rate"], found["held_out"]["rate"]) == (0.75, 0.1)
    assert found["comparison"]["low"] > 0
    assert found["verdict"].startswith("The mail works: 75.0 % of 40 with mail against 10.0 % of 40 without")


def test_reports_need_their_own_scope(offer: Sequence) -> None:
    _, key = keys.issue(name="Leads only", scopes=[Scope.LEADS_READ], now=NOON)
    program = APIClient()
    assert program.get(PATH).status_code == 401
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert program.get(PATH).status_code == 403
