"""Limits hold over several web processes, cost nothing until they matter, and end with their window."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from lifecycle.api.limits import Counter, Rate
from lifecycle.api.models import ThrottleCount
from tests.api.conftest import NOON

HOUR = Rate(16, 3600)

pytestmark = pytest.mark.django_db


def passed(counters: list[Counter], hits: int, rate: Rate) -> int:
    waits = [counters[n % len(counters)].hit("form", "contact", rate, now=NOON) for n in range(hits)]
    return waits.count(None)


def test_one_process_lets_exactly_the_limit_through() -> None:
    assert passed([Counter()], 40, HOUR) == 16


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_hold_the_limit_together_but_for_an_eighth_each(processes: int) -> None:
    assert 16 <= passed([Counter() for _ in range(processes)], 100, HOUR) <= 16 + (processes - 1) * 16 // 8


@pytest.mark.parametrize("limit", [1, 3])
def test_small_limits_are_exact_over_processes(limit: int) -> None:
    assert passed([Counter(), Counter()], 20, Rate(limit, 60)) == limit


def test_ordinary_traffic_and_a_known_flood_cost_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    counter = Counter()
    with django_assert_num_queries(0):
        passed([counter], 99, Rate(800, 60))
    passed([counter], 800, Rate(800, 60))
    with django_assert_num_queries(0):
        assert passed([counter], 100, Rate(800, 60)) == 0


def test_the_wait_is_the_rest_of_the_window_and_then_it_is_over() -> None:
    counter = Counter()
    later = NOON + timedelta(minutes=45)
    assert counter.hit("form", "x", Rate(1, 3600), now=NOON) is None
    assert counter.hit("form", "x", Rate(1, 3600), now=later) == 15 * 60
    assert counter.hit("form", "x", Rate(1, 3600), now=NOON + timedelta(hours=1)) is None


def test_values_and_limits_are_apart_and_no_address_is_stored() -> None:
    counter = Counter()
    for name, value in (("a", "ada@acme.com"), ("a", "eve@acme.com"), ("b", "ada@acme.com")):
        assert counter.hit(name, value, Rate(1, 60), now=NOON) is None
    assert not any("acme" in bucket for bucket in ThrottleCount.objects.values_list("bucket", flat=True))


def test_counts_of_windows_that_are_over_are_swept() -> None:
    Counter().hit("a", "x", Rate(1, 60), now=NOON)
    Counter().hit("a", "y", Rate(1, 60), now=NOON + timedelta(hours=1))
    assert ThrottleCount.objects.count() == 1
