from dataclasses import dataclass

import pytest

from leads import stages
from leads.models.lead import Stage


@dataclass(frozen=True)
class Rule:
    to: str
    from_stages: frozenset[str]


def test_every_stage_has_its_arrows():
    assert set(stages.ARROWS) == set(Stage.values)


@pytest.mark.parametrize(
    ("before", "after", "legal"),
    [
        ("cold", "mql", True),
        ("mql", "sql", True),
        ("sql", "customer", True),
        ("customer", "former", True),
        ("former", "sql", True),
        ("sql", "recycled", True),
        ("customer", "mql", False),
        ("customer", "cold", False),
        ("cold", "former", True),
        ("cold", "cold", False),
    ],
)
def test_legal_arrows(before, after, legal):
    assert stages.may_move(before, after) is legal


def test_an_illegal_move_says_where_the_lead_can_go():
    with pytest.raises(stages.IllegalMove, match="from customer it can go to former"):
        stages.check("customer", "mql")


def test_the_first_rule_that_holds_wins_and_illegal_ones_never_do():
    everywhere = frozenset(Stage.values)
    rules = [
        Rule("cold", everywhere),
        Rule("former", frozenset({"customer"})),
        Rule("mql", frozenset({"sql"})),
        Rule("sql", everywhere),
    ]
    assert stages.first_move("cold", rules, lambda rule: True) is rules[3]
    assert stages.first_move("customer", rules, lambda rule: True) is rules[1]
    assert stages.first_move("cold", rules, lambda rule: False) is None
