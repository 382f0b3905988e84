"""Journeys, positions and facts for the pure tests of campaigns: no database, one line each."""

from datetime import UTC, datetime, timedelta
from typing import Any

from campaigns.engine.deciding import Journey, Trigger
from campaigns.engine.goals import ExitRule
from campaigns.engine.steps import BranchStep, EventStep, Position, SendStep, Step
from campaigns.engine.variants import Variant
from leads.rule_fields import VOCABULARY
from lifecycle.core import rules

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""

HOT = {"field": "temperature", "op": "eq", "value": "hot"}
CUSTOMER = {"field": "stage", "op": "eq", "value": "customer"}


def rule(data: dict[str, Any]) -> rules.Rule:
    return rules.parse(data, VOCABULARY, since_enrollment=True)


def happened(kind: str) -> rules.Rule:
    return rule({"event": kind, "since": "enrollment"})


def send(key: str) -> SendStep:
    return SendStep(key, (Variant("", 1, 7),), experiment=f"test:{key}")


def until(key: str, kind: str, at_most: timedelta, then: str = "", otherwise: str = "") -> EventStep:
    return EventStep(key, happened(kind), kind, at_most, then, otherwise)


def branch(key: str, data: dict[str, Any], then: str = "", otherwise: str = "") -> BranchStep:
    return BranchStep(key, rule(data), then, otherwise)


def goal(kind: str) -> ExitRule:
    return ExitRule(happened(kind), f"goal: {kind}", goal=kind)


def journey(*steps: Step, **changes: Any) -> Journey:
    """A live version of one sequence; `filters` as data, everything else as the engine has it."""
    values: dict[str, Any] = {
        "version_id": 1,
        "sequence_id": 1,
        "sequence": "welcome",
        "group_id": None,
        "priority": 0,
        "triggers": (Trigger("form.submitted"),),
        "reentry": "never",
        "reentry_after": None,
        "key_property": "",
        "second_trigger": "ignore",
        "exits": (),
        "entry_needs": rules.Needs(),
        "exit_needs": rules.Needs(),
        "step_needs": rules.Needs(),
        **changes,
    }
    values["filters"] = rule(values.get("filters", {}))
    index = {step.key: place for place, step in enumerate(steps)}
    return Journey(steps=steps, index=index, **values)


def position(step_key: str, **changes: Any) -> Position:
    """Somebody who reached the step just now."""
    values: dict[str, Any] = {
        "enrollment_id": 3,
        "lead_id": 5,
        "step_since": NOON,
        "is_waiting": False,
        "due_at": NOON,
        "enrolled_at": NOON,
        **changes,
    }
    return Position(step_key=step_key, **values)


def facts(*events: tuple[str, datetime], since: datetime | None = NOON, **fields: Any) -> rules.Facts:
    """A cold lead, and what happened: (kind, when) pairs whose ids count from 1."""
    by_kind: dict[str, list[rules.EventFact]] = {}
    for number, (kind, at) in enumerate(events, start=1):
        by_kind.setdefault(kind, []).append(rules.EventFact(at, {}, number))
    return rules.Facts({"temperature": "cold", "stage": "mql", **fields}, by_kind, since)
