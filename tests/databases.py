"""Databases that already hold the shipped playbooks: one to share, rolled back after each test, or a copy to oneself.

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]   # shared, every test in its transaction


def test_of_threads_or_processes(own_database): ...  # a copy whose commits are real, gone afterwards
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
import pytest
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

from campaigns import composing, journeys
from campaigns.broadcasts import sending
from lifecycle.playbooks import loading
from tests.factories import NOON

_numbers = count(1)


@pytest.fixture(scope="session")
def playbooks_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> str:
    """Name of a copy of the test database with the playbooks in it; made once a process."""
    with django_db_blocker.unblock():
        plain = str(connections["default"].settings_dict["NAME"])
        name = f"{plain}_playbooks"
        copy(plain, name)
        with using(name):
            loading.load(now=NOON)
    return name


@pytest.fixture(scope="module")
def playbooks(playbooks_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """This module's tests find the playbooks in their database; each rolls back what it did."""
    with using(playbooks_database):
        yield


@pytest.fixture
def own_database(playbooks_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A copy with the playbooks for this test alone: what it commits is seen by its threads and processes."""
    name = f"{playbooks_database}_{next(_numbers)}"
    with django_db_blocker.unblock():
        copy(playbooks_database, name)
        with using(name):
            yield name
        with maintenance() as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def copy(source: str, name: str) -> None:
    """A new database like `source`. Who is still connected to that, such as a server's idle thread, is sent away."""
    connections["default"].close()
    with maintenance() as server:
        server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [source])
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        server.execute(query.format(sql.Identifier(name), sql.Identifier(source)))


@contextmanager
def using(name: str) -> Iterator[None]:
    """Django's default database is `name` meanwhile, in all threads. Nothing remembered of another database stays."""
    settings = connections["default"].settings_dict
    before = settings["NAME"]
    connections["default"].close()
    settings["NAME"] = name
    forget()
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = before
        forget()


def forget() -> None:
    """Published versions are remembered by id, which only says something within one database."""
    journeys.forget()
    composing.forget()
    sending.forget()


def maintenance() -> "psycopg.Connection[tuple[object, ...]]":
    settings = connections["default"].settings_dict
    return psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname="postgres", autocommit=True)
