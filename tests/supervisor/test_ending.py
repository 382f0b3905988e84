"""`manage.py up`, for real: however it ends, nothing stays behind and no committed row is lost."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle import postgres
from tests.supervisor.first import install
from tests.supervisor.product import ADD_USERS, COUNT_USERS, Product, open_folder, product, python_for_anyone

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

ROOT = os.geteuid() == 0

SELECT_ONE = "from django.db import connection as c; k = c.cursor(); k.execute('SELECT 1'); print(k.fetchone())"


@pytest.fixture(scope="module")
def installation() -> Iterator[Path]:
    """One installation that the tests start, end in their way, and find whole again."""
    path = open_folder()
    install(path / "var")
    yield path / "var"
    shutil.rmtree(path, ignore_errors=True)


def test_kill_9_of_the_supervisor_leaves_no_orphan_and_loses_no_row(installation: Path) -> None:
    with product(installation, environ={"ADMIN_PASSWORD": "correct horse battery"}) as it:
        it.start()
        assert "correct horse" not in it.said()
        assert count_users(it) == 1
        it.manage("shell", "-v0", "-c", ADD_USERS)
        for part in ("bin/postgres -D", "granian", "lifecycle worker", "lifecycle beat", "guard.py"):
            assert it.pids(part), part
        it.kill()
        it.wait_gone()
        assert count_users(it) == 201


def test_kill_9_of_supervisor_and_guard_together_leaves_no_orphan(installation: Path) -> None:
    with product(installation) as it:
        it.start()
        os.kill(it.main("supervisor/guard.py"), signal.SIGKILL)
        it.kill()
        it.wait_gone()


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_it_runs_as_a_normal_user_too(folder: Path) -> None:
    if python_for_anyone() is None:
        pytest.skip("no Python here that user nobody may run with our packages")
    home = folder / "home"
    home.mkdir()
    shutil.chown(home, "nobody")
    with product(home / "new", user="nobody") as it:
        assert it.manage("shell", "-v0", "-c", SELECT_ONE) == "(1,)"
    install(home / "var", owner="nobody")
    with product(home / "var", user="nobody") as it:
        it.start()
        assert it.get("/readyz") == 200
        it.kill()
        it.wait_gone()


@pytest.mark.skipif(not ROOT, reason="a private folder is root's problem")
def test_root_may_keep_its_data_in_a_private_folder(folder: Path) -> None:
    folder.chmod(0o700)
    with product(folder / "var") as it:
        try:
            assert it.manage("shell", "-v0", "-c", SELECT_ONE) == "(1,)"
            assert not it.descendants()
        finally:
            shutil.rmtree(data_of(it), ignore_errors=True)


def data_of(it: Product) -> Path:
    return postgres.locate(it.var_dir).root


def count_users(it: Product) -> int:
    return int(it.manage("shell", "-v0", "-c", COUNT_USERS).removeprefix("users "))
