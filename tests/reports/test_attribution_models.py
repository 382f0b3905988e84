"""The six models as tables and as laws: what is shared is the whole, to the last cent."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.reports.attribution.adding import WHOLE, shares
from lifecycle.reports.attribution.models import MODELS, Path, apportion, roles
from lifecycle.reports.attribution.paths import IS_DIRECT, TELLS_WHO, Journey, counted
from lifecycle.reports.attribution.won import Net, Refund, net

WEEK = 7 * 86_400.0
DAY = 86_400.0


def path(count: int, created: int | None = None, opportunity: int | None = None) -> Path:
    """A touch a day."""
    return Path([place * DAY for place in range(count)], created, opportunity)


@pytest.mark.parametrize(
    ("model", "given_path", "percent"),
    [
        ("first", path(3), [100, 0, 0]),
        ("last", path(3), [0, 0, 100]),
        ("linear", path(4), [25, 25, 25, 25]),
        ("position", path(2), [50, 50]),
        ("position", path(3), [40, 20, 40]),
        ("position", path(6), [40, 5, 5, 5, 5, 40]),
        ("w_shaped", path(5, 1, 3), [30, 30, 5, 30, 5]),
        ("w_shaped", path(4, 1, 3), [30, 30, 10, 30]),
        ("w_shaped", path(5, 0, 4), [60, "10/3", "10/3", "10/3", 30]),  # came by the form: two parts for one touch
        ("w_shaped", path(2, 0, 0), [90, 10]),
        ("w_shaped", path(3, 1, 2), ["100/3", "100/3", "100/3"]),  # nobody for the 10 %: the three keep thirds
        ("w_shaped", path(2, 0, 1), ["200/3", "100/3"]),
        ("w_shaped", path(4, None, 3), ["300/7", "50/7", "50/7", "300/7"]),  # no form in the path
        ("w_shaped", path(3, None, None), [75, "25/2", "25/2"]),
        ("time_decay", Path([0.0, WEEK, 2 * WEEK]), ["100/7", "200/7", "400/7"]),
        ("time_decay", Path([0.0, 0.0]), [50, 50]),
        ("time_decay", Path([0.0, 100 * WEEK]), [0, 100]),
    ],
)
def test_each_model_weighs_as_it_says(model, given_path, percent):
    weights = MODELS[model].weigh(given_path, WEEK)
    wanted = [float(Fraction(each)) for each in percent]
    assert [100 * weight / sum(weights) for weight in weights] == pytest.approx(wanted, abs=1e-6)


def test_the_last_cents_go_by_remainder_and_the_earlier_first():
    assert apportion(100, (1, 1, 1)) == [34, 33, 33]
    assert apportion(101, (1, 1, 1)) == [34, 34, 33]
    assert apportion(10, (5, 3, 1)) == [6, 3, 1]
    assert apportion(0, (1, 2)) == [0, 0]
    assert apportion(1, (0, 0, 3)) == [0, 0, 1]


def test_touches_are_told_what_they_were():
    assert roles(path(4, 1, 2)) == [
        ["first touch"], ["created the lead"], ["before the opportunity"], ["last touch"],
    ]  # fmt: skip
    assert roles(path(1, 0, 0)) == [["first touch", "created the lead", "before the opportunity", "last touch"]]


PLACES = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        st.lists(st.floats(0, 3 * 365 * DAY), min_size=count, max_size=count).map(sorted),
        st.none() | st.integers(0, count - 1),
        st.none() | st.integers(0, count - 1),
    )
)
PATHS = PLACES.map(lambda parts: Path(*parts))
ANY_MODEL = st.sampled_from(list(MODELS.values()))
HALF_LIVES = st.floats(DAY, 400 * DAY)


@given(ANY_MODEL, PATHS, HALF_LIVES, st.integers(0, 10**15))
def test_what_is_shared_is_the_whole_and_nothing_is_negative(model, given_path, half_life, amount):
    money, counts = shares(model, given_path, half_life, amount)
    assert (sum(money), sum(counts)) == (amount, WHOLE)
    assert len(money) == len(counts) == len(given_path.times)
    assert min(*money, *counts) >= 0


@given(ANY_MODEL, HALF_LIVES, st.integers(0, 10**12))
def test_a_single_touch_gets_all_in_every_model(model, half_life, amount):
    for created, opportunity in ((None, None), (0, 0), (0, None), (None, 0)):
        assert list(shares(model, Path([5.0], created, opportunity), half_life, amount)[0]) == [amount]


@given(PATHS, HALF_LIVES)
def test_time_decay_never_gives_a_later_touch_less(given_path, half_life):
    weights = MODELS["time_decay"].weigh(given_path, half_life)
    assert list(weights) == sorted(weights)
    assert weights[-1] > 0


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any))
def test_a_share_is_never_a_whole_unit_off(total, weights):
    whole = sum(weights)
    for share, weight in zip(apportion(total, weights), weights, strict=True):
        assert abs(share * whole - total * weight) < whole


# --- which touches count
def at_days(*days: float) -> Journey:
    return Journey([day * DAY for day in days], [0] * len(days))


def test_touches_after_the_conversion_or_before_the_lookback_never_count():
    journey = at_days(0, 10, 20, 30, 31)
    found = counted(journey, at=30 * DAY, became_sql=None, lookback=20 * DAY, skip_direct=False)
    assert found is not None
    assert list(found.places) == [1, 2, 3]  # both ends belong to it
    everything = counted(journey, at=30 * DAY, became_sql=None, lookback=None, skip_direct=False)
    assert everything is not None
    assert list(everything.places) == [0, 1, 2, 3]
    assert counted(at_days(31), at=30 * DAY, became_sql=None, lookback=None, skip_direct=False) is None
    assert counted(at_days(1), at=30 * DAY, became_sql=None, lookback=20 * DAY, skip_direct=False) is None


def test_the_lead_was_created_by_the_first_touch_that_tells_who_it_is():
    journey = Journey([0, DAY, 2 * DAY, 3 * DAY], [0, TELLS_WHO, TELLS_WHO, 0])
    found = counted(journey, at=4 * DAY, became_sql=2.5 * DAY, lookback=None, skip_direct=False)
    assert found is not None
    assert (found.path.created, found.path.opportunity) == (1, 2)


@pytest.mark.parametrize(("became_sql", "stands"), [(None, 2), (9.0, 2), (1.5, 1), (0.0, 0), (-1.0, None)])
def test_the_opportunity_came_with_sql_or_with_the_conversion_if_that_was_sooner(became_sql, stands):
    moment = None if became_sql is None else became_sql * DAY
    found = counted(at_days(0, 1, 2), at=3 * DAY, became_sql=moment, lookback=None, skip_direct=False)
    assert found is not None
    assert found.path.opportunity == stands


def test_direct_touches_can_be_left_out_as_long_as_there_is_another():
    journey = Journey([0, DAY, 2 * DAY, 3 * DAY], [IS_DIRECT, 0, IS_DIRECT | TELLS_WHO, IS_DIRECT])
    found = counted(journey, at=4 * DAY, became_sql=None, lookback=None, skip_direct=True)
    assert found == ([1], Path([DAY], 0, 0))
    alone = Journey([0, DAY], [IS_DIRECT, IS_DIRECT])
    kept = counted(alone, at=4 * DAY, became_sql=None, lookback=None, skip_direct=True)
    assert kept is not None
    assert list(kept.places) == [0, 1]


JOURNEYS = st.lists(st.tuples(st.floats(0, 100 * DAY), st.integers(0, 3)), max_size=12).map(
    lambda touches: Journey(*zip(*sorted(touches), strict=True)) if touches else Journey((), ())
)


@given(JOURNEYS, st.floats(0, 100 * DAY), st.none() | st.floats(0, 100 * DAY), st.none() | st.floats(0, 100 * DAY),
       st.booleans())  # fmt: skip
def test_what_counts_lies_within_and_its_parts_stand_in_it(journey, at, became_sql, lookback, skip_direct):
    found = counted(journey, at=at, became_sql=became_sql, lookback=lookback, skip_direct=skip_direct)
    within = [time for time in journey.times if time <= at and (lookback is None or time >= at - lookback)]
    if found is None:
        assert not within
        return
    assert [journey.times[place] for place in found.places] == list(found.path.times)
    assert set(found.path.times) <= set(within)
    assert skip_direct or list(found.path.times) == within
    for stands in (found.path.created, found.path.opportunity):
        assert stands is None or 0 <= stands < len(found.path.times)


# --- refunds
def test_refunds_take_back_at_most_what_was_paid():
    assert net(9_900, "EUR", [Refund(Decimal("-20"), "EUR"), Refund(Decimal("-9.50"), "")]) == Net(9_900, 2_950)
    assert net(9_900, "EUR", [Refund(Decimal("-100"), "EUR"), Refund(Decimal("-5"), "EUR")]) == Net(9_900, 9_900, 600)
    assert net(9_900, "EUR", [Refund(Decimal("-20"), "EUR"), Refund(None, "")]) == Net(9_900, 9_900)
    assert net(9_900, "EUR", [Refund(Decimal("-20"), "USD")]) == Net(9_900, foreign=1)
    first, second, failed = (Refund(Decimal(amount), "EUR") for amount in ("-99", "-99", "99"))
    assert net(9_900, "EUR", [first, failed]) == Net(9_900)
    assert net(9_900, "EUR", [first, second, failed]) == Net(9_900, 9_900), "tried again before the failure was told"
    assert net(9_900, "EUR", [Refund(None, ""), failed]) == net(9_900, "EUR", [failed]) == Net(9_900)
    assert net(980, "JPY", [Refund(Decimal("-80"), "JPY")]).left == 900
    assert net(1_500, "KWD", [Refund(Decimal("-0.250"), "KWD")]).left == 1_250


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9)))
def test_what_is_left_is_never_less_than_nothing(paid, refunds):
    told = [Refund(-Decimal(refund).scaleb(-2), "EUR") for refund in refunds]
    found = net(paid, "EUR", told)
    assert 0 <= found.left <= paid
    assert found.refunded + found.beyond == sum(refunds)


@given(ANY_MODEL, PATHS, HALF_LIVES, st.integers(1, 10**9))
def test_a_full_refund_leaves_nothing_anywhere(model, given_path, half_life, paid):
    in_parts = [Refund(Decimal("-0.01"), "EUR"), Refund(None, "")]
    left = net(paid, "EUR", in_parts).left
    assert set(shares(model, given_path, half_life, left)[0]) == {0}
