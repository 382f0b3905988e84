"""Sequences as files: what is read is written back the same, and every mistake has its place."""

from typing import Any

import pytest
import yaml
from django.conf import settings

from campaigns.actions import PublishRefused, new_draft
from campaigns.exchange import ImportRefused, export_sequence, import_sequence
from campaigns.exchange.reading import read
from campaigns.models import EmailTemplate, ExclusiveGroup, Sequence, Step, Topic
from tests.campaigns.sequences import BODY, content, live, template
from tests.factories import NOON

pytestmark = pytest.mark.django_db

SHIPPED = sorted((settings.BASE_DIR / "lifecycle" / "playbooks" / "sequences").glob("*.yaml"))
TOPICS = ("product-tips", "newsletter", "demo-and-offers", "developer-notes", "customer-onboarding", "webinars")

EVERY_KIND: list[dict[str, Any]] = [
    {"id": "mail", "send": "hello", "journey_stage": "awareness"},
    {
        "id": "split",
        "send": {
            "variants": [
                {"key": "a", "weight": 70, "template": "hello"},
                {"key": "b", "weight": 30, "template": "other"},
            ]
        },
    },
    {"id": "elapsed", "wait": "90m"},
    {"id": "at-once", "send": "other", "window": {}, "late_after": "2h"},
    {"id": "renewal", "wait": {"date": {"field": "attributes.renewal_date", "offset": "-30d"}}},
    {"id": "starts", "wait": {"date": {"property": "starts_at", "offset": "0d"}}},
    {"id": "anchored", "wait": {"elapsed": "14d", "from": "enrollment"}},
    {"id": "nine", "wait": {"calendar": {"time": "09:00"}}},
    {"id": "tuesday", "wait": {"calendar": {"weekday": "tuesday", "time": "17:30"}}},
    {
        "id": "click",
        "wait": {
            "event": "email.clicked",
            "where": [{"property": "human", "op": "eq", "value": True}],
            "at_most": "3d",
            "then": "hot",
            "else": "done",
        },
    },
    {
        "id": "hot",
        "branch": {"if": {"field": "temperature", "op": "eq", "value": "hot"}, "then": "tell", "else": "tag"},
    },
    {"id": "tag", "set": {"field": "attributes.nurtured", "value": True}},
    {"id": "tell", "notify": {"message": "Finished: call — “now”"}},
    {"id": "done", "end": True},
]
FULL: dict[str, Any] = {
    "kind": "sequence",
    "version": 1,
    "slug": "everything",
    "name": "Everything there is",
    "description": "All kinds of steps.",
    "group": "sales-conversation",
    "priority": -3,
    "entry": {
        "triggers": [
            {"event": "form.submitted", "where": [{"property": "form", "op": "eq", "value": "contact"}]},
            {"segment": "hot-leads"},
        ],
        "filters": {"not": {"field": "stage", "op": "eq", "value": "customer"}},
        "reentry": {"after": "7d"},
        "key": "order_id",
        "second_trigger": "merge",
    },
    "exits": [
        {"goal": "meeting.booked"},
        {"when": {"field": "stage", "op": "eq", "value": "customer"}, "reason": "customer"},
    ],
    "window": {"from": "09:00", "until": "17:00", "weekdays": ["monday", "friday"], "holidays": "skip"},
    "steps": EVERY_KIND,
    "templates": [template("hello", topic="newsletter", **{"class": "marketing"}), template("other", text="By hand")],
}


NOBODY = {"key": "a", "weight": 1, "template": "no"}


def without_defaults(file: dict[str, Any]) -> Any:
    return read(yaml.safe_dump(file))


def bring(file: dict[str, Any], *, publish: bool = True) -> Sequence:
    return import_sequence(yaml.safe_dump(file), now=NOON, publish=publish)


@pytest.fixture
def topics() -> None:
    Topic.objects.bulk_create(Topic(slug=slug, name=slug) for slug in TOPICS)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_sequence_comes_back_as_it_was(path: Any, topics: None) -> None:
    text = path.read_text(encoding="utf-8")
    import_sequence(text, now=NOON)
    exported = export_sequence(path.stem)
    given, returned = read(text), read(exported)
    given.description = given.description.strip()
    assert returned == given
    import_sequence(exported, now=NOON)
    assert export_sequence(path.stem) == exported


