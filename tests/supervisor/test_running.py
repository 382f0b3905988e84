"""`manage.py up`, for real: it answers, ends, refuses what cannot work, and heals when a part of it is killed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lifecycle import postgres
from tests.supervisor.first import PAGES, FirstStart, install
from tests.supervisor.product import ADD_USERS, COUNT_USERS, PROJECT, Product, open_folder, product, wait_for

pytestmark = pytest.mark.processes

WAITING_FOR_SCHEDULE = """
    SELECT pid FROM pg_locks WHERE relation = 'django_celery_beat_periodictasks'::regclass AND NOT granted
"""


@pytest.fixture(scope="module")
def it() -> Iterator[Product]:
    """One running product for the tests that leave it running."""
    path = open_folder()
    install(path / "var")
    with product(path / "var") as running:
        yield running.start()
    shutil.rmtree(path, ignore_errors=True)


def refusal(environ: dict[str, str]) -> str:
    """What a second `up` says when it must not start."""
    command = [sys.executable, "manage.py", "up"]
    refused = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr
    return refused.stderr


def test_a_newcomer_gets_an_answering_product_and_a_login_shown_once(first_start: FirstStart) -> None:
    assert f"Ready: http://127.0.0.1:{first_start.port}/" in first_start.said
    assert "ada@example.com  password: " in first_start.said
    assert first_start.pages == dict.fromkeys(PAGES, 200)


def test_sigterm_stops_all_of_it_and_commands_still_work(first_start: FirstStart) -> None:
    assert first_start.code == 0
    # A command brings the database up for as long as it runs.
    assert first_start.users == "users 1"
    assert first_start.left == []


def test_a_second_one_on_the_same_folder_is_refused(it: Product) -> None:
    assert "already running" in refusal(it.environ)
    assert it.get("/healthz") == 200


def test_a_taken_port_is_named(it: Product, folder: Path) -> None:
    said = refusal({**it.environ, "VAR_DIR": str(folder / "var")})
    assert str(it.port) in said
    assert "PORT" in said


@pytest.mark.parametrize("part", ["granian", "lifecycle worker", "lifecycle beat", "guard.py"])
def test_a_killed_child_comes_back_and_its_own_children_do_not_stay(it: Product, part: str) -> None:
    before = it.pids(part)
    os.kill(it.main(part), signal.SIGKILL)
    wait_for(f"{part} in new processes alone", lambda: it.pids(part) and not it.pids(part) & before)
    wait_for("the web", lambda: it.get("/healthz") == 200)
    seen = it.readiness().get("engine_last_tick")
    wait_for("a later tick", lambda: it.readiness().get("engine_last_tick") not in (seen, None))


def test_the_clock_ends_at_once_though_it_is_asked_in_the_middle_of_a_query(it: Product) -> None:
    host = str(postgres.locate(it.var_dir).socket)
    with psycopg.connect(host=host, user="lifecycle", dbname="lifecycle", autocommit=True) as connection:
        beat = it.main("lifecycle beat")
        with connection.transaction():
            connection.execute("LOCK TABLE django_celery_beat_periodictasks")
            wait_for("a query that waits", lambda: connection.execute(WAITING_FOR_SCHEDULE).fetchall())
            os.kill(beat, signal.SIGTERM)
            wait_for("its end", lambda: beat not in it.pids("lifecycle beat"))
    wait_for("another one", lambda: it.pids("lifecycle beat"))


def test_a_killed_database_comes_back_with_every_committed_row(it: Product) -> None:
    it.manage("shell", "-v0", "-c", ADD_USERS)
    [postmaster] = it.pids("bin/postgres -D")
    os.kill(postmaster, signal.SIGKILL)
    wait_for("another postmaster", lambda: it.pids("bin/postgres -D") - {postmaster})
    wait_for("readiness", lambda: it.get("/readyz") == 200)
    assert it.manage("shell", "-v0", "-c", COUNT_USERS) == "users 201"
