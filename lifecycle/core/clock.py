"""The clock of the doors. Everything behind a door is told the time as an argument and never asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.utils import timezone

SetClock = Callable[[datetime], None]

_virtual: datetime | None = None


class RealTimeOnly(RuntimeError):
    """A virtual clock could mail real people at a wrong time, so it needs SANDBOX=1."""


def now() -> datetime:
    """The present moment in UTC. Only views, commands and tasks may call this."""
    return _virtual or timezone.now()


@contextmanager
def virtual(start: datetime) -> Iterator[SetClock]:
    """Let all doors of this process live at `start`, then wherever the function that this gives sets the clock.

    RealTimeOnly without SANDBOX=1. Leases go on by the database's clock.
    """
    if not settings.SANDBOX:
        raise RealTimeOnly("A virtual clock needs SANDBOX=1.")
    _set(start)
    try:
        yield _set
    finally:
        _set(None)


def _set(moment: datetime | None) -> None:
    global _virtual
    _virtual = moment
