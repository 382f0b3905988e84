"""The embedded server: shared while anyone uses it, gone with its last user, started again over whatever was left."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lifecycle import postgres
from lifecycle.postgres.place import SOCKET_NAME, SOCKET_PATH_LIMIT
from tests.supervisor.product import wait_for

pytestmark = pytest.mark.processes

HOLD_UNTIL_KILLED = """
import pathlib, sys, signal
from lifecycle import postgres
server = postgres.Server(postgres.locate(pathlib.Path(sys.argv[1])), options=["fsync=off"])
server.hold()
print("up", flush=True)
signal.pause()
"""


@pytest.fixture
def place() -> Iterator[postgres.Place]:
    folder = Path(tempfile.mkdtemp(prefix="lc-pg-"))
    folder.chmod(0o755)
    yield postgres.locate(folder)
    shutil.rmtree(folder, ignore_errors=True)


def ask(place: postgres.Place, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(host=str(place.socket), user="lifecycle", dbname="lifecycle", autocommit=True) as connection:
        answer = connection.execute(query)  # type: ignore[arg-type]
        return answer.fetchall() if answer.description else []


def fast(place: postgres.Place) -> postgres.Server:
    return postgres.Server(place, options=["fsync=off"])


def test_it_is_there_for_its_users_and_gone_after_the_last(place: postgres.Place) -> None:
    first, second = fast(place), fast(place)
    first.hold()
    pid = first.pid()
    second.hold()
    assert second.pid() == pid
    ask(place, "CREATE TABLE kept (n int)")
    first.release()
    assert ask(place, "SELECT count(*) FROM kept") == [(0,)]
    second.release()
    assert second.pid() is None
    assert not second.answers()


def test_rows_are_there_the_next_time(place: postgres.Place) -> None:
    with postgres.running(place):
        ask(place, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    with postgres.running(place):
        assert ask(place, "SELECT count(*) FROM kept") == [(1000,)]


def test_it_ends_when_its_only_user_is_killed(place: postgres.Place) -> None:
    command = [sys.executable, "-c", HOLD_UNTIL_KILLED, str(place.root.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout
        assert user.stdout.readline() == "up\n"
        server = fast(place)
        pid = server.pid()
        assert pid
        user.kill()
    wait_for("the server's end", lambda: not Path(f"/proc/{pid}").exists())
    # And its data is sound.
    with postgres.running(place):
        assert ask(place, "SELECT 1") == [(1,)]


def test_a_killed_server_is_started_again_over_its_remains(place: postgres.Place) -> None:
    server = fast(place)
    server.hold()
    ask(place, "CREATE TABLE kept AS SELECT 1 AS n")
    pid = server.pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_for("its death", lambda: server.pid() is None)
    assert (place.data / "postmaster.pid").exists()
    assert server.ensure()
    assert ask(place, "SELECT n FROM kept") == [(1,)]
    server.release()


def test_a_pid_file_that_names_a_stranger_is_swept_away(place: postgres.Place) -> None:
    with postgres.running(place):
        pass
    # After a restart of the machine, the number may belong to anyone: here, to this test.
    (place.data / "postmaster.pid").write_text(f"{os.getpid()}\n{place.data}\n0\n5432\n{place.socket}\n\n\n")
    with postgres.running(place) as server:
        assert server.pid() != os.getpid()
        assert ask(place, "SELECT 1") == [(1,)]


def test_a_live_server_that_lost_its_socket_is_replaced(place: postgres.Place) -> None:
    server = fast(place)
    server.hold()
    pid = server.pid()
    (place.socket / SOCKET_NAME).unlink()
    assert server.ensure()
    assert server.pid() != pid
    assert ask(place, "SELECT 1") == [(1,)]
    server.release()


def test_an_interrupted_first_start_is_begun_again(place: postgres.Place) -> None:
    (place.root / "data.new").mkdir(parents=True)
    (place.root / "data.new" / "half").touch()
    with postgres.running(place):
        assert ask(place, "SELECT 1") == [(1,)]


def test_data_of_another_version_is_refused_with_advice(place: postgres.Place) -> None:
    place.data.mkdir(parents=True)
    (place.data / "PG_VERSION").write_text("15\n")
    server = fast(place)
    with pytest.raises(postgres.Unavailable, match="made by PostgreSQL 15"):
        server.hold()
    server.release()


def test_a_long_folder_gets_a_short_socket(tmp_path: Path) -> None:
    place = postgres.locate(tmp_path / ("long" * 30))
    assert len(str(place.socket / SOCKET_NAME)) <= SOCKET_PATH_LIMIT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root meets it")
def test_root_keeps_data_where_the_servers_user_can_reach_it() -> None:
    private = Path(tempfile.mkdtemp(prefix="lc-private-"))
    try:
        assert private not in postgres.locate(private).root.parents
        private.chmod(0o755)
        assert private in postgres.locate(private).root.parents
    finally:
        private.rmdir()
