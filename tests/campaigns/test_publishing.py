"""Publishing refuses whatever could go wrong later, each thing with its exact place."""

from datetime import time, timedelta
from typing import Any

import pytest

from campaigns.actions import PublishRefused, new_draft, publish
from campaigns.editing.publishing import LONGEST, problems_of
from campaigns.models import EmailTemplate, Sequence, SequenceVersion, Step, Variant
from leads.models import Workspace
from tests.campaigns.sequences import BODY
from tests.factories import NOON

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
HOT = {"field": "temperature", "op": "eq", "value": "hot"}


@pytest.fixture
def draft() -> SequenceVersion:
    """A draft that only lacks steps."""
    return new_draft(Sequence.objects.create(slug="welcome", name="Welcome"))


@pytest.fixture
def mail() -> EmailTemplate:
    return EmailTemplate.objects.create(slug="hello", name="Hello", format="html", subject="Hello", body=BODY)


def add(draft: SequenceVersion, key: str, kind: str, **columns: Any) -> Step:
    return Step.objects.create(version=draft, key=key, kind=kind, position=draft.steps.count(), **columns)


def complaints(draft: SequenceVersion) -> dict[str, str]:
    return {problem.where: problem.message for problem in problems_of(draft)}


def test_a_sequence_without_steps_is_refused(draft: SequenceVersion) -> None:
    assert complaints(draft) == {"steps": "a sequence needs at least one step"}


def test_a_sequence_that_is_too_long_is_refused(draft: SequenceVersion) -> None:
    Step.objects.bulk_create(
        Step(version=draft, key=f"end-{place}", kind="end", position=place) for place in range(LONGEST + 1)
    )
    assert complaints(draft) == {"steps": "at most 200 steps"}


@pytest.mark.parametrize(
    ("changes", "where", "part"),
    [
        ({"triggers": {}}, "entry.triggers", "must be a list"),
        ({"triggers": ["form.submitted"]}, "entry.triggers[0]", "either an event, a segment or a date"),
        ({"triggers": [{"segment": "hot"}, {"api": True}]}, "entry.triggers[1]", "an event, a segment or a date"),
        ({"triggers": [{"event": "a.b", "segment": "hot"}]}, "entry.triggers[0]", "an event, a segment or a date"),
        ({"triggers": [{"event": "Form Submitted"}]}, "entry.triggers[0].event", ""),
        ({"triggers": [{"event": 5}]}, "entry.triggers[0].event", ""),
        (
            {"triggers": [{"event": "a.b", "where": [{"property": "x", "op": "like", "value": 1}]}]},
            "entry.triggers[0].where[0].op",
            "",
        ),
        ({"triggers": [{"event": "a.b", "where": "x"}]}, "entry.triggers[0].where", ""),
        ({"filters": {"field": "shoe_size", "op": "eq", "value": 42}}, "entry.filters.field", "shoe_size"),
        (
            {"filters": {"all": [HOT, {"field": "temperature", "op": "eq", "value": "boiling"}]}},
            "entry.filters.all[1].value",
            "boiling",
        ),
        ({"filters": {"event": "a.b", "since": "enrollment"}}, "entry.filters.since", ""),
        ({"filters": []}, "entry.filters", ""),
        ({"reentry": "after"}, "entry.reentry", "say after how long"),
        ({"reentry": "once_per_key"}, "entry.key", "needs the event property"),
        ({"exits": "none"}, "exits", "must be a list"),
        ({"exits": [{"reason": "why"}]}, "exits[0]", "either a goal"),
        ({"exits": [{"goal": "a.b", "when": HOT}]}, "exits[0]", "either a goal"),
        ({"exits": [{"goal": "booked"}]}, "exits[0].event", ""),
        ({"exits": [{"when": HOT}]}, "exits[0].reason", "say why"),
        ({"exits": [{"when": {"any": []}, "reason": "x"}]}, "exits[0].when.any", "at least one"),
    ],
)
def test_entry_and_exits_name_their_place(
    draft: SequenceVersion, changes: dict[str, Any], where: str, part: str
) -> None:
    add(draft, "end", "end")
    for name, value in changes.items():
        setattr(draft, name, value)
    draft.save()
    found = complaints(draft)
    assert list(found) == [where]
    assert part in found[where]


@pytest.mark.parametrize(
    ("kind", "columns", "where", "part"),
    [
        ("send", {}, "template", "choose the mail"),
        ("wait", {}, "wait", "say how long"),
        ("wait", {"duration": timedelta(0)}, "wait", "say how long"),
        ("wait", {"duration": -DAY}, "wait", "say how long"),
        ("calendar", {"weekday": 1}, "calendar.time", "at what time"),
        ("event", {"event_kind": "email.clicked"}, "at_most", "how long to wait at most"),
        ("event", {"duration": DAY}, "event", "name the event"),
        ("event", {"duration": DAY, "event_kind": "Clicked!"}, "event", ""),
        (
            "event",
            {"duration": DAY, "event_kind": "a.b", "where": [{"property": "x", "op": "between", "value": 1}]},
            "where[0].value",
            "",
        ),
        ("branch", {"condition": {"field": "mood", "op": "eq", "value": 1}}, "if.field", "mood"),
        ("branch", {"condition": HOT, "then_key": "nowhere"}, "then", "there is no step nowhere"),
        ("branch", {"condition": HOT, "else_key": "first"}, "else", "only runs forward"),
        ("branch", {"condition": HOT, "else_key": "step"}, "else", "only runs forward"),
        ("event", {"duration": DAY, "event_kind": "a.b", "then_key": "first"}, "then", "only runs forward"),
        ("set", {"field": "score", "value": 100}, "set.field", "score cannot be set"),
        ("set", {"field": "email", "value": "x"}, "set.field", "email cannot be set"),
        ("set", {"field": "", "value": "x"}, "set.field", "nothing cannot be set"),
        ("set", {"field": "attributes.", "value": "x"}, "set.field", "cannot be set"),
        ("notify", {"message": "  "}, "notify.message", "what the rep should read"),
    ],
)
def test_steps_name_their_place(
    draft: SequenceVersion, kind: str, columns: dict[str, Any], where: str, part: str
) -> None:
    add(draft, "first", "notify", message="Begin")
    add(draft, "step", kind, **columns)
    found = complaints(draft)
    assert list(found) == [f"steps.step.{where}"]
    assert part in found[f"steps.step.{where}"]


