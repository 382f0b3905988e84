"""What publishing would do to somebody in flight, at once. Pure: the same `placed` and `decide` as the real move."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from campaigns.editing.placing import is_past, placed
from campaigns.engine.deciding import Journey, decide, exit_of
from campaigns.engine.goals import About
from campaigns.engine.steps import Leave, Note, Position, Queue, TombstoneStep
from lifecycle.core import rules

Kind = Literal["mail", "exit", "skip", "wait", "stay"]


@dataclass(frozen=True, slots=True)
class Effect:
    """mail: the step `step` sends now. exit: the run ends. skip: goes on past a step that is gone, without a mail.
    wait: only waits, in the new version. stay: is past the chosen step and stays on the old version."""

    kind: Kind
    step: str = ""
    reason: str = ""


def effect_of(
    old: Journey,
    new: Journey,
    at: Position,
    facts: rules.Facts,
    now: datetime,
    *,
    not_past: str | None = None,
    had: frozenset[str] = frozenset(),
) -> Effect:
    """What moving a run from `old` to `new` does at once. `had`: steps whose mail it has in the outbox or was sent."""
    after = placed(old, new, at, now)
    if is_past(new, after.step_key, not_past):
        return Effect("stay", after.step_key, f"is past {not_past}")
    leave = exit_of(new, facts, now, About.run(at.key, at.context))
    if leave is not None:
        return Effect("exit", after.step_key, leave.reason)
    was_removed = after.step_key != at.step_key or isinstance(new.step(after.step_key), TombstoneStep)
    if not was_removed and (after.due_at is None or after.due_at > now):
        return Effect("wait", after.step_key)
    return _soon(new, after, facts, now, had, was_removed=was_removed)


def _soon(
    new: Journey, at: Position, facts: rules.Facts, now: datetime, had: frozenset[str], *, was_removed: bool
) -> Effect:
    passed = was_removed
    while True:
        decisions = decide(new, at, facts, now)
        passed |= any(isinstance(each, Note) for each in decisions)
        mail = next((each for each in decisions if isinstance(each, Queue) and not each.is_shadow), None)
        if mail is None or mail.step_key not in had:
            break
        # It had this mail in this run: the outbox does not take it again, and the run goes on at once.
        at = replace(at, step_key=mail.step_key, is_waiting=True, due_at=now)
    if mail is not None:
        return Effect("mail", mail.step_key, mail.reason)
    last = decisions[-1]
    if isinstance(last, Leave):
        return Effect("exit", last.step_key, last.reason)
    return Effect("skip" if passed else "wait", last.step_key)
