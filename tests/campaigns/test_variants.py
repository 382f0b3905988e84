from collections import Counter

import pytest

from campaigns.variants import Variant, choose

PEOPLE = range(1, 10_001)


def of(*weights: int) -> list[Variant]:
    return [Variant("abcdef"[place], weight, place) for place, weight in enumerate(weights)]


def chosen(variants: list[Variant], experiment: str = "welcome:mail-1") -> dict[int, str]:
    return {lead: choose(variants, experiment=experiment, lead_id=lead).key for lead in PEOPLE}


def test_rule_18_the_same_person_meets_the_same_variant_again() -> None:
    assert chosen(of(50, 50)) == chosen(of(50, 50))


def test_the_assignment_is_the_same_in_every_process_and_release() -> None:
    """A change of the hash would swap the mails of people in flight."""
    first = [choose(of(50, 50), experiment="welcome:mail-1", lead_id=lead).key for lead in range(1, 21)]
    assert "".join(first) == "abaabbbbaabaabbababa"


@pytest.mark.parametrize("weights", [(50, 50), (90, 10), (1, 1, 1), (70, 20, 10), (1, 0, 3), (0, 5), (32_767, 1)])
def test_shares_come_near_the_weights(weights: tuple[int, ...]) -> None:
    shares = Counter(chosen(of(*weights)).values())
    for variant in of(*weights):
        expected = variant.weight / sum(weights)
        # Four standard deviations of a fair draw.
        slack = 4 * (expected * (1 - expected) / len(PEOPLE)) ** 0.5
        assert abs(shares[variant.key] / len(PEOPLE) - expected) <= slack


def test_a_weight_of_zero_is_never_chosen() -> None:
    assert set(chosen(of(0, 1, 0, 1, 0)).values()) == {"b", "d"}


def test_experiments_do_not_know_of_each_other() -> None:
    one, other = chosen(of(50, 50), "welcome:mail-1"), chosen(of(50, 50), "welcome:mail-2")
    both = sum(one[lead] == other[lead] for lead in PEOPLE)
    assert abs(both / len(PEOPLE) - 0.5) < 0.02


def test_a_single_variant_takes_everybody() -> None:
    assert set(chosen(of(0)).values()) == {"a"}
