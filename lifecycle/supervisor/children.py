"""The processes under supervision: started apart, never left behind, brought back with a growing pause."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from lifecycle.supervisor import guard

log = structlog.get_logger(__name__)

PR_SET_PDEATHSIG = 1
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
# A child that ran this long is considered healthy again.
STEADY_SECONDS = 60.0


def terminate_with_parent() -> Callable[[], None] | None:
    """A hook for the child before exec: SIGTERM when the supervisor dies. Linux only; the guard covers the rest."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) and None


class Guard:
    """The process that ends the children of a supervisor that was killed."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process = self._spawn()

    def add(self, group: int) -> None:
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def discard(self, group: int) -> None:
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def check(self) -> None:
        """Replace a guard that was killed."""
        if self._process.poll() is not None:
            self._process = self._spawn()

    def close(self) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _spawn(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-I", "-S", guard.__file__]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
        self._process = process
        for group in sorted(self._groups):
            self._tell(f"+{group}\n")
        return process

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # check() replaces it and tells it everything
            self._process.stdin.write(line)
            self._process.stdin.flush()


@dataclass
class Child:
    """One supervised program, in a session of its own so that Ctrl-C reaches the supervisor alone."""

    name: str
    command: Sequence[str]
    stop_seconds: float
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    failures: int = 0
    start_again_at: float = field(default=0.0)

    def start(self, guardian: Guard, *, cwd: Path, environ: Mapping[str, str]) -> None:
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            list(self.command),
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=terminate_with_parent(),
        )
        guardian.add(self.process.pid)

    def buried(self, guardian: Guard) -> bool:
        """Whether it has died since the last look; its own children are ended then, and its return is scheduled."""
        if self.process is None or self.process.poll() is None:
            return False
        ran = time.monotonic() - self.started_at
        self.failures = 0 if ran > STEADY_SECONDS else self.failures + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(0, self.failures - 1))
        log.warning("child.died", child=self.name, code=self.process.returncode, ran=round(ran, 1), again_in=pause)
        self._end_group(guardian)
        self.start_again_at = time.monotonic() + pause
        return True

    def may_start(self) -> bool:
        return self.process is None and time.monotonic() >= self.start_again_at

    def ask_to_stop(self) -> None:
        if self.process:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def see_off(self, guardian: Guard) -> None:
        """Wait its time, then end whatever is left of it."""
        if self.process is None:
            return
        try:
            self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            log.warning("child.killed", child=self.name, after=self.stop_seconds)
        self._end_group(guardian)

    def _end_group(self, guardian: Guard) -> None:
        assert self.process
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        guardian.discard(self.process.pid)
        self.process = None
