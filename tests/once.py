"""What is costly to make is made once a run, by the xdist worker that needs it first; the others wait and take it."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

FOLDER = "TEST_POSTGRES_FOLDER"  # where the run keeps what its workers share; gone when it ends


def folder() -> Path:
    return Path(os.environ[FOLDER])


def once(name: str, make: Callable[[], str]) -> str:
    """What `make` came to, the one time in this run that it came to an end."""
    made = folder() / f"{name}.made"
    with open(folder() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            half = made.with_suffix(".half")
            half.write_text(make())
            half.rename(made)
    return made.read_text()
