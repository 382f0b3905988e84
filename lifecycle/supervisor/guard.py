"""Ends the supervisor's children when the supervisor is gone. Run as a script; standard library only.

It reads the process groups to look after from a pipe (`+123`, `-123`, a line each). The kernel closes the pipe when the
supervisor dies, however it dies; then every group still listed is asked to stop, and killed if it does not.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

GRACE_SECONDS = 2.0


def listed(lines: Iterable[str]) -> set[int]:
    """The groups that are still listed at the end of the pipe."""
    groups: set[int] = set()
    for line in lines:
        change, group = line[0], int(line[1:])
        if change == "+":
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def signal_all(groups: set[int], number: int) -> set[int]:
    """Signal each group; the ones that still exist."""
    alive = set()
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, number)
            alive.add(group)
    return alive


def end(groups: set[int]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    groups = signal_all(groups, signal.SIGTERM)
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = signal_all(groups, 0)
    signal_all(groups, signal.SIGKILL)


if __name__ == "__main__":
    # Ctrl-C in the terminal and a polite stop are the supervisor's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end(listed(sys.stdin))
