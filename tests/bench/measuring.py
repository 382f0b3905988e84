"""What a run finds out, and how it is told: a table for people, JSON for comparing runs."""

import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")


def size(name: str, usual: int, quick: int) -> int:
    """How many of something: BENCH_<name> if it is set, else by the length of the run."""
    return int(os.environ.get(f"BENCH_{name}") or (quick if QUICK else usual))


@dataclass(frozen=True)
class Result:
    """One line. `floor` names the line it is compared with; `target` is the least (with "ms" and "µs": the most)."""

    name: str
    value: float
    unit: str
    floor: str = ""
    target: float | None = None
    note: str = ""


@dataclass
class Results:
    lines: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, **further: object) -> None:
        self.lines.append(Result(name, value, unit, **further))  # type: ignore[arg-type]

    def value(self, name: str) -> float | None:
        return next((line.value for line in self.lines if line.name == name), None)

    def ratio(self, line: Result) -> float | None:
        floor = self.value(line.floor)
        return line.value / floor if floor else None

    def missed(self) -> list[Result]:
        return [line for line in self.lines if line.target is not None and not _reached(line)]

    def table(self) -> str:
        rows = [("", "", "", "of its floor", "target", "")]
        rows += [self._row(line) for line in self.lines]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "\n".join(
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}} {row[2]:<{widths[2]}}  {row[3]:>{widths[3]}}"
            f"  {row[4]:>{widths[4]}}  {row[5]}".rstrip()
            for row in rows
        )

    def _row(self, line: Result) -> tuple[str, ...]:
        ratio = self.ratio(line)
        target = "" if line.target is None else f"{line.target:,.0f} {'ok' if _reached(line) else 'MISSED'}"
        against = f"of: {line.floor}" if line.floor else ""
        note = " · ".join(part for part in (against, line.note) if part)
        return line.name, _number(line.value), line.unit, f"{ratio:.2f} ×" if ratio else "", target, note

    def save(self, path: Path, *, at: str, seconds: float) -> None:
        path.parent.mkdir(exist_ok=True)
        lines = [asdict(line) | {"ratio": self.ratio(line)} for line in self.lines]
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        told = {"at": at, "quick": QUICK, "seconds": round(seconds, 1), "machine": machine, "results": lines}
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _reached(line: Result) -> bool:
    assert line.target is not None
    return line.value <= line.target if line.unit in ("ms", "µs", "MB") else line.value >= line.target


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


class Watch:
    """Counts seconds while it runs."""

    seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began


@contextmanager
def queries() -> Iterator[CaptureQueriesContext]:
    with CaptureQueriesContext(connection) as captured:
        yield captured


def microseconds(act: Callable[[], object], *, times: int, rounds: int = 5) -> float:
    """The best of some rounds, for things that take microseconds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(times):
            act()
        best = min(best, (time.perf_counter() - began) / times)
    return best * 1e6
