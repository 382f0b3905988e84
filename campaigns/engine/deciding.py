"""What happens next to a person in a sequence. Pure: no query, no clock, no settings.

Production, rehearsal, tests and explanations all run `decide`; every decision names its reason.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from campaigns.engine import variants
from campaigns.engine.goals import About, ExitRule, reached
from campaigns.engine.steps import (
    Decision,
    Effect,
    Hold,
    Leave,
    Pass,
    Position,
    SendStep,
    SetField,
    SetStep,
    Stay,
    Step,
)
from campaigns.engine.windows import Window
from lifecycle.core import rules

# A published graph only runs forward, so this is reached by damaged data alone.
LONGEST_WALK = 500
NOTHING = About()
ALL_LOTS = (0, 100)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What enrols: an event kind with a test of its properties, entering a segment, or a date that comes near.

    `updates_only`: it enrols nobody, its payload joins the run that is active. `resumes`: it begins no run of its own,
    but goes on with one that this goal ended within `resumes_within`.
    """

    event_kind: str
    where: rules.Rule | None = None
    segment: str = ""
    updates_only: bool = False
    date_field: str = ""
    offset: timedelta = timedelta()
    resumes: str = ""
    resumes_within: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Journey:
    """A published version of a sequence, ready to decide on.

    `entry_needs`, `exit_needs`, `step_needs` and `send_needs` say which facts to load for entries, exits and each look
    at a run, steps, and the dates of mails about to leave.
    """

    version_id: int
    sequence_id: int
    sequence: str
    group_id: int | None
    priority: int
    triggers: tuple[Trigger, ...]
    filters: rules.Rule
    reentry: str
    reentry_after: timedelta | None
    key_property: str
    second_trigger: str
    exits: tuple[ExitRule, ...]
    steps: tuple[Step, ...]
    entry_needs: rules.Needs
    exit_needs: rules.Needs
    step_needs: rules.Needs
    index: dict[str, int] = field(default_factory=dict, compare=False, hash=False)
    grace: timedelta = timedelta()
    holdout_percent: int = 0
    window: Window | None = None
    send_needs: rules.Needs = field(default_factory=rules.Needs)
    status: str = "live"  # of the sequence: live, paused, frozen or draining
    # While a canary version is tried, who draws such a lot enters this version: from the first up to the second.
    lots: tuple[int, int] = ALL_LOTS
    lottery: str = ""

    def step(self, key: str) -> Step | None:
        position = self.index.get(key)
        return None if position is None else self.steps[position]

    def after(self, key: str) -> str:
        """Key of the step after `key`, '' at the end."""
        position = self.index[key] + 1
        return self.steps[position].key if position < len(self.steps) else ""

    def takes(self, lead_id: int) -> bool:
        """Whether the lead enters this version, and not the other one of its sequence."""
        if self.lots == ALL_LOTS:
            return True
        return self.lots[0] <= variants.lot(self.lottery, lead_id=lead_id) < self.lots[1]

    @property
    def has_variants(self) -> bool:
        """Whether a step has several mails to choose from, so that it matters who met which before."""
        return any(isinstance(step, SendStep) and len(step.variants) > 1 for step in self.steps)

    @property
    def windows(self) -> "set[Window | None]":
        """When its mails may leave."""
        return {step.window for step in self.steps if isinstance(step, SendStep)}

    def sets(self, name: str) -> bool:
        """Whether a step sets this field."""
        return any(isinstance(step, SetStep) and step.field == name for step in self.steps)

    @property
    def asks_payload(self) -> bool:
        """Whether an exit compares what a run began with."""
        return any(rule.match and not rule.to_key for rule in self.exits)

    @property
    def may_wait(self) -> bool:
        """Whether somebody whose filters do not hold yet is tried again."""
        return bool(self.grace and (self.entry_needs.fields or self.entry_needs.events))

    @property
    def first(self) -> str:
        return self.steps[0].key if self.steps else ""


def exit_of(journey: Journey, facts: rules.Facts, now: datetime, about: About = NOTHING) -> Leave | None:
    """The first exit rule that holds for a run about this, as a decision; None to go on.

    `facts.since` is where goals count from.
    """
    for rule in journey.exits:
        end = reached(rule, facts, now, about)
        if end is not None:
            return Leave("", end.reason, end.event_id)
    return None


def decide(journey: Journey, position: Position, facts: rules.Facts, now: datetime) -> list[Decision]:
    """Walk from `position` as far as it goes at `now`.

    Returns effects in order, closed by exactly one `Stay` (where it now waits) or `Leave` (how the run ended).
    """
    leave = exit_of(journey, facts, now, About.run(position.key, position.context))
    if leave is not None:
        return [replace(leave, step_key=position.step_key)]
    decisions: list[Decision] = []
    for _ in range(LONGEST_WALK):
        step = journey.step(position.step_key)
        if step is None:
            return [*decisions, Leave(position.step_key, "completed")]
        outcome = step.decide(position, facts, now)
        if isinstance(outcome, Leave):
            return [*decisions, outcome]
        if isinstance(outcome, Hold):
            effects = [outcome.effect] if outcome.effect else []
            since = outcome.since or position.step_since
            return [*decisions, *effects, Stay(step.key, since, outcome.until, outcome.reason)]
        decisions.append(outcome.effect)
        position, facts = _moved(journey, position, outcome), _after(facts, outcome.effect)
    return [*decisions, Leave(position.step_key, "failed: the steps run in a circle")]


def _after(facts: rules.Facts, effect: Effect) -> rules.Facts:
    """What the next step sees: a field that was just set has its new value, though it is written only later."""
    if not isinstance(effect, SetField):
        return facts
    name, _, attribute = effect.field.partition(".")
    value = {**(facts.fields.get(name) or {}), attribute: effect.value} if attribute else effect.value
    return replace(facts, fields={**facts.fields, name: value})


def _moved(journey: Journey, position: Position, outcome: Pass) -> Position:
    target = outcome.to or journey.after(position.step_key)
    return replace(
        position, step_key=target, step_since=outcome.planned, reached=outcome.at, is_waiting=False, due_at=None
    )
