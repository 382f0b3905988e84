"""The supervisor's life: prepare, start, watch, stop."""

import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

import structlog
from django.conf import settings
from django.db import OperationalError, connection, connections

from lifecycle import postgres
from lifecycle.supervisor.children import Child, Guard
from lifecycle.supervisor.preparation import Login, prepare

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.2
ASK_EVERY = 0.5
DATABASE_WAIT = 60.0
SAY_NOT_READY_AFTER = 30.0


class Refused(Exception):
    """`up` cannot start; the message says what to do."""


def up(*, out: TextIO, now: datetime) -> None:
    """Run the product until SIGINT or SIGTERM; Refused or postgres.Unavailable if it cannot start."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with alone(settings.VAR_DIR / "up.lock"):
        check_port(settings.ENVIRONMENT.host, settings.ENVIRONMENT.port)
        with database() as server:
            login = prepare(now)
            connections.close_all()
            if not stop.is_set():
                Supervisor(server, login, began=now, out=out).run(stop)
            out.write("Stopped.\n")
            out.flush()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Refuse a second supervisor on the same VAR_DIR; the kernel forgets the lock with its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refused(f"It is already running on {path.parent}: stop it, or set another VAR_DIR and PORT.") from None
    try:
        yield
    finally:
        os.close(handle)


def check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            raise Refused(f"Cannot listen on {host}:{port} ({problem.strerror}): set another PORT.") from problem


@contextmanager
def database() -> Iterator[postgres.Server | None]:
    """The embedded server, or patience until the given one answers."""
    if settings.EMBEDDED_POSTGRES:
        with postgres.running(settings.EMBEDDED_POSTGRES) as server:
            yield server
        return
    deadline = time.monotonic() + DATABASE_WAIT
    while True:
        try:
            connection.ensure_connection()
            break
        except OperationalError as problem:
            if time.monotonic() > deadline:
                raise Refused(f"The database of DATABASE_URL does not answer: {problem}") from problem
            time.sleep(1)
    yield None


def programs() -> list[Child]:
    """Web, worker and beat, in the order in which they start."""
    environment = settings.ENVIRONMENT
    python, celery = [sys.executable, "-m"], ["celery", "--quiet", "--app", "lifecycle"]
    web = ["granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--respawn-failed-workers"]
    address = ["--host", environment.host, "--port", str(environment.port)]
    threads = ["--blocking-threads", str(environment.web_threads), "--log-level", "warning"]
    # Prefork, because only its time limits end a task that hangs.
    pool = ["--pool", "prefork", "--concurrency", str(environment.worker_processes)]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    pidfile = ["--pidfile", ""]  # the supervisor knows; a stale file would only get in the way
    return [
        Child("web", [*python, *web, *address, *threads, "lifecycle.wsgi:application"], stop_seconds=10),
        Child("worker", [*python, *celery, "worker", *pool, *quiet], stop_seconds=20),
        Child("beat", [*python, *celery, "beat", *pidfile], stop_seconds=10),
    ]


class Supervisor:
    """Keeps the programs running until told to stop, and says once when all of it answers."""

    def __init__(self, server: postgres.Server | None, login: Login, *, began: datetime, out: TextIO):
        self.server = server
        self.began = began
        self.login = login
        self.out = out
        self.children = programs()
        self.guard = Guard()
        self.started_at = time.monotonic()
        self.asked_at = 0.0
        self.said_ready = False
        self.said_waiting = False

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self.look()
                stop.wait(LOOK_EVERY)
        finally:
            self.stop()
            self.guard.close()

    def stop(self) -> None:
        """No new ticks, then no new requests, then the tasks that run; the database is left last, by our caller."""
        for name in ("beat", "web", "worker"):
            self.child(name).ask_to_stop()
        for child in self.children:
            child.see_off(self.guard)

    def child(self, name: str) -> Child:
        return next(child for child in self.children if child.name == name)

    def look(self) -> None:
        """Bring back what is missing, and greet when everything works."""
        self.guard.check()
        if self.server and self.server.pid() is None and self.server.ensure():
            log.warning("postgres.restarted")
        for child in self.children:
            child.buried(self.guard)
            if child.may_start():
                child.start(self.guard, cwd=settings.BASE_DIR, environ=child_environment())
        if not self.said_ready and time.monotonic() - self.asked_at > ASK_EVERY:
            self.asked_at = time.monotonic()
            self.greet()

    def greet(self) -> None:
        problem = self.problem()
        if not problem:
            self.said_ready = True
            self.say(greeting(self.login))
        elif not self.said_waiting and time.monotonic() - self.started_at > SAY_NOT_READY_AFTER:
            self.said_waiting = True
            self.say(f"Not ready yet: {problem}\n")

    def problem(self) -> str:
        """Why the product does not answer as a whole; empty when it does. Its tick proves beat, broker and worker."""
        host = settings.ENVIRONMENT.host
        reachable = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host  # noqa: S104
        try:
            with urllib.request.urlopen(f"http://{reachable}:{settings.ENVIRONMENT.port}/readyz", timeout=5) as answer:
                ticked = json.load(answer)["engine_last_tick"]
                return "" if datetime.fromisoformat(ticked) > self.began else "the worker has not run a job yet"
        except urllib.error.HTTPError as refusal:
            return refusal.read(2000).decode(errors="replace")
        except OSError as problem:
            return f"the web server does not answer ({problem})"

    def say(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()


def child_environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "lifecycle.settings", "PYTHONUNBUFFERED": "1"}


def greeting(login: Login) -> str:
    """The lines a newcomer waits for; the generated password is shown this one time."""
    if login.generated_password:
        access = f"{login.username}  password: {login.generated_password}  (shown once)"
    else:
        access = f"{login.username}  (password as set before)"
    address = f"http://{settings.ENVIRONMENT.host}:{settings.ENVIRONMENT.port}/"
    return f"Ready: {address}\nAdmin: {address}admin/  {access}\n"
