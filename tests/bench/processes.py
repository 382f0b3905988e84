"""The processes of a run: the sink, workers that start together, and a web server. All of them end with their block."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from django.conf import settings

PLAIN_SETTINGS = "tests.bench.plain_settings"


@contextmanager
def sink() -> Iterator[int]:
    """A running SMTP sink; its port. The product's own settings point to it, and so do those of workers."""
    command = [sys.executable, "-I", str(settings.BASE_DIR / "tests/bench/sink.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        os.environ["BENCH_SMTP_PORT"] = str(port)
        settings.MAIL["port"] = settings.EMAIL_PORT = port
        yield port


def together(jobs: Sequence[Sequence[str]]) -> tuple[float, list[dict[str, Any]]]:
    """Run `worker` processes, one per job, that start at the same moment; seconds, and what each reported."""
    with ExitStack() as stack:
        workers = [stack.enter_context(_python("worker", job)) for job in jobs]
        for worker in workers:
            _line(worker)
        began = time.perf_counter()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        reports = [json.loads(_line(worker)) for worker in workers]
        return time.perf_counter() - began, reports


def alone(role: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run one process of a role in a Django without us; what it reported."""
    with _python(role, arguments, DJANGO_SETTINGS_MODULE=PLAIN_SETTINGS) as process:
        report: dict[str, Any] = json.loads(_line(process))
        return report


@contextmanager
def _python(role: str, arguments: Sequence[str], **environ: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench", role, *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process of the run ended early, with status {process.wait(10)}")
    return line


@contextmanager
def web(application: Sequence[str], **environ: str) -> Iterator[str]:
    """Granian with an application on a free port, with two workers as `manage.py up` would start them; its address."""
    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "2"]
    listen = ["--blocking-threads", "4", "--log-level", "warning", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen([*command, *listen, *application], cwd=settings.BASE_DIR, env={**os.environ, **environ})
    try:
        _until_it_listens(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
