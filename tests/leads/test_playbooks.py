import copy

import pytest

from leads import playbooks
from leads.models import Audience, EventName, Form, ScoreRule, Segment, StageRule, Workspace
from leads.playbooks import PlaybookError
from tests.leads.conftest import load_files, playbook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("files")]
NAMES = ["forms", "audiences", "channels", "event_names", "scoring", "stages", "segments"]


@pytest.fixture
def files(db):
    load_files()


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_loads_once(name):
    load = getattr(playbooks, f"load_{name}")
    first, second = load(playbook(name)), load(playbook(name))
    assert first.created
    assert not first.kept
    assert second.kept == first.created
    assert not second.created


def test_what_ships_is_what_the_contract_names(shipped):
    assert set(Form.objects.values_list("slug", flat=True)) == {
        "contact", "newsletter", "api-docs", "webinar", "demo-request", "checklist"
    }  # fmt: skip
    assert EventName.objects.get(name="Pricing Viewed").kind == "pricing.viewed"
    assert Audience.objects.get(organization_type="YMCA").audience_type == "b2b"
    assert (Workspace.load().warm_at, Workspace.load().hot_at) == (31, 80)


def test_a_marketers_own_words_stay_unless_asked(shipped):
    Segment.objects.filter(slug="hot-leads").update(name="Mine", rule={})
    playbooks.load_segments(playbook("segments"))
    assert Segment.objects.get(slug="hot-leads").name == "Mine"
    assert "hot-leads" in playbooks.load_segments(playbook("segments"), update=True).updated
    segment = Segment.objects.get(slug="hot-leads")
    assert (segment.name, segment.version) == ("Hot leads", 2)


@pytest.mark.parametrize(
    ("name", "break_it", "message"),
    [
        ("segments", lambda data: data.pop("kind"), "segments: the file must be a mapping"),
        ("segments", lambda data: data.update(version=9), "segments.version"),
        ("segments", lambda data: data.update(segments={}), "segments.segments: a list"),
        ("segments", lambda data: data["segments"][1].pop("name"), r"segments\[1\]: name is missing"),
        ("segments", lambda data: data["segments"][0].update(colour="red"), r"segments\[0\].colour: not known"),
        ("segments", lambda data: data["segments"][0].update(rule={"field": "nix"}), r"segments\[0\].rule: "),
        ("stages", lambda data: data["rules"][0].update(to="heaven"), r"stages.rules\[0\].to: "),
        ("stages", lambda data: data["rules"][0].update(where=[{"property": "a"}]), r"stages.rules\[0\].where: "),
        ("scoring", lambda data: data["rules"][0].update(group="none"), r"scoring.rules\[0\].group: there is no group"),
        ("scoring", lambda data: data["rules"][0].update(event="a.b"), r"scoring.rules\[0\].event: "),
        ("scoring", lambda data: data["rules"][-1].update(at_most=3), r"at_most: write"),
        ("scoring", lambda data: data["temperature"].update(hot=10), r"scoring.temperature: hot must lie above warm"),
        ("scoring", lambda data: data.update(half_life="soon"), r"scoring.half_life: "),
        ("event_names", lambda data: data["event_names"][0].update(kind="Not A Kind"), r"event_names\[0\].kind: "),
        ("audiences", lambda data: data["audiences"][0].update(audience_type="b2z"), r"audiences\[0\].audience_type: "),
        ("forms", lambda data: data["forms"][0]["fields"][1].pop("label"), r"forms\[0\].fields\[1\].label: "),
        ("forms", lambda data: data["forms"][3].update(magnet="none"), r"forms\[3\].magnet: there is no lead magnet"),
    ],
)
def test_a_fault_is_named_with_its_place_and_nothing_is_loaded(name, break_it, message):
    data = copy.deepcopy(playbook(name))
    break_it(data)
    with pytest.raises(PlaybookError, match=message):
        getattr(playbooks, f"load_{name}")(data)
    assert not Segment.objects.exists()
    assert not StageRule.objects.exists()
    assert not ScoreRule.objects.exists()
