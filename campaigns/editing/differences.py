"""How two versions of a sequence differ, in words. Steps are compared by their ids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from campaigns.exchange.writing import described
from campaigns.models import SequenceVersion

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
        before, after = _written(old_flat.get(name)), _written(new_flat.get(name))
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


def _written(value: Any) -> str:
    if value in (None, "", {}, [], 0):
        return ""
    return str(value) if isinstance(value, str | int) else _yaml(value)


def _step(step: Mapping[str, Any]) -> str:
    return _yaml({name: value for name, value in step.items() if name != "id"})


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1000)
    return text.strip().removeprefix("{").removesuffix("}")


def _after(steps: list[dict[str, Any]], key: str) -> str:
    ids = [step["id"] for step in steps]
    place = ids.index(key)
    return f"after {ids[place - 1]}" if place else "first"
