from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.engine.variants import Variant, choice, choose, is_held_out

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


@given(st.integers(1, 10**9), st.lists(st.integers(0, 100), min_size=2, max_size=6).filter(any), st.data())
def test_rule_18_what_was_met_outlives_weights_and_promotions(
    lead: int, weights: list[int], data: st.DataObject
) -> None:
    keys = [variant.key for variant in of(*weights)]
    met, promoted = data.draw(st.sampled_from(keys)), data.draw(st.sampled_from([*keys, "gone", ""]))
    found = choice(of(*weights), experiment="x", lead_id=lead, met=met, promoted=promoted)
    assert found.variant.key == met
    assert found.reason == f"experiment: variant {met}, met before"


@given(st.integers(1, 10**9), st.sampled_from(["", "gone"]))
def test_rule_18_a_variant_that_is_gone_is_no_ones(lead: int, gone: str) -> None:
    anew = choice(of(50, 50), experiment="x", lead_id=lead, met=gone, promoted=gone)
    assert anew.variant == choose(of(50, 50), experiment="x", lead_id=lead)


def test_rule_20_new_people_get_what_was_promoted() -> None:
    found = choice(of(50, 50), experiment="x", lead_id=1, promoted="b")
    assert (found.variant.key, found.reason) == ("b", "experiment: variant b, promoted")


@pytest.mark.parametrize("percent", [0, 1, 10, 50])
def test_rule_19_the_share_held_out_comes_near_its_percent(percent: int) -> None:
    held = sum(is_held_out(sequence="welcome", lead_id=lead, percent=percent) for lead in PEOPLE) / len(PEOPLE)
    assert abs(held - percent / 100) <= 4 * (percent / 100 * (1 - percent / 100) / len(PEOPLE)) ** 0.5


@given(st.integers(1, 10**9), st.integers(0, 50), st.integers(0, 50))
def test_rule_19_a_greater_share_keeps_those_who_were_held_out(lead: int, one: int, other: int) -> None:
    smaller, greater = sorted((one, other))
    if is_held_out(sequence="welcome", lead_id=lead, percent=smaller):
        assert is_held_out(sequence="welcome", lead_id=lead, percent=greater)
