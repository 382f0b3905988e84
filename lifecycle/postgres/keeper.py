"""Keeps one PostgreSQL server up for as long as anyone uses it. Run as a script; standard library only.

Every process that needs the embedded server holds a shared lock on one file. The keeper starts the server and waits for
the exclusive lock: the kernel grants it when the last user has let go, also by kill -9, and then the server is stopped.
If the keeper itself is killed, the kernel interrupts the server. So no server outlives its users, and none is stopped
under another's feet.
"""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

PR_SET_PDEATHSIG = 1


def interrupt_with_parent() -> Callable[[], None] | None:
    """A hook for the child before exec: SIGINT (PostgreSQL's fast shutdown) when the keeper dies. Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT) and None


def stop_when_unused(lock: int, server: "subprocess.Popen[bytes]") -> None:
    fcntl.flock(lock, fcntl.LOCK_EX)
    server.send_signal(signal.SIGINT)


def main(order: dict[str, Any]) -> int:
    lock = os.open(order["lock"], os.O_RDWR | os.O_CREAT, 0o600)
    command = order["command"]
    with open(order["log"], "ab") as log:
        server = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=interrupt_with_parent(),
            **order["identity"],
        )
    threading.Thread(target=stop_when_unused, args=(lock, server), daemon=True).start()
    code = server.wait()
    if order["remove_after"]:
        shutil.rmtree(order["remove_after"], ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
