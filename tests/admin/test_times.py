"""The hours of mails in the admin: windows of drafts and steps, quiet hours, holidays."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from django.urls import reverse

from campaigns.actions import new_draft
from campaigns.admin.windows import WindowField
from campaigns.models import Holiday, Sequence, SequenceVersion, Step
from leads.models import Workspace
from lifecycle.core.admin.spans import OffsetField
from tests import staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return Workspace.load()


@pytest.fixture
def draft() -> SequenceVersion:
    return new_draft(Sequence.objects.create(slug="webinar", name="Webinar"))


def fields_of(page: Any) -> dict[str, Any]:
    """What the page's form would send if nothing were changed."""
    form = page.context["adminform"].form
    return {name: value for name in form.fields if (value := form[name].value()) is not None}


def typed(**parts: str) -> dict[str, str]:
    return {f"window_{name}": value for name, value in parts.items()}


@pytest.mark.parametrize(
    ("sent", "window"),
    [
        ({}, None),
        (dict.fromkeys(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], "on"), None),
        ({"from": "09:00", "until": "17:00"}, {"from": "09:00", "until": "17:00"}),
        ({"monday": "on", "friday": "on"}, {"weekdays": ["monday", "friday"]}),
        (
            {"from": "22:00", "until": "06:00", "holidays": "on"},
            {"from": "22:00", "until": "06:00", "holidays": "skip"},
        ),
    ],
)
def test_a_window_is_chosen_by_hours_and_days(sent: dict[str, str], window: Any) -> None:
    field = WindowField()
    assert field.clean(field.widget.value_from_datadict(typed(**sent), {}, "window")) == window
    own = WindowField(has_own=True)
    assert own.clean(own.widget.value_from_datadict(typed(mode="own", **sent), {}, "window")) == (window or {})
    assert own.clean(own.widget.value_from_datadict(typed(mode="any", **sent), {}, "window")) == {}
    assert own.clean(own.widget.value_from_datadict(typed(mode="", **sent), {}, "window")) is None


def test_the_page_of_a_draft_shows_its_window_and_says_what_is_wrong_with_a_new_one(draft: SequenceVersion) -> None:
    draft.window = {"from": "09:00", "until": "17:00", "weekdays": ["monday"]}
    draft.save()
    client, url = staff.colleague("marketer"), reverse("admin:campaigns_sequenceversion_change", args=[draft.pk])
    page = client.get(url)
    assert 'name="window_from" value="09:00"' in page.content.decode()
    steps = {"steps-TOTAL_FORMS": "0", "steps-INITIAL_FORMS": "0"}
    answers = {**fields_of(page), **steps, "triggers": "[]", "filters": "{}", "exits": "[]", "grace": "30m"}
    answer = client.post(url, {**answers, **typed(**{"from": "09:00"})})
    assert "say when it opens and when it closes" in answer.content.decode()
    answer = client.post(url, {**answers, **typed(**{"from": "10:00", "until": "16:00", "holidays": "on"})})
    assert answer.status_code == 302, answer.context["errors"]
    draft.refresh_from_db()
    assert draft.window == {"from": "10:00", "until": "16:00", "holidays": "skip"}


