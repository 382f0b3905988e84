"""What may be wrong with an installation, told by whoever knows: apps register checks, the doctor runs them all."""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime


class Level(enum.IntEnum):
    """How bad it is."""

    FINE = 0
    NOTICE = 1  # nothing to do now
    WARNING = 2  # look at it soon
    PROBLEM = 3  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing, and what to do about it. No personal data."""

    area: str
    level: Level
    says: str
    remedy: str = ""


Check = Callable[[datetime], Iterable[Finding]]
_checks: dict[str, Check] = {}


def register(name: str, check: Check) -> None:
    """Add a check; `name` is unique. It reads with a constant number of cheap queries and changes nothing."""
    if name in _checks:
        raise ValueError(f"There are two checks {name!r}.")
    _checks[name] = check


def checks() -> dict[str, Check]:
    return dict(_checks)
