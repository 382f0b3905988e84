"""Broadcasts as files: a draft with its mails, and every mistake with its place."""

from typing import Any

import pytest
import yaml

from campaigns.broadcasts.files import import_broadcast
from campaigns.exchange import ImportRefused
from campaigns.models import Broadcast, EmailTemplate
from leads.models import Workspace
from tests.campaigns.sequences import template
from tests.factories import NOON, SegmentFactory

pytestmark = pytest.mark.django_db


def read(**changes: Any) -> Broadcast:
    content = {"slug": "news", "name": "News", "template": "hello", "templates": [template("hello")], **changes}
    return import_broadcast(yaml.safe_dump(content), now=NOON)


def test_a_small_file_is_a_draft_whose_mail_is_published():
    made = read()
    assert (made.status, made.template.slug, made.segment) == ("draft", "hello", None)
    assert made.template.current_version is not None


def test_a_large_file():
    SegmentFactory(slug="readers"), SegmentFactory(slug="clients")
    Workspace.objects.update_or_create(pk=1, defaults={"time_zone": "Europe/Berlin"})
    made = read(
        template="",
        segment="readers",
        exclude={"segments": ["clients"], "rule": {"field": "stage", "op": "eq", "value": "former"}},
        variants=[{"key": "a", "template": "hello"}, {"key": "b", "template": "hello", "subject": "Hi", "weight": 10}],
        test={"percent": 20, "wait": "2h"},
        crontab={"day_of_week": "tue"},
        window={"from": "09:00", "until": "17:00"},
        late_after="2d",
        per_hour=500,
    )
    assert [segment.slug for segment in made.excluded_segments.all()] == ["clients"]
    assert [(mail.key, mail.weight, mail.subject) for mail in made.variants.all()] == [("a", 50, ""), ("b", 10, "Hi")]
    assert (made.test_percent, made.per_hour, str(made.crontab.timezone)) == (20, 500, "Europe/Berlin")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"colour": "red"}, "Object contains unknown field `colour`"),
        ({"segment": "readers"}, "segment: there is no segment 'readers'"),
        ({"exclude": {"segments": ["clients"]}}, "exclude.segments[0]: there is no segment 'clients'"),
        ({"exclude": {"rule": {"field": "shoe", "op": "eq", "value": 1}}}, "excluded_rule.field: "),
        ({"template": "other"}, "template: there is no template 'other'"),
        ({"crontab": {"hour": "25"}}, "crontab.hour: "),
        ({"crontab": {"timezone": "Mars/Base"}}, "crontab.timezone: "),
        ({"send_at": "2026-03-03T09:00:00"}, "send_at: write it with its offset"),
        ({"late_after": "soon"}, "late_after: 'soon' is not a duration"),
        ({"test": {"percent": 95}}, "Expected `int` <= 90 - at `$.test.percent`"),
        ({"test": {"percent": 10}}, "test_percent: trying needs two variants"),
        ({"window": {"from": "09:00"}}, "window.until: "),
        ({"variants": [{"key": "a b", "template": "hello"}]}, "variants[0].key: "),
        (
            {"variants": [{"key": "a", "template": "hello"}], "in_turn": [{"key": "a", "template": "hello"}]},
            "in_turn: mails are either variants or sent in turn",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_leaves_nothing(changes, complaint):
    with pytest.raises(ImportRefused) as refused:
        read(**changes)
    assert complaint in str(refused.value)
    assert not Broadcast.objects.exists()
    assert not EmailTemplate.objects.exists()


def test_the_same_slug_again_is_refused():
    read()
    with pytest.raises(ImportRefused, match="there is a broadcast news already"):
        read()
