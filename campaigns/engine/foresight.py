"""What comes next for one person if nothing more happens. Pure: production's own `decide`, its clock run ahead."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.engine.deciding import Journey, decide
from campaigns.engine.steps import Decision, Leave, Position, Queue, SendStep, Stay, contract
from lifecycle.core import rules

# So many turns of waiting and sending are looked ahead; a year of weekly mails fits twice.
FARTHEST = 120


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A mail, a wait or the end that is to come. `at`: when, as far as it depends on time alone. `is_shadow`: of the
    control group, which gets no such mail if it is marketing."""

    step_key: str
    what: str
    at: datetime
    why: str = ""
    template_id: int | None = None
    is_shadow: bool = False


OpenAt = Callable[[SendStep, datetime], datetime]


def foresee(
    journey: Journey, position: Position, facts: rules.Facts, now: datetime, *, open_at: OpenAt = lambda step, at: at
) -> Iterator[Foreseen]:
    """Mails and the end of a run, in their order, if the person does nothing. `open_at`: when a mail may leave.

    Caps and the sender's limits hang on other mails and are not foreseen. An event that is waited for does not come.
    """
    at = now
    for _ in range(FARTHEST):
        decisions = decide(journey, position, facts, at)
        last = decisions[-1]
        for decision in decisions:
            if isinstance(decision, Queue):
                step = journey.step(decision.step_key)
                assert isinstance(step, SendStep)
                at = open_at(step, max(decision.due_at or at, at))
                yield Foreseen(decision.step_key, "mail", at, "", decision.template_id, decision.is_shadow)
        if isinstance(last, Leave):
            yield Foreseen(last.step_key, "end", at, last.reason)
            return
        assert isinstance(last, Stay)
        if last.until is not None and last.until <= at:
            return  # it waits for something that time alone does not bring
        due = last.until or at
        if last.until is not None and _is_open(decisions):
            yield Foreseen(last.step_key, "wait", due, last.reason)
        position = replace(
            position, step_key=last.step_key, step_since=last.step_since, is_waiting=True, due_at=due, reached=None
        )
        at = due


def _is_open(decisions: list[Decision]) -> bool:
    """Whether what is waited for may come earlier: an event, which the person decides on."""
    return isinstance(decisions[-1], contract.Stay) and "at most until" in decisions[-1].reason
