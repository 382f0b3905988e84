"""The tests' own PostgreSQL: one server a run, shared by all xdist workers, a database each, gone when they are."""

import gc
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker, blocking_manager_key

from leads import titles
from lifecycle import postgres
from lifecycle.postgres import Place
from tests.copies import TEMPLATE, copy, create, forget, using
from tests.once import FOLDER, folder, once

pytest_plugins = ["tests.smtp_server", "tests.databases", "tests.cast"]

# Nothing here survives the run, so nothing waits for the disk.
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300", "shared_buffers=128MB"]


def pytest_configure(config: pytest.Config) -> None:
    if FOLDER not in os.environ:  # the first process of the run; xdist workers inherit its choice
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="lifecycle-pg-")
        Path(os.environ[FOLDER]).chmod(0o755)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)
        shutil.rmtree(os.environ["TEST_VAR_DIR"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("REDIS_URL"):
        for item in items:
            if item.get_closest_marker("redis"):
                item.add_marker(pytest.mark.skip(reason="no REDIS_URL; .ci/run starts a Redis and sets it"))
    items.sort(key=turn)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Everything that is loaded by now stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def turn(item: pytest.Item) -> int:
    """The long ones first, so that no worker is left alone with one at the end; before them the first start.

    Others wait for that, and while one worker is at it, another can migrate.
    """
    if "first_start" in getattr(item, "fixturenames", ()):
        return 0
    return 1 if item.get_closest_marker("processes") else 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    result = yield
    if commits(item) and nextitem:
        with item.config.stash[blocking_manager_key].unblock():
            restore()
    return result


def commits(item: pytest.Item) -> bool:
    """Whether the test wrote for good, so that the next one needs another database."""
    marker = item.get_closest_marker("django_db")
    named = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    return bool(named or (marker and marker.kwargs.get("transaction")))


def restore() -> None:
    """A fresh copy in the database's place. To empty every table and fill it again takes several times as long."""
    copy(TEMPLATE, str(connections["default"].settings_dict["NAME"]))
    forget()
    ContentType.objects.clear_cache()


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, postgres_server: postgres.Server, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The test database of this process, a copy of the one migrated for the run. It ends with the server."""
    connections["default"].settings_dict["HOST"] = str(postgres_server.place.socket)
    name = f"test_lifecycle_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with django_db_blocker.unblock():
        once("migrated", migrate)
        copy(TEMPLATE, name)
    with using(name), pytest.MonkeyPatch.context() as patch:
        # Django would empty the tables after each test that commits; `restore` gives it a new database instead.
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: None)
        with django_db_blocker.unblock():
            titles.KEPT = math.inf  # read once here, so that no test counts the query
            titles.current()
        yield


def migrate() -> str:
    """Make the database that the others are copies of."""
    create(TEMPLATE)
    with using(TEMPLATE):
        call_command("migrate", interactive=False, verbosity=0)
    return TEMPLATE


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """The running server of this test run."""
    place: Place = postgres.locate(folder())
    server = postgres.Server(place, options=FAST, ephemeral=True)
    server.hold()
    yield server
    for connection in connections.all(initialized_only=True):
        connection.close()
    server.release()
