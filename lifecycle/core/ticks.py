"""Whether sweeps have anything to do, asked for all of them in one statement.

A sweep that finds nothing costs a plan and a transaction all the same, and a tick of the engine has thirty of them. So
a sweep says beside itself, in SQL, when it may have work, and whoever runs many of them asks for all at once.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

from lifecycle.core import sql

Sweep = Callable[..., Any]
S = TypeVar("S", bound=Sweep)
R = TypeVar("R")

_conditions: dict[Sweep, str] = {}


def when(condition: str) -> Callable[[S], S]:
    """Say of a sweep when it may have work: an SQL condition, in which `%(now)b` is the moment of the tick.

    True too often costs a look of the sweep's own. It must never be false while there is work.
    """

    def say(sweep: S) -> S:
        _conditions[sweep] = condition
        return sweep

    return say


def known() -> frozenset[Sweep]:
    """All sweeps that say when."""
    return frozenset(_conditions)


def among(sweeps: Iterable[Sweep], *, now: datetime) -> frozenset[Sweep]:
    """Those of these sweeps, which all say when, that may have work at `now`. One statement."""
    asked = list(sweeps)
    if not asked:
        return frozenset()
    conditions = ",\n".join(f"({_conditions[sweep]})" for sweep in asked)
    [answers] = sql.fetch(f"SELECT {conditions}", {"now": now})
    return frozenset(sweep for sweep, may in zip(asked, answers, strict=True) if may)


class Tick:
    """Runs sweeps as of one moment, in the order in which it is told, and only those that may have work.

    What one of them does may be work for all the others, so it looks anew then.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._found: frozenset[Sweep] | None = None

    def run(self, sweep: Callable[..., R], *given: Any) -> R | None:
        """Run it with what it is given and with `now`; None if it has nothing to do. One that never said when runs."""
        says = sweep in _conditions
        if says and sweep not in self._look():
            return None
        did = sweep(*given, now=self.now)
        if says or did:
            self._found = None
        return did

    def _look(self) -> frozenset[Sweep]:
        if self._found is None:
            self._found = among(known(), now=self.now)
        return self._found