def test_every_kind_of_step_and_setting_survives_the_round_trip(topics: None) -> None:
    bring(FULL)
    exported = export_sequence("everything")
    assert read(exported) == without_defaults(FULL)
    import_sequence(exported, now=NOON, publish=True)
    assert export_sequence("everything") == exported


def test_what_a_mail_says_of_utm_values_survives_too() -> None:
    steps = [{"id": "hello", "send": "hello"}, {"id": "other", "send": "other"}]
    sequence = live(steps=steps, templates=[template("hello", utm=False), template("other", utm_campaign="spring")])
    kept = EmailTemplate.objects.get(slug="hello").current_version
    assert kept is not None
    assert (kept.source["adds_utm"], kept.source["utm_campaign"]) == (False, "")
    written = {mail["slug"]: mail for mail in yaml.safe_load(export_sequence(sequence.slug))["templates"]}
    assert written["hello"]["utm"] is False
    assert written["other"]["utm_campaign"] == "spring"
    assert "utm" not in written["other"]
    live(templates=[template("hello"), template("other")])
    assert EmailTemplate.objects.get(slug="hello").versions.count() == 2
    with pytest.raises(ImportRefused, match="utm"):
        live(templates=[template("hello", utm="no")])


def test_seconds_of_a_time_survive_too() -> None:
    bring(content(steps=[{"id": "odd", "wait": {"calendar": {"time": "09:00:30"}}}]))
    assert yaml.safe_load(export_sequence("welcome"))["steps"][0]["wait"] == {"calendar": {"time": "09:00:30"}}


def test_an_import_without_publish_changes_the_draft_alone() -> None:
    sequence = live()
    before = sequence.current_version
    bring(content(steps=[{"id": "hello", "send": "hello"}, {"id": "done", "end": True}]), publish=False)
    sequence.refresh_from_db()
    assert sequence.current_version == before
    assert new_draft(sequence).steps.count() == 2
    assert yaml.safe_load(export_sequence("welcome"))["steps"] == [{"id": "hello", "send": "hello"}]


def test_the_same_file_again_makes_no_second_version_of_its_mails() -> None:
    live()
    live()
    assert EmailTemplate.objects.get(slug="hello").versions.count() == 1


