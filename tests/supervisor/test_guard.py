"""The guard ends what a dead supervisor left, and only that."""

import subprocess
import sys

from lifecycle.supervisor import guard

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def test_the_list_is_what_was_added_and_not_taken_away() -> None:
    assert guard.listed(["+11\n", "+12\n", "-11\n", "+13\n"]) == {12, 13}


def test_a_group_is_ended_when_the_pipe_closes() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, start_new_session=True) as child:
        watcher = subprocess.Popen([sys.executable, guard.__file__], stdin=subprocess.PIPE, text=True)
        assert watcher.stdin
        watcher.stdin.write(f"+{child.pid}\n")
        watcher.stdin.close()
        assert child.wait(20) != 0
        assert watcher.wait(20) == 0


def test_a_deaf_child_is_killed(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(guard, "GRACE_SECONDS", 0.2)
    command = [sys.executable, "-c", DEAF]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "deaf\n"
        guard.end({child.pid})
        assert child.wait(5) == -9
