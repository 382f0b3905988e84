"""When each step of a sequence comes, seen from the enrolment. Pure: it is what the editor shows as a calendar."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, Protocol

from campaigns.engine import windows
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
    date_field: str
    date_property: str
    offset: timedelta | None
    window: Any


@dataclass(frozen=True, slots=True)
class Line:
    """A step that does something, and when: “Day 7”, “Day 0, 10 minutes”, “1 hour before starts_at”.

    `hours`: those in which a mail may leave, “09:00–17:00 Monday to Friday”; "" for any.
    """

    when: str
    key: str
    kind: str
    hours: str = ""


@dataclass
class _Walk:
    """What the waits so far add up to: from the enrolment, or from the date that the last of them was for."""

    elapsed: timedelta = timedelta()
    date: str = ""
    hints: list[str] = field(default_factory=list)

    def wait(self, step: StepLike) -> None:
        span = step.duration or timedelta()
        if not step.from_enrollment:
            self.elapsed += span
        elif self.date:
            self.hints.append(f"not before day {span // DAY}")
        else:
            self.elapsed = max(self.elapsed, span)

    def wait_for_date(self, step: StepLike) -> None:
        self.date = date_words(step)
        self.elapsed, self.hints = timedelta(), []

    def when(self) -> str:
        later = f"{self.date}, {spoken(self.elapsed)} later" if self.elapsed else self.date
        return ", ".join([later if self.date else day(self.elapsed), *self.hints])


def outline(steps: Iterable[StepLike], window: Any = None) -> list[Line]:
    """The steps that are not waits, each with what the waits before it add up to; branches fall through.

    `window`: that of the sequence, which holds for mails without their own.
    """
    walk = _Walk()
    lines = []
    for step in steps:
        match step.kind:
            case "wait":
                walk.wait(step)
            case "calendar":
                walk.hints.append(calendar_words(step))
            case "event":
                walk.hints.append(f"when {step.event_kind} came, at most {spoken(step.duration)} later")
            case "date":
                walk.wait_for_date(step)
            case "send":
                hours = window_words(window if step.window is None else step.window)
                lines.append(Line(walk.when(), step.key, step.kind, hours))
            case _:
                lines.append(Line(walk.when(), step.key, step.kind))
    return lines


def sending_days(steps: Iterable[StepLike]) -> str:
    """The days on which mails leave, in short: “day 0, 7, 14”; "" without a mail."""
    days = [line.when for line in outline(steps) if line.kind == "send"]
    if not days:
        return ""
    listed = " · ".join(text.removeprefix("Day ") for text in days)
    return f"day {listed}" if days[0].startswith("Day ") else listed


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


def date_words(step: StepLike) -> str:
    """“1 hour before starts_at”, “30 days before renewal_date”."""
    name = (step.date_field or step.date_property).removeprefix("attributes.") or "a date"
    return durations.words_signed(step.offset or timedelta(), name)


def window_words(data: Any) -> str:
    """“09:00–17:00 Monday to Friday, not on holidays”; "" without a window, or with one that cannot be read."""
    window = None if windows.problems(data or {}) else windows.parse(data)
    if window is None:
        return ""
    return window.words() + (", not on holidays" if window.skip_holidays else "")
