"""The calendar that the editor shows."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

import pytest

from campaigns.engine.outline import outline, sending_days

DAY = timedelta(days=1)


@dataclass
class Step:
    kind: str
    duration: timedelta | None = None
    from_enrollment: bool = False
    weekday: int | None = None
    time_of_day: time | None = None
    event_kind: str = ""
    date_field: str = ""
    date_property: str = ""
    offset: timedelta | None = None
    window: Any = None
    key: str = "k"


SEND = Step("send")


@pytest.mark.parametrize(
    ("steps", "days"),
    [
        ([], ""),
        ([SEND], "day 0"),
        ([SEND, Step("wait", 7 * DAY), SEND, Step("wait", 7 * DAY), SEND], "day 0 · 7 · 14"),
        ([Step("wait", timedelta(minutes=10)), SEND], "day 0, 10 minutes"),
        (
            [
                SEND,
                Step("wait", 5 * DAY, from_enrollment=True),
                SEND,
                Step("wait", 15 * DAY, from_enrollment=True),
                SEND,
            ],
            "day 0 · 5 · 15",
        ),
        ([SEND, Step("wait", None), SEND], "day 0 · 0"),
    ],
)
def test_days_of_the_mails(steps, days):
    assert sending_days(steps) == days


def test_waits_without_a_fixed_length_are_said_in_words():
    steps = [
        Step("calendar", weekday=1, time_of_day=time(9)),
        SEND,
        Step("event", 3 * DAY, event_kind="email.clicked"),
        SEND,
    ]
    assert [line.when for line in outline(steps)] == [
        "Day 0, next Tuesday at 09:00",
        "Day 0, next Tuesday at 09:00, when email.clicked came, at most 3 days later",
    ]


def test_rule_10_what_waits_for_a_date_is_told_from_that_date() -> None:
    hour = timedelta(hours=1)
    steps = [
        SEND,
        Step("date", date_property="starts_at", offset=-DAY),
        SEND,
        Step("date", date_property="starts_at", offset=-hour),
        SEND,
        Step("wait", 3 * hour),
        SEND,
        Step("wait", 9 * DAY, from_enrollment=True),
        SEND,
        Step("date", date_field="attributes.renewal_date", offset=timedelta()),
        SEND,
    ]
    assert [line.when for line in outline(steps)] == [
        "Day 0",
        "1 day before starts_at",
        "1 hour before starts_at",
        "1 hour before starts_at, 3 hours later",
        "1 hour before starts_at, 3 hours later, not before day 9",
        "at renewal_date",
    ]
    assert sending_days(steps).startswith("day 0 · 1 day before starts_at · 1 hour before starts_at")
    assert sending_days(steps[1:3]) == "1 day before starts_at"


def test_rule_10_a_mail_shows_the_hours_in_which_it_may_leave() -> None:
    office = {"from": "09:00", "until": "17:00", "weekdays": ["monday", "tuesday", "wednesday"], "holidays": "skip"}
    steps = [SEND, Step("send", window={}), Step("send", window={"weekdays": ["friday"]}), Step("notify"), SEND]
    steps[-1] = Step("send", window={"from": "9"})
    assert [line.hours for line in outline(steps, office)] == [
        "09:00–17:00 Monday to Wednesday, not on holidays",
        "",
        "Friday",
        "",
        "",
    ]
