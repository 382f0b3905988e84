"""How a file is refused: with the exact place, and what to write there instead."""

from datetime import time
from typing import Any

from lifecycle.core import durations


class ImportRefused(ValueError):
    """The file cannot be taken; the message says where and what to do. Nothing was changed."""


def only(where: str, given: dict[str, Any], known: set[str]) -> None:
    """Refuse names that mean nothing here: they are typos."""
    strange = sorted(map(str, given.keys() - known))
    if strange:
        raise ImportRefused(f"{where}: {strange[0]!r} is not known here; {', '.join(sorted(known))} are")


def duration(where: str, text: Any) -> Any:
    """A length of time like 7d."""
    try:
        return durations.parse(text)
    except durations.DurationError as error:
        raise ImportRefused(f"{where}: {error}") from error


def offset(where: str, text: Any) -> Any:
    """A distance from a date like -1h."""
    try:
        return durations.parse_signed(text)
    except durations.DurationError as error:
        raise ImportRefused(f"{where}: {error}") from error


def time_of_day(where: str, given: Any) -> time:
    """A time like '09:00'."""
    try:
        return time.fromisoformat(str(given))
    except ValueError as error:
        raise ImportRefused(f"{where}: write it with quotes, like '09:00'") from error