@pytest.mark.parametrize(
    ("kind", "answers", "expected"),
    [
        (
            "date",
            {"date_property": "starts_at", "offset": "-1h"},
            {"date_property": "starts_at", "offset": -timedelta(hours=1)},
        ),
        ("date", {"date_field": "attributes.renewal_date", "offset": "0d"}, {"offset": timedelta(0)}),
        ("send", {"late_after": "2h", **typed(mode="any")}, {"late_after": timedelta(hours=2), "window": {}}),
        (
            "send",
            typed(mode="own", **{"from": "09:00", "until": "12:00"}),
            {"window": {"from": "09:00", "until": "12:00"}},
        ),
        ("send", {}, {"late_after": None, "window": None}),
    ],
)
def test_a_step_takes_its_times(
    draft: SequenceVersion, kind: str, answers: dict[str, str], expected: dict[str, Any]
) -> None:
    step = Step.objects.create(version=draft, key="one", kind=kind)
    client, url = staff.colleague("marketer"), reverse("admin:campaigns_step_change", args=[step.pk])
    variants = {"variants-TOTAL_FORMS": "0", "variants-INITIAL_FORMS": "0"}
    answer = client.post(url, {"key": "one", "kind": kind, **variants, **answers})
    assert answer.status_code == 302, answer.context["errors"]
    step.refresh_from_db()
    assert {name: getattr(step, name) for name in expected} == expected
    page = client.get(url).content.decode()
    assert all(f'value="{value}"' in page for value in answers.values() if value not in ("any", "own", "on"))


def test_an_offset_is_told_how_to_be_written() -> None:
    with pytest.raises(Exception, match="-1h or 0d"):
        OffsetField().clean("an hour before")


def test_a_drafts_calendar_tells_dates_and_hours(draft: SequenceVersion) -> None:
    draft.window = {"from": "09:00", "until": "17:00", "holidays": "skip"}
    draft.save()
    before = -timedelta(hours=1)
    Step.objects.create(version=draft, key="until", kind="date", date_property="starts_at", offset=before, position=0)
    Step.objects.create(version=draft, key="mail", kind="send", template=staff.template(), position=1)
    url = reverse("admin:campaigns_sequenceversion_change", args=[draft.pk])
    page = staff.colleague("marketer").get(url).content.decode()
    assert "1 hour before starts_at (09:00–17:00, not on holidays, on the person&#x27;s clock)" in page


def test_quiet_hours_have_both_ends() -> None:
    client, url = staff.colleague("boss"), reverse("admin:leads_workspace_change", args=[1])
    answers = fields_of(client.get(url))
    answer = client.post(url, {**answers, "quiet_from": "20:00"})
    assert "Say when the quiet hours begin and when they end" in answer.content.decode()
    answer = client.post(url, {**answers, "quiet_from": "20:00", "quiet_until": "20:00"})
    assert "leave both empty for none" in answer.content.decode()
    assert client.post(url, {**answers, "quiet_from": "20:00", "quiet_until": "08:00"}).status_code == 302
    assert Workspace.load().quiet_until == time(8)


def test_a_years_holidays_are_pasted_at_once_and_again() -> None:
    client, url = staff.colleague("marketer"), reverse("admin:campaigns_holiday_add")
    days = "2026-12-25 Christmas Day\n\n2026-12-26  Boxing Day\n"
    assert client.post(url, {"country": "de", "days": days}).status_code == 302
    assert client.post(url, {"country": "DE", "days": "2026-12-26 Second day of Christmas"}).status_code == 302
    assert list(Holiday.objects.values_list("day", "name", "country")) == [
        (date(2026, 12, 25), "Christmas Day", "DE"),
        (date(2026, 12, 26), "Second day of Christmas", "DE"),
    ]
    listed = client.get(reverse("admin:campaigns_holiday_changelist"), {"country": "DE"}).content.decode()
    assert "Second day of Christmas" in listed


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"days": "2026-12-25 Christmas\n25.12.2026 Christmas"}, "Line 2: “25.12.2026” is no date"),
        ({"days": "2026-12-25"}, "Line 1: write the day&#x27;s name"),
        ({"days": "2027-02-29 A leap day"}, "Line 1: “2027-02-29” is no date"),
        ({"days": "2026-12-25 Christmas", "country": "D1"}, "Write two letters"),
        ({"days": " "}, "This field is required"),
    ],
)
def test_a_line_that_is_no_holiday_is_named(answers: dict[str, str], message: str) -> None:
    page = staff.colleague("marketer").post(reverse("admin:campaigns_holiday_add"), answers).content.decode()
    assert message in page
    assert not Holiday.objects.exists()
