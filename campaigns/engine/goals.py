"""What ends a run: goals and rules, and whose doing counts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lifecycle.core import rules

# What a colleague did, told to everybody of the company who is in a sequence that asks for it (running.colleagues).
COLLEAGUE_ACTED = "colleague.acted"
# Keys are this long, so what is compared with them is too.
LONGEST_KEY = 120


@dataclass(frozen=True, slots=True)
class ExitRule:
    """Ends the run when `rule` holds; `goal` is the event kind when it is a goal.

    `match`: this property of the goal's event must be what the run is about: its key (`to_key`), or the property of the
    same name that the run began with. `by_company`: a colleague's goal ends it too.
    """

    rule: rules.Rule
    reason: str
    goal: str = ""
    match: str = ""
    to_key: bool = False
    by_company: bool = False

    def needs(self) -> rules.Needs:
        needs = self.rule.needs()
        if not self.by_company:
            return needs
        return needs.merge(rules.Needs(events=(rules.EventNeed(COLLEAGUE_ACTED, since_enrollment=True),)))


@dataclass(frozen=True, slots=True)
class About:
    """What a run is about, for goals that ask: its key, and the properties it began with (or was updated to)."""

    key: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def run(cls, key: str, context: Mapping[str, Any] | None) -> "About":
        """Of a run's key and context."""
        return cls(key, (context or {}).get("event") or {})


@dataclass(frozen=True, slots=True)
class Reached:
    reason: str
    event_id: int | None = None


def reached(rule: ExitRule, facts: rules.Facts, now: datetime, about: About) -> Reached | None:
    """Whether the rule holds for a run about this, and by which event. `facts.since` is where goals count from."""
    own = _own(rule, facts, about)
    if rule.rule.matches(own, now):
        return Reached(rule.reason, _latest(own, rule.goal))
    if rule.by_company:
        theirs = _colleagues(rule, facts, about)
        if rule.rule.matches(theirs, now):
            return Reached(f"{rule.reason} by a colleague", _latest(theirs, rule.goal))
    return None


def _own(rule: ExitRule, facts: rules.Facts, about: About) -> rules.Facts:
    return _only(rule, facts, facts.events.get(rule.goal, ()), about) if rule.match else facts


def _colleagues(rule: ExitRule, facts: rules.Facts, about: About) -> rules.Facts:
    """The same person, as if they had done what their colleagues did."""
    told = [
        rules.EventFact(event.at, event.properties.get("properties") or {}, event.id)
        for event in facts.events.get(COLLEAGUE_ACTED, ())
        if event.properties.get("kind") == rule.goal
    ]
    return _only(rule, facts, told, about)


def _only(rule: ExitRule, facts: rules.Facts, events: Sequence[rules.EventFact], about: About) -> rules.Facts:
    wanted = _text(about.key if rule.to_key else about.payload.get(rule.match))
    if rule.match and wanted:  # a run that is about nothing in particular takes every goal for its own
        events = [event for event in events if _text(event.properties.get(rule.match)) == wanted]
    return replace(facts, events={**facts.events, rule.goal: events})


def _text(value: Any) -> str:
    """A value as keys are written: an order 17 and an order "17" are the same one."""
    return "" if value is None else str(value)[:LONGEST_KEY]


def _latest(facts: rules.Facts, kind: str) -> int | None:
    events = facts.events.get(kind, ()) if kind else ()
    return max(events, key=lambda event: event.at).id if events else None
