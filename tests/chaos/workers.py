"""Real worker processes that send, to be killed at will.

One process loads the product once and forks the workers, so that a new one costs milliseconds, as `kill -9` does.
Run as `python -m tests.chaos.workers DATABASE SOCKET_FOLDER SMTP_PORT`; each line on its input starts one worker and is
answered with its pid.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
CLAIM = 40


class Crew:
    """The test's end: start workers, kill them."""

    def __init__(self, forker: "subprocess.Popen[str]") -> None:
        self._forker = forker
        self.pids: list[int] = []
        self.killed = 0

    def start(self, count: int = 1) -> None:
        for _ in range(count):
            assert self._forker.stdin
            assert self._forker.stdout
            print("start", file=self._forker.stdin, flush=True)
            self.pids.append(int(self._forker.stdout.readline()))

    def kill_one(self) -> None:
        pid = self.pids.pop(random.randrange(len(self.pids)))
        os.kill(pid, signal.SIGKILL)
        self.killed += 1

    def kill_all(self) -> None:
        while self.pids:
            self.kill_one()


@contextmanager
def crew(database: dict[str, Any], smtp_port: int) -> Iterator[Crew]:
    """A crew on the database of these Django settings, sending to that port; nobody is left at the end."""
    command = [sys.executable, "-m", "tests.chaos.workers", database["NAME"], database["HOST"], str(smtp_port)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forker:
        made = Crew(forker)
        try:
            yield made
        finally:
            for pid in made.pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            forker.kill()


def serve(name: str, host: str, smtp_port: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415

    settings.DATABASES["default"].update(NAME=name, HOST=host)
    settings.MAIL = {"transport": "smtp", "host": "127.0.0.1", "port": smtp_port, "timeout": 10, "batch_size": 10}
    settings.SITE_URL = "https://crm.example.com"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            work(os.getppid())
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def work(parent: int) -> None:
    """Send what is due until nobody wants it any more."""
    from campaigns.sending import outbox  # noqa: PLC0415
    from campaigns.sending.delivery import open_transport  # noqa: PLC0415
    from tests.factories import NOON  # noqa: PLC0415

    transport = open_transport()
    while os.getppid() == parent:
        if not outbox.send(transport, now=NOON, limit=CLAIM).claimed:
            time.sleep(0.01)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
