"""A line that grows while the quarter goes by."""

import time

from django.core.management.base import OutputWrapper

from lifecycle.demo.quarter import Progress

WIDTH = 24
DAYS_A_LINE = 10  # where there is no terminal


class Bar:
    """Writes to `out`: one line that changes on a terminal, a line every ten days elsewhere."""

    def __init__(self, out: OutputWrapper, *, began: float) -> None:
        self._out = out
        self._began = began
        self._is_terminal = out.isatty()

    def show(self, progress: Progress) -> None:
        if self._is_terminal:
            self._write(f"\r{line(progress, time.monotonic() - self._began)} ")
        elif progress.day % DAYS_A_LINE == 0 or progress.day == progress.days:
            self.say(line(progress, time.monotonic() - self._began))

    def finish(self) -> None:
        self.say(f"{chr(10) if self._is_terminal else ''}Lived through in {time.monotonic() - self._began:.0f} s.")

    def say(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self._out.write(text, ending="")
        self._out.flush()


def line(progress: Progress, seconds: float) -> str:
    filled = WIDTH * progress.day // max(1, progress.days)
    bar = "█" * filled + "░" * (WIDTH - filled)
    return (
        f"{bar} day {progress.day:>2}/{progress.days}  {progress.leads:>5,} leads  {progress.events:>6,} events  "
        f"{progress.mails:>6,} mails  {int(seconds) // 60}:{int(seconds) % 60:02}"
    )
