"""The test of two proportions against published numbers, its symmetries, and the chances it promises."""

import random
from collections.abc import Callable
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core.statistics import Arm, Interval, as_json, compare, judge, wilson


@st.composite
def arms(draw: st.DrawFn, key: str = "a") -> Arm:
    people = draw(st.integers(1, 5000))
    return Arm(key, people, draw(st.integers(0, people)))


@pytest.mark.parametrize(
    ("people", "conversions", "low", "high"),
    [  # Newcombe 1998, "Interval estimation for the difference", table of single proportions, method 3
        (263, 81, 0.2553, 0.3662),
        (148, 15, 0.0624, 0.1605),
        (20, 0, 0.0, 0.1611),
        (29, 1, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(people: int, conversions: int, low: float, high: float) -> None:
    interval = wilson(Arm("a", people, conversions))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [  # Newcombe 1998, table II, method 10: 56/70 − 48/80, 9/10 − 3/10, 10/10 − 0/10
        ((80, 48), (70, 56), 0.0524, 0.3339),
        ((10, 3), (10, 9), 0.1705, 0.8090),
        ((10, 0), (10, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_as_published(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = compare(Arm("a", *first), Arm("b", *second))
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=5e-5)


def test_the_pooled_test_as_computed_by_hand() -> None:
    """20 % against 28 % of 200 each: z = 0.08 / sqrt(0.24 · 0.76 · 0.01) = 1.873."""
    assert compare(Arm("a", 200, 40), Arm("b", 200, 56)).p == pytest.approx(0.0610, abs=5e-4)


@given(arms("a"), arms("b"))
def test_swapped_arms_give_the_opposite(one: Arm, other: Arm) -> None:
    there, back = compare(one, other), compare(other, one)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.interval.low, there.interval.high) == pytest.approx((-back.interval.high, -back.interval.low))
    assert there.p == pytest.approx(back.p)


@given(arms("a"), arms("b"))
def test_failures_are_as_good_as_conversions(one: Arm, other: Arm) -> None:
    """Counting those who did not act turns the sign and nothing else."""
    negative = [Arm(arm.key, arm.people, arm.people - arm.conversions) for arm in (one, other)]
    assert compare(*negative).difference == pytest.approx(-compare(one, other).difference)
    assert compare(*negative).p == pytest.approx(compare(one, other).p, abs=1e-9)


@given(arms("a"), arms("b"))
def test_an_interval_holds_what_was_seen(one: Arm, other: Arm) -> None:
    assert inside(compare(one, other).difference, compare(one, other).interval)
    assert inside(one.rate, wilson(one))
    assert 0 <= compare(one, other).p <= 1


def inside(value: float, interval: Interval) -> bool:
    return interval.low - 1e-12 <= value <= interval.high + 1e-12


@given(st.lists(arms(), min_size=2, max_size=5), st.randoms())
def test_the_order_of_the_arms_says_nothing(given_arms: list[Arm], shuffler: random.Random) -> None:
    named = [Arm("abcde"[place], arm.people, arm.conversions) for place, arm in enumerate(given_arms)]
    mixed = list(named)
    shuffler.shuffle(mixed)
    assert judge(mixed) == judge(named)


def test_equal_arms_have_no_winner() -> None:
    found = judge([Arm("a", 500, 50), Arm("b", 500, 50)])
    assert (found.winner, found.comparison.difference, found.comparison.p) == ("", 0, 1)
    assert found.sentence.startswith("No difference shown: 10.0 % of 500 people with a, 10.0 % of 500 with b;")


def test_the_sentence_says_what_was_found() -> None:
    found = judge([Arm("a", 500, 40), Arm("b", 500, 75)])
    assert found.sentence == (
        "b wins: 15.0 % of 500 people against 8.0 % of 500 with a, "
        "7.0 points (95 % interval 3.1 to 11.0, p < 0.001) more."
    )


def test_more_arms_need_more_proof() -> None:
    """The same two arms: enough alone, not enough when the best of four is picked."""
    two = [Arm("a", 500, 40), Arm("b", 500, 60)]
    assert judge(two).winner == "b"
    assert judge([*two, Arm("c", 500, 38), Arm("d", 500, 39)]).winner == ""


def test_what_is_kept_is_plain_json() -> None:
    pair = [Arm("a", 10, 1), Arm("b", 10, 9)]
    kept = as_json(pair, judge(pair))
    assert [arm["rate"] for arm in kept["arms"]] == [0.1, 0.9]
    assert (kept["best"], kept["against"]) == ("b", "a")
    assert kept["low"] < kept["difference"] < kept["high"]


def test_nobody_at_all_is_no_error() -> None:
    assert judge([Arm("a", 0, 0), Arm("b", 0, 0)]).winner == ""


def test_one_arm_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="at least two"):
        judge([Arm("a", 10, 5)])


@pytest.mark.parametrize(("first", "second"), [(0.1, 0.1), (0.1, 0.15), (0.03, 0.05), (0.5, 0.4)])
def test_the_interval_holds_the_truth_at_its_nominal_rate(first: float, second: float) -> None:
    """Over every outcome there can be, weighed by its chance: exact, where simulated data would only come near."""
    held = chance_that(first, second, lambda one, other: inside(second - first, compare(one, other).interval))
    assert 0.94 <= held <= 0.965


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.5])
def test_without_a_difference_a_winner_is_named_in_at_most_one_of_twenty(rate: float) -> None:
    assert chance_that(rate, rate, lambda one, other: bool(judge([one, other]).winner)) <= 0.06


def chance_that(first: float, second: float, holds: Callable[[Arm, Arm], bool], people: int = 150) -> float:
    """How likely `holds` is when each of the people acts with the rate of their arm."""
    likely = [
        [(Arm(key, people, count), chance) for count, chance in enumerate(binomial(people, rate)) if chance > 1e-6]
        for key, rate in (("a", first), ("b", second))
    ]
    return sum(p * q for (one, p), (other, q) in product(*likely) if holds(one, other))


def binomial(people: int, rate: float) -> list[float]:
    return [comb(people, count) * rate**count * (1 - rate) ** (people - count) for count in range(people + 1)]


@pytest.mark.parametrize("rates", [(0.1, 0.1), (0.1, 0.12), (0.1, 0.1, 0.2)])
def test_simulated_mailings_are_judged_as_they_were_made(rates: tuple[float, ...]) -> None:
    """A winner is named seldom without a reason, and nearly always with a good one."""
    draw = random.Random(18)
    winners = [judge([simulated(draw, rate, key) for key, rate in zip("abc", rates, strict=False)]) for _ in range(300)]
    wrong = sum(bool(found.winner) and rates["abc".index(found.winner)] < max(rates) for found in winners)
    assert wrong / len(winners) <= 0.05
    if max(rates) == 0.2:
        assert sum(found.winner == "c" for found in winners) / len(winners) >= 0.9


def simulated(draw: random.Random, rate: float, key: str, people: int = 500) -> Arm:
    return Arm(key, people, sum(draw.random() < rate for _ in range(people)))
