"""Broadcasts and their sendings over the API."""

import pytest
from rest_framework.test import APIClient

from campaigns.broadcasts import progress
from tests.campaigns import broadcasting as made
from tests.campaigns.sequences import count_queries, people
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def test_broadcasts_and_how_their_sendings_went(program: APIClient) -> None:
    leads = people(3)
    run = made.queued(segment=made.segment("readers", leads))
    made.settle(run, lead=leads[0])
    progress.count(run, now=NOON)
    (listed,) = program.get("/api/v1/broadcasts").json()["results"]
    assert (listed["slug"], listed["status"], listed["segment"], listed["crontab"]) == (
        "news",
        "scheduled",
        "readers",
        None,
    )
    (told,) = program.get("/api/v1/broadcasts/news/runs").json()["results"]
    assert (told["state"], told["recipients"], told["excluded"]) == ("sending", 3, 0)
    assert (told["counts"]["sent"], told["counts"]["ready"], told["counts"]["failed"]) == (1, 2, 0)


def test_one_that_recurs_says_when(program: APIClient) -> None:
    made.broadcast(crontab=made.crontab(day_of_week="tue", timezone="Europe/Berlin"))
    (listed,) = program.get("/api/v1/broadcasts").json()["results"]
    assert "Tuesday" in listed["crontab"]


def test_an_unknown_broadcast_is_404(program: APIClient) -> None:
    assert program.get("/api/v1/broadcasts/nothing/runs").status_code == 404


def test_queries_do_not_grow_with_the_list(program: APIClient) -> None:
    for number in range(6):
        made.broadcast(f"news-{number}", crontab=made.crontab(minute=str(number)))
    program.get("/api/v1/broadcasts")
    with count_queries() as queries:
        assert len(program.get("/api/v1/broadcasts").json()["results"]) == 6
    assert len(queries) <= 4
