"""Two versions of a sequence, compared by the ids of their steps."""

from typing import Any

import pytest

from campaigns.editing.differences import Difference, compared
from campaigns.editing.tombstones import merged

A, B, C = ({"id": key, "send": key} for key in "abc")
WAIT = {"id": "w", "wait": "7d"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ([A, B], [A, B], []),
        ([A], [A, B], [Difference("added", "b", "", "send: b")]),
        ([A, WAIT], [A], [Difference("removed", "w", "wait: 7d", "")]),
        ([A, WAIT], [A, {**WAIT, "wait": "3d"}], [Difference("changed", "w", "wait: 7d", "wait: 3d")]),
        (
            [A, B],
            [B, A],
            [Difference("moved", "b", "after a", "first"), Difference("moved", "a", "first", "after b")],
        ),
        ([A, B, C], [A, C], [Difference("removed", "b", "send: b", "")]),
    ],
)
def test_steps_are_compared_by_their_ids(old: list[Any], new: list[Any], said: list[Difference]) -> None:
    assert list(compared({}, old, {}, new)) == said


def test_settings_are_said_in_words() -> None:
    old = {"entry": {"triggers": [{"event": "form.submitted"}], "reentry": "never"}, "exits": []}
    customer = {"field": "stage", "op": "eq", "value": "customer"}
    new = {
        "entry": {
            "triggers": [{"event": "form.submitted"}, {"segment": "hot"}],
            "filters": customer,
            "reentry": "never",
        },
        "exits": [{"goal": "meeting.booked"}, {"when": customer, "reason": "customer"}],
    }
    said = {each.where: (each.kind, each.after) for each in compared(old, [], new, [])}
    assert said["Who enters"][1].endswith("· entering hot")
    assert said["Only if"] == ("added", "Stage is customer")
    assert said["Who leaves"] == ("added", "goal meeting.booked · customer: Stage is customer")
    assert "Enters again" not in said


@pytest.mark.parametrize(
    ("living", "histories", "order"),
    [
        ("abc", ["abc"], "abc"),
        ("ac", ["abc"], "abc"),
        ("anc", ["abc"], "abnc"),
        ("bc", ["abc"], "abc"),
        ("a", ["abc"], "abc"),
        ("ba", ["axb"], "bax"),
        ("ad", ["abd", "acd"], "acbd"),
        ("", [], ""),
    ],
)
def test_rule_22_a_tombstone_stands_behind_the_step_it_followed(living: str, histories: list[str], order: str) -> None:
    assert "".join(merged(list(living), [list(history) for history in histories])) == order
