"""Waits for a date that may move, and what such a date means for the mails behind it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from campaigns.engine.anchors import Anchor
from campaigns.engine.steps.acts import EndStep
from campaigns.engine.steps.contract import Hold, Leave, Note, Pass, Position, Step, passing
from campaigns.engine.steps.mails import SendStep
from lifecycle.core import rules

# A date that is not there yet is looked for with every change of the person, and in any case this often.
LOOK_AGAIN = timedelta(days=1)
# A wait that is over so long before it was due was not waited for: the date was moved to before now.
MOVED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DateStep:
    """Some time before or after a date. Read anew with every look, so that the wait follows a date that moves.

    `else_key`: where to go on when that time was past already, on arrival or because the date was moved ('': as if it
    had been waited for).
    """

    key: str
    anchor: Anchor
    else_key: str = ""

    def decide(self, at: Position, facts: rules.Facts, now: datetime) -> Pass | Hold | Leave:
        day = self.anchor.date(facts.fields, at.context, at.zone)
        if day is None:
            return Hold(now + LOOK_AGAIN, self._missing(at, facts))
        until = self.anchor.instant(day, at.zone)
        if until > now:
            return Hold(until, f"waiting until {until:%Y-%m-%d %H:%M} UTC ({self.anchor.words()})")
        if until <= at.since and not at.is_waiting:
            return passing(at, Note(self.key, f"{self.anchor.words()} was already past"), to=self.else_key)
        # A date that was moved into the past, while somebody waited for it, does not move the plan there.
        planned = max(until, at.step_since)
        if self.else_key and at.is_waiting and at.due_at and until < at.due_at - MOVED:
            moved = Note(self.key, f"{self.anchor.words()} is past: the date was moved")
            return Pass(moved, planned=planned, at=now, to=self.else_key)
        return Pass(Note(self.key, f"it is {self.anchor.words()}"), planned=planned, at=now)

    def _missing(self, at: Position, facts: rules.Facts) -> str:
        value = self.anchor.value(facts.fields, at.context)
        if value is None:
            return f"waiting for {self.anchor.name}: there is no such date yet"
        return f"waiting for {self.anchor.name}: {str(value)[:40]!r} is no date"


def with_deadlines(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps, with each mail knowing the dates that end its worth.

    That is so where every way to the mail leads over a wait for or before a date (the last one counts): a reminder of
    something that has begun helps nobody.
    """
    index = {step.key: place for place, step in enumerate(steps)}
    last: dict[int, set[Anchor | None]] = {0: {None}}
    made: list[Step] = []
    for place, step in enumerate(steps):
        found = last.get(place, set())
        made.append(replace(step, anchors=_deadlines(found)) if isinstance(step, SendStep) else step)
        for target in _ways_on(step, place, index):
            last.setdefault(target, set()).update({step.anchor} if isinstance(step, DateStep) else found)
    return tuple(made)


def _deadlines(last: Collection[Anchor | None]) -> tuple[Anchor, ...]:
    before = [anchor for anchor in last if anchor is not None and anchor.offset <= timedelta(0)]
    return tuple(sorted(before, key=lambda anchor: (anchor.name, anchor.offset))) if len(before) == len(last) else ()


def _ways_on(step: Step, place: int, index: dict[str, int]) -> set[int]:
    """Places that may follow: those it names, and the next where it names none."""
    if isinstance(step, EndStep):
        return set()
    named = [getattr(step, name, "") for name in ("then_key", "else_key")]
    targets = {index[key] for key in named if key in index}
    return targets if all(named) else targets | {place + 1}
