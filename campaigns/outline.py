"""When each step of a sequence comes, seen from the enrolment. Pure: it is what the editor shows as a calendar."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Protocol

from lifecycle.core import durations

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class StepLike(Protocol):
    key: str
    kind: str
    duration: timedelta | None
    from_enrollment: bool
    weekday: int | None
    time_of_day: time | None
    event_kind: str


@dataclass(frozen=True, slots=True)
class Line:
    """A step that does something, and when: “Day 7”, “Day 0, 10 minutes”, “from day 3, next Tuesday”."""

    when: str
    key: str
    kind: str


def outline(steps: Iterable[StepLike]) -> list[Line]:
    """The steps that are not waits, each with what the waits before it add up to; branches fall through."""
    elapsed = timedelta()
    hints: list[str] = []
    lines = []
    for step in steps:
        match step.kind:
            case "wait":
                span = step.duration or timedelta()
                elapsed = max(elapsed, span) if step.from_enrollment else elapsed + span
            case "calendar":
                hints = [*hints, calendar_words(step)]
            case "event":
                hints = [*hints, f"when {step.event_kind} came, at most {spoken(step.duration)} later"]
            case _:
                lines.append(Line(", ".join([day(elapsed), *hints]), step.key, step.kind))
    return lines


def sending_days(steps: Iterable[StepLike]) -> str:
    """The days on which mails leave, in short: “day 0, 7, 14”; "" without a mail."""
    days = [line.when for line in outline(steps) if line.kind == "send"]
    if not days:
        return ""
    return "day " + " · ".join(text.removeprefix("Day ") for text in days)


def day(elapsed: timedelta) -> str:
    """“Day 7”, and the hours if there are some."""
    rest = elapsed % DAY // MINUTE * MINUTE
    return f"Day {elapsed // DAY}" + (f", {spoken(rest)}" if rest else "")


def spoken(span: timedelta | None) -> str:
    whole = (span or timedelta()) // MINUTE * MINUTE
    return durations.words(whole) if whole else "no time"


def calendar_words(step: StepLike) -> str:
    weekday = f"next {WEEKDAYS[step.weekday]}" if step.weekday is not None else "next time"
    return f"{weekday} at {str(step.time_of_day)[:5]}" if step.time_of_day else weekday