def test_a_split_needs_a_weight(draft: SequenceVersion, mail: EmailTemplate) -> None:
    step = add(draft, "split", "send")
    for key in ("a", "b"):
        Variant.objects.create(step=step, key=key, weight=0, template=mail)
    assert complaints(draft) == {"steps.split.variants": "at least one variant needs a weight above 0"}


def test_everything_that_is_wrong_is_said_at_once(draft: SequenceVersion) -> None:
    draft.reentry = "after"
    draft.save()
    add(draft, "mail", "send")
    add(draft, "pause", "wait")
    with pytest.raises(PublishRefused) as refused:
        publish(draft, now=NOON)
    assert [problem.where for problem in refused.value.problems] == [
        "entry.reentry",
        "steps.mail.template",
        "steps.pause.wait",
    ]
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert Sequence.objects.get().status == "draft"


def test_a_mail_that_does_not_compile_is_named_with_its_line(draft: SequenceVersion, mail: EmailTemplate) -> None:
    EmailTemplate.objects.filter(pk=mail.pk).update(body=BODY.replace("lead.first_name", "lead.shoe_size"))
    add(draft, "hello", "send", template=mail)
    with pytest.raises(PublishRefused) as refused:
        publish(draft, now=NOON)
    (problem,) = refused.value.problems
    assert problem.where == "steps.hello.hello"
    assert problem.message.startswith("body, line 1: lead has no attribute shoe_size")
    assert Sequence.objects.get().current_version is None


def test_what_is_complete_goes_live_with_its_mails(draft: SequenceVersion, mail: EmailTemplate) -> None:
    add(draft, "hello", "send", template=mail)
    published = publish(draft, now=NOON)
    mail.refresh_from_db()
    sequence = Sequence.objects.get()
    assert (published.state, published.published_at) == ("published", NOON)
    assert (sequence.status, sequence.current_version) == ("live", published)
    assert (mail.current_version.number, mail.current_version.published_at) == (1, NOON)


@pytest.mark.parametrize(
    ("window", "where", "part"),
    [
        ({"from": 540, "until": "17:00"}, "window.from", "540 is no time of day"),
        ({"weekdays": ["moonday"]}, "window.weekdays[0]", "'moonday' is no day of the week"),
        ({"from": "09:00", "until": "09:00"}, "window.until", "never opens"),
        ([9, 17], "window", "write {"),
        (
            {"from": "22:00", "until": "06:00"},
            "window",
            "never opens outside the workspace's quiet hours",
        ),
    ],
)
@pytest.mark.parametrize("of_step", [False, True])
def test_a_window_that_cannot_be_is_refused(
    draft: SequenceVersion, mail: EmailTemplate, window: Any, where: str, part: str, of_step: bool
) -> None:
    Workspace.load()
    Workspace.objects.update(quiet_from=time(20), quiet_until=time(8))
    step = add(draft, "hello", "send", template=mail)
    changed = step if of_step else draft
    changed.window = window
    changed.save()
    found = complaints(draft)
    where = f"steps.hello.{where}" if of_step else where
    assert list(found) == [where]
    assert part in found[where]


def test_windows_that_open_are_fine(draft: SequenceVersion, mail: EmailTemplate) -> None:
    Workspace.load()
    Workspace.objects.update(quiet_from=time(20), quiet_until=time(8))
    draft.window = {"from": "06:00", "until": "09:00", "weekdays": ["monday"], "holidays": "skip"}
    draft.save()
    add(draft, "hello", "send", template=mail, window={}, late_after=DAY)
    assert complaints(draft) == {}


@pytest.mark.parametrize(
    ("columns", "where", "part"),
    [
        ({"offset": DAY}, "date", "name a field of the person"),
        ({"date_field": "created_at", "date_property": "starts_at", "offset": DAY}, "date", "not both"),
        ({"date_field": "birthday", "offset": DAY}, "date.field", "there is no field birthday"),
        ({"date_field": "first_name", "offset": DAY}, "date.field", "first_name is a text, not a date"),
        ({"date_field": "attributes.renewal_date"}, "date.offset", "say how far from it"),
    ],
)
def test_a_wait_for_a_date_needs_one_date_and_an_offset(
    draft: SequenceVersion, columns: dict[str, Any], where: str, part: str
) -> None:
    add(draft, "renewal", "date", **columns)
    found = complaints(draft)
    assert list(found) == [f"steps.renewal.{where}"]
    assert part in found[f"steps.renewal.{where}"]


def test_a_mail_that_is_late_before_it_is_due_is_refused(draft: SequenceVersion, mail: EmailTemplate) -> None:
    add(draft, "hello", "send", template=mail, late_after=timedelta(0))
    assert list(complaints(draft)) == ["steps.hello.late_after"]