def test_a_mail_may_be_one_of_the_database() -> None:
    live()
    live("second", templates=[])
    assert Step.objects.filter(template__slug="hello").count() == 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("slug: [unclosed\nname: x", "line 2, column 5: not valid YAML: expected ',' or ']'"),
        ("slug: a\n  name: b: c", "line 2, column 7: not valid YAML"),
        ("slug: a\n\tname: b", "line 2, column 1: not valid YAML: found character '\\t'"),
        ("slug: 'a", "line 1, column 9: not valid YAML"),
        ("? {c: d}\n: e", "line 1, column 3: not valid YAML: found unhashable key"),
        ("slug: !!python/object:os.system x", "line 1, column 7: not valid YAML"),
        ("slug: \x00", "not valid YAML"),
        ("[" * 5000, "not valid YAML: nested too deep"),
        ("", "Expected `object`, got `null`"),
        ("- a\n- b", "Expected `object`, got `array`"),
    ],
)
def test_what_is_no_yaml_is_refused_with_line_and_column(text: str, place: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        import_sequence(text, now=NOON)
    assert str(refused.value).startswith(place)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "Object contains unknown field `colour`"),
        ({"kind": "segment"}, "Invalid enum value 'segment' - at `$.kind`"),
        ({"version": 2}, "Invalid enum value 2 - at `$.version`"),
        ({"slug": "Not a slug"}, "sequence.slug: Enter a valid"),
        ({"slug": "x" * 81}, "sequence.slug: Ensure this value has at most 80 characters"),
        ({"name": "x" * 161}, "sequence.name: Ensure this value has at most 160 characters"),
        ({"priority": 40_000}, "sequence.priority: Ensure this value is less than or equal to 32767"),
        ({"group": "x" * 51}, "group.slug: Ensure this value has at most 50 characters"),
        ({"group": "No slug!"}, "group.slug: Enter a valid"),
        ({"entry": {"trigers": []}}, "Object contains unknown field `trigers` - at `$.entry`"),
        ({"entry": {"second_trigger": "replace"}}, "Invalid enum value 'replace' - at `$.entry.second_trigger`"),
        ({"entry": {"reentry": "always"}}, "entry.reentry: 'always' is not known"),
        ({"entry": {"reentry": {"every": "7d"}}}, "entry.reentry: write never"),
        ({"entry": {"reentry": {"after": "soon"}}}, "entry.reentry.after: 'soon' is not a duration"),
        ({"entry": {"key": "x" * 61}}, "Expected `str` of length <= 60 - at `$.entry.key`"),
        ({"steps": [{"send": "hello"}]}, "Object missing required field `id` - at `$.steps[0]`"),
        ({"steps": [{"id": "a", "sned": "hello"}]}, "Object contains unknown field `sned` - at `$.steps[0]`"),
        ({"steps": [{"id": "a"}]}, "steps.a: says nothing; each step does exactly one of send, wait"),
        ({"steps": [{"id": "a", "end": True, "wait": "1d"}]}, "steps.a: says wait and end"),
        ({"steps": [{"id": "A B", "end": True}]}, "steps.A B.key: Lower-case letters"),
        ({"steps": [{"id": "a", "end": True}, {"id": "a", "end": True}]}, "steps.a: "),
        ({"steps": [{"id": "a", "wait": "7 days"}]}, "steps.a.wait: '7 days' is not a duration"),
        ({"steps": [{"id": "a", "wait": {"until": "1d"}}]}, "steps.a.wait: write a duration like 7d"),
        ({"steps": [{"id": "a", "wait": {"elapsed": "1d", "form": "x"}}]}, "steps.a.wait: 'form' is not known here"),
        ({"steps": [{"id": "a", "wait": {"elapsed": "1d", "from": "birth"}}]}, "steps.a.wait.from: previous or"),
        ({"steps": [{"id": "a", "wait": {"calendar": "monday"}}]}, "steps.a.wait.calendar: write {weekday"),
        (
            {"steps": [{"id": "a", "wait": {"calendar": {"weekday": "moonday", "time": "09:00"}}}]},
            "steps.a.wait.calendar.weekday: 'moonday' is no day",
        ),
        (
            {"steps": [{"id": "a", "wait": {"calendar": {"weekday": "monday", "time": 540}}}]},
            "steps.a.wait.calendar.time: write it with quotes",
        ),
        ({"steps": [{"id": "a", "wait": {"event": "a.b"}}]}, "steps.a.wait.at_most: None is not a duration"),
        ({"steps": [{"id": "a", "wait": {"event": None, "at_most": "1d"}}]}, "steps.a.wait.event: name the event"),
        ({"window": {"form": "09:00"}}, "window.form: is not known here; from, until, weekdays, holidays are"),
        ({"window": {"from": 540, "until": "17:00"}}, "window.from: 540 is no time of day; write it with quotes"),
        ({"window": {"weekdays": ["moonday"]}}, "window.weekdays[0]: 'moonday' is no day of the week"),
        (
            {"steps": [{"id": "a", "send": "hello", "window": {"from": "09:00", "until": "09:00"}}]},
            "steps.a.window.until: is the same hour as from, so the window never opens",
        ),
        (
            {"steps": [{"id": "a", "send": "hello", "late_after": "soon"}]},
            "steps.a.late_after: 'soon' is not",
        ),
        (
            {"steps": [{"id": "a", "wait": "1d", "late_after": "2h"}]},
            "steps.a.late_after: only a step that sends",
        ),
        ({"steps": [{"id": "a", "end": True, "window": {}}]}, "steps.a.window: only a step that sends has one"),
        ({"steps": [{"id": "a", "wait": {"date": "starts_at"}}]}, "steps.a.wait.date: write {field"),
        ({"steps": [{"id": "a", "wait": {"date": {"feild": "x"}}}]}, "steps.a.wait.date: 'feild' is not known here"),
        ({"steps": [{"id": "a", "wait": {"date": {"property": 5}}}]}, "steps.a.wait.date.property: must be a text"),
        (
            {"steps": [{"id": "a", "wait": {"date": {"property": "starts_at"}}}]},
            "steps.a.wait.date.offset: say how far from it",
        ),
        (
            {"steps": [{"id": "a", "wait": {"date": {"property": "starts_at", "offset": "1h before"}}}]},
            "steps.a.wait.date.offset: '1h before' is not an offset",
        ),
        ({"steps": [{"id": "a", "branch": {"then": "b"}}]}, "steps.a.branch: needs a rule under if"),
        ({"steps": [{"id": "a", "branch": {"if": {}, "esle": "b"}}]}, "steps.a.branch: 'esle' is not known here"),
        ({"steps": [{"id": "a", "set": {"feild": "x"}}]}, "steps.a.set: 'feild' is not known here"),
        ({"steps": [{"id": "a", "set": {"field": "industry"}}]}, "steps.a.set.value: say what it is set to"),
        ({"steps": [{"id": "a", "end": False}]}, "steps.a.end: true ends the run here"),
        ({"steps": [{"id": "a", "notify": {"message": "x" * 251}}]}, "steps.a.message: Ensure this value"),
        ({"steps": [{"id": "a", "send": "nothing"}], "templates": []}, "steps.a.send: there is no template 'nothing'"),
        (
            {
                "steps": [{"id": "a", "send": {"variants": [{"key": "a", "weight": 1, "template": "no"}]}}],
                "templates": [],
            },
            "steps.a.send.variants.a: there is no template 'no'",
        ),
        (
            {"steps": [{"id": "a", "send": {"variants": [{"key": "a", "weight": -1, "template": "hello"}]}}]},
            "steps.a.send.variants.a.weight: Ensure this value is greater than or equal to 0",
        ),
        (
            {"steps": [{"id": "a", "send": {"variants": [{"key": "x y", "weight": 1, "template": "hello"}]}}]},
            "steps.a.send.variants.x y.key: Enter a valid",
        ),
        ({"templates": [template("hello", topic="gossip")]}, "templates[0] (hello).topic: there is no topic 'gossip'"),
        (
            {"templates": [template("hello", colour="red")]},
            "Object contains unknown field `colour` - at `$.templates[0]`",
        ),
        ({"templates": [template("hello", name="")]}, "templates[0] (hello).name: This field cannot be blank"),
        ({"templates": [{"slug": "hello"}]}, "Object missing required field `name` - at `$.templates[0]`"),
        (
            {"templates": [template("hello", body=BODY.replace("first_name", "shoe"))]},
            "templates (hello).body, line 1: lead",
        ),
    ],
)
def test_a_mistake_names_its_place_and_changes_nothing(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        bring(content(**changes))
    assert str(refused.value).startswith(message)
    assert not Sequence.objects.exists()
    assert not EmailTemplate.objects.exists()
    assert not ExclusiveGroup.objects.exists()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("!!binary aGk=", "$.steps[0].set.value: a text, a number, true or false is expected, not a bytes"),
        ("!!set {a, b}", "$.steps[0].set.value: a text, a number, true or false is expected, not a set"),
        (".nan", "$.steps[0].set.value: nan is no number that can be stored"),
        ("-.inf", "$.steps[0].set.value: -inf is no number that can be stored"),
        ('"a\\0b"', "$.steps[0].set.value: the text has a character that cannot be stored"),
        ("{1: x}", "$.steps[0].set.value: the key 1 must be a text"),
    ],
)
def test_what_yaml_knows_and_json_does_not_is_refused(value: str, message: str) -> None:
    text = yaml.safe_dump(content(steps=[{"id": "a", "set": {"field": "attributes.x", "value": "VALUE"}}]))
    with pytest.raises(ImportRefused) as refused:
        import_sequence(text.replace("VALUE", value), now=NOON)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "step",
    [
        {"id": "a", "branch": {"if": {}, "then": None, "else": None}},
        {"id": "a", "wait": {"event": "a.b", "at_most": "1d", "where": None, "then": None, "else": None}},
        {"id": "a", "set": {"field": "attributes.x", "value": None}},
    ],
)
def test_an_empty_value_is_as_if_it_were_left_out(step: dict[str, Any]) -> None:
    assert bring(content(steps=[step])).status == "live"


def test_what_only_publishing_can_tell_is_told_by_it() -> None:
    with pytest.raises(PublishRefused) as refused:
        bring(content(steps=[{"id": "a", "branch": {"if": {"field": "mood", "op": "eq", "value": 1}}}]))
    assert [problem.where for problem in refused.value.problems] == ["steps.a.if.field"]
    assert not Sequence.objects.exists()


def test_a_date_without_quotes_is_a_date_in_a_rule() -> None:
    """YAML reads 2026-01-01 as a date; the rule means the same with and without quotes."""
    text = yaml.safe_dump(content()).replace(
        "entry:", "exits:\n- {when: {field: created_at, op: before, value: 2026-01-01}, reason: old}\nentry:"
    )
    import_sequence(text, now=NOON, publish=True)
    assert Sequence.objects.get().current_version.exits[0]["when"]["value"] == "2026-01-01"
