"""Drives a real `manage.py up` from outside, as a person with a terminal would."""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lifecycle.env import NAMES
from lifecycle.postgres.place import open_to_others

PROJECT = Path(__file__).resolve().parents[2]
COUNT_USERS = "from django.contrib.auth.models import User; print('users', User.objects.count())"
ADD_USERS = "from django.contrib.auth.models import User; [User.objects.create(username=f'u{i}') for i in range(200)]"
# Processors are shared with other tests, and often with other work: generous, but always an end.
READY_SECONDS = 180
PATIENCE = 45


def python_for_anyone() -> list[str] | None:
    """A Python that another user may run with our packages, as [python, PYTHONPATH]; None if there is none."""
    packages = sysconfig.get_path("purelib")
    if not open_to_others(Path(packages)):
        return None
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (Path(sys.executable).resolve(), Path("/usr/bin") / version, Path("/usr/local/bin") / version):
        if candidate.exists() and open_to_others(candidate.resolve()):
            return [str(candidate), packages]
    return None


def wait_for(
    what: str, check: Callable[[], object], seconds: float = PATIENCE, *, left: Callable[[], object] = str
) -> None:
    """Wait until it is so; past the deadline it fails and says what is `left`."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} {left()}")
        time.sleep(0.05)


def open_folder() -> Path:
    """A new folder that any user may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="lc-up-"))
    path.chmod(0o755)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """One running product in its own VAR_DIR on its own port, optionally as another user."""

    def __init__(self, var_dir: Path, *, user: str | None = None, environ: dict[str, str] | None = None):
        self.var_dir = var_dir
        self.port = free_port()
        self.user = user
        self.log = var_dir.parent / f"{var_dir.name}.log"
        kept = {
            name: value for name, value in os.environ.items() if name not in NAMES and name != "DJANGO_SETTINGS_MODULE"
        }
        self.environ = {
            **kept,
            "VAR_DIR": str(var_dir),
            "PORT": str(self.port),
            "WORKER_PROCESSES": "1",
            # Marks every descendant, whoever its parent is by then.
            "LIFECYCLE_TEST_RUN": str(var_dir),
            **(environ or {}),
        }
        self.python = sys.executable
        if user:
            found = python_for_anyone()
            assert found
            self.python, self.environ["PYTHONPATH"] = found
            self.environ["HOME"] = "/tmp"
            self.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def identity(self) -> dict[str, object]:
        return {"user": self.user, "group": self.user_group, "extra_groups": []} if self.user else {}

    @property
    def user_group(self) -> int:
        assert self.user
        return pwd.getpwnam(self.user).pw_gid

    def start(self) -> "Product":
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.python, "manage.py", "up"], cwd=PROJECT, env=self.environ, stdout=log, stderr=log, **self.identity
            )
        wait_for("Ready", self.ready_or_dead, READY_SECONDS)
        assert self.process.poll() is None, self.said()
        return self

    def ready_or_dead(self) -> bool:
        assert self.process
        return "Ready: " in self.said() or self.process.poll() is not None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def manage(self, *arguments: str) -> str:
        """What a management command prints, run beside (or without) the running product."""
        command = [self.python, "manage.py", *arguments]
        done = subprocess.run(command, cwd=PROJECT, env=self.environ, capture_output=True, text=True, **self.identity)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            return 0

    def readiness(self) -> dict[str, object]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return dict(json.load(answer))
        except (OSError, ValueError):
            return {}

    def descendants(self) -> dict[int, str]:
        """Every living process of this product by pid, found by the mark in its environment, with its command line."""
        found = {}
        mark = f"LIFECYCLE_TEST_RUN={self.var_dir}".encode()
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def wait_gone(self) -> None:
        wait_for("every process gone", lambda: not self.descendants(), left=self.descendants)

    def pids(self, part: str) -> set[int]:
        return {pid for pid, command in self.descendants().items() if part in command}

    def main(self, part: str) -> int:
        """The pid of a program that the supervisor itself started."""
        assert self.process
        for pid in self.pids(part):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if int(stat[1]) == self.process.pid:
                return pid
        raise AssertionError(f"no {part} among {self.descendants()}")

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9 of the supervisor."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        if self.process and self.process.poll() is None:
            self.kill()
        for pid in self.descendants():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def product(var_dir: Path, **choices: object) -> Iterator[Product]:
    running = Product(var_dir, **choices)  # type: ignore[arg-type]
    try:
        yield running
    finally:
        running.end()
