"""Where somebody who entered back then would stand now. Pure: the steps' own `decide` walks through the past."""

from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.engine.deciding import LONGEST_WALK, Journey
from campaigns.engine.steps import Hold, Leave, Position, SendStep
from campaigns.engine.triggers import Start
from lifecycle.core import rules


@dataclass(frozen=True, slots=True)
class Elapsed:
    """`start` None: they would have gone through all of it. `skipped`: steps whose mails they do not get any more."""

    start: Start | None
    skipped: tuple[str, ...] = ()


def elapsed(journey: Journey, at: Position, facts: rules.Facts, now: datetime) -> Elapsed:
    """Walk from `at`, the first step at the time of the entry, as far as plain time has led until `now`.

    Mails of the past are skipped and what other steps would have done is left undone; branches and waits for events
    see the person as they are.
    """
    skipped: list[str] = []
    for _ in range(LONGEST_WALK):
        step = journey.step(at.step_key)
        if step is None:
            return Elapsed(None, tuple(skipped))
        outcome = step.decide(at, facts, now)
        if isinstance(outcome, Leave):
            return Elapsed(None, tuple(skipped))
        if isinstance(outcome, Hold) and isinstance(step, SendStep):
            if at.step_since >= now:
                return Elapsed(Start(at.step_key, at.step_since, at.enrolled_at), tuple(skipped))
            skipped.append(step.key)
            at = _on(journey, at, at.step_since)
        elif isinstance(outcome, Hold):
            return Elapsed(Start(at.step_key, at.step_since, at.enrolled_at), tuple(skipped))
        else:
            at = _on(journey, at, outcome.planned, outcome.to)
    return Elapsed(None, tuple(skipped))


def _on(journey: Journey, at: Position, since: datetime, to: str = "") -> Position:
    return replace(
        at,
        step_key=to or journey.after(at.step_key),
        step_since=since,
        reached=None,
        is_waiting=False,
        due_at=None,
    )
