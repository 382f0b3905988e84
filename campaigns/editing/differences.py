"""How two versions of a sequence differ, in words. Steps are compared by their ids."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from campaigns.exchange.writing import described
from campaigns.models import SequenceVersion
from leads.rule_fields import VOCABULARY
from lifecycle.core import rules

Kind = Literal["added", "removed", "changed", "moved"]
NAMES = {
    "entry.triggers": "Who enters",
    "entry.filters": "Only if",
    "entry.reentry": "Enters again",
    "entry.key": "Key",
    "entry.second_trigger": "A second trigger",
    "entry.grace": "Tried again for",
    "exits": "Who leaves",
    "window": "When mails may leave",
    "holdout": "Control group, %",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """`where`: a step's id, or a setting's name. `before` and `after` as written in a file; "" for nothing."""

    kind: Kind
    where: str
    before: str = ""
    after: str = ""


def differences(old: SequenceVersion | None, new: SequenceVersion) -> list[Difference]:
    """Settings first, then steps in the new version's order, then those that are gone."""
    before = described(old) if old else ({}, [])
    return list(compared(*before, *described(new)))


def compared(
    old_settings: Mapping[str, Any],
    old_steps: list[dict[str, Any]],
    new_settings: Mapping[str, Any],
    new_steps: list[dict[str, Any]],
) -> Iterator[Difference]:
    """The same for what `described` gave. Pure."""
    old_flat, new_flat = _flat(old_settings), _flat(new_settings)
    for name in dict.fromkeys([*old_flat, *new_flat]):
        before, after = _written(name, old_flat.get(name)), _written(name, new_flat.get(name))
        if before != after:
            yield Difference("changed" if before else "added", NAMES.get(name, name), before, after)
    old_by_id = {step["id"]: step for step in old_steps}
    new_by_id = {step["id"]: step for step in new_steps}
    stays = [key for key in old_by_id if key in new_by_id]
    order = [key for key in new_by_id if key in old_by_id]
    for key, step in new_by_id.items():
        was = old_by_id.get(key)
        if was is None:
            yield Difference("added", key, "", _step(step))
        elif was != step:
            yield Difference("changed", key, _step(was), _step(step))
        elif stays.index(key) != order.index(key):
            yield Difference("moved", key, _after(old_steps, key), _after(new_steps, key))
    for key, step in old_by_id.items():
        if key not in new_by_id:
            yield Difference("removed", key, _step(step), "")


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    entry = {f"entry.{name}": value for name, value in settings.get("entry", {}).items()}
    return {**entry, **{name: value for name, value in settings.items() if name != "entry"}}


def _written(name: str, value: Any) -> str:
    if value in (None, "", {}, [], 0):
        return ""
    if isinstance(value, str | int):
        return str(value)
    words = _WORDS.get(name, _yaml)
    return words(value)


def _rule(value: Any) -> str:
    """A rule as a sentence; as it is written when a draft's cannot be read."""
    try:
        return rules.parse(value, VOCABULARY, since_enrollment=True).english()
    except rules.RuleError:
        return _yaml(value)


def _entries(triggers: list[dict[str, Any]]) -> str:
    return " · ".join(_entry(given) for given in triggers)


def _entry(given: dict[str, Any]) -> str:
    if "segment" in given:
        return f"entering {given['segment']}"
    if "event" in given and set(given) <= {"event", "where"}:
        return _rule(given)
    return _yaml(given)


def _exits(exits: list[dict[str, Any]]) -> str:
    return " · ".join(_exit(given) for given in exits)


def _exit(given: dict[str, Any]) -> str:
    if "when" in given:
        return f"{given.get('reason', '')}: {_rule(given['when'])}"
    rest = {name: value for name, value in given.items() if name != "goal"}
    return f"goal {given.get('goal')}" + (f" ({_yaml(rest)})" if rest else "")


_WORDS: dict[str, Callable[[Any], str]] = {"entry.filters": _rule, "entry.triggers": _entries, "exits": _exits}


def _step(step: Mapping[str, Any]) -> str:
    branch = step.get("branch")
    if branch:
        return (
            f"branch: {_rule(branch.get('if'))}, then {branch.get('then', 'next')}, else {branch.get('else', 'next')}"
        )
    return _yaml({name: value for name, value in step.items() if name != "id"})


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1000)
    text = text.strip()
    return text[1:-1] if text.startswith("{") else text


def _after(steps: list[dict[str, Any]], key: str) -> str:
    ids = [step["id"] for step in steps]
    place = ids.index(key)
    return f"after {ids[place - 1]}" if place else "first"
