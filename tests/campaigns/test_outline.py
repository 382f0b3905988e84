"""The calendar that the editor shows."""

from dataclasses import dataclass
from datetime import time, timedelta

import pytest

from campaigns.outline import outline, sending_days

DAY = timedelta(days=1)


@dataclass
class Step:
    kind: str
    duration: timedelta | None = None
    from_enrollment: bool = False
    weekday: int | None = None
    time_of_day: time | None = None
    event_kind: str = ""
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
