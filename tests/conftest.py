"""The tests' own PostgreSQL: one server a run, shared by all xdist workers, a database each, gone when they are."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections

from lifecycle import postgres
from lifecycle.postgres import Place

pytest_plugins = ["tests.smtp_server", "tests.databases", "tests.cast"]

FOLDER = "TEST_POSTGRES_FOLDER"
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
    # The long ones first, so that no worker is left alone with one at the end.
    items.sort(key=lambda item: item.get_closest_marker("processes") is None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """The running server of this test run."""
    place: Place = postgres.locate(Path(os.environ[FOLDER]))
    server = postgres.Server(place, options=FAST, ephemeral=True)
    server.hold()
    yield server
    for connection in connections.all(initialized_only=True):
        connection.close()
    server.release()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, postgres_server: postgres.Server
) -> None:
    connections["default"].settings_dict["HOST"] = str(postgres_server.place.socket)
