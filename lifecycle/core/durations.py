"""Durations as people write them in rules and playbooks: "30m", "2h", "7d", "4w"."""

import re
from datetime import timedelta

LONGEST = timedelta(days=3650)

_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SHAPE = re.compile(r"([0-9]{1,7})([mhdw])")
_SIGNED = re.compile(r"([+-]?)([0-9]{1,7}[mhdw])")
# Weeks are read but never written: "7 days" is what marketers say.
_WRITTEN = (("d", "day"), ("h", "hour"), ("m", "minute"))


class DurationError(ValueError):
    """The text is not a duration; the message says what one looks like."""


def parse(text: object) -> timedelta:
    """Read "30m", "2h", "7d" or "4w": longer than zero, at most ten years."""
    match = _SHAPE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise DurationError(f"{text!r} is not a duration; write a whole number and m, h, d or w, like 30m or 7d")
    amount, unit = int(match[1]), match[2]
    if amount == 0:
        raise DurationError(f"{text!r} is no time at all; a duration must be longer than zero")
    if amount > LONGEST // _UNITS[unit]:
        raise DurationError(f"{text!r} is too long; the longest duration is {LONGEST.days}d")
    return amount * _UNITS[unit]


def format(duration: timedelta) -> str:  # noqa: A001 - read as durations.format
    """The shortest spelling that `parse` reads back to the same duration: 90 minutes is "90m", 14 days is "14d"."""
    amount, letter, _ = _largest_unit(duration)
    return f"{amount}{letter}"


def words(duration: timedelta) -> str:
    """The duration in English: "7 days", "1 hour"."""
    amount, _, word = _largest_unit(duration)
    return f"{amount} {word}" if amount == 1 else f"{amount} {word}s"


def parse_signed(text: object) -> timedelta:
    """Read an offset from a date: "-1h" before it, "3d" after it, "0d" at it; at most ten years either way."""
    match = _SIGNED.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise DurationError(f"{text!r} is not an offset; write -1h for an hour before, 3d for three days after, or 0d")
    if not int(match[2][:-1]):
        return timedelta(0)
    span = parse(match[2])
    return -span if match[1] == "-" else span


def format_signed(offset: timedelta) -> str:
    """The shortest spelling that `parse_signed` reads back: an hour before is "-1h", no offset is "0d"."""
    if not offset:
        return "0d"
    return f"-{format(-offset)}" if offset < timedelta(0) else format(offset)


def words_signed(offset: timedelta, anchor: str) -> str:
    """The offset in English: "1 hour before starts_at", "3 days after renewal_date", "at starts_at"."""
    if not offset:
        return f"at {anchor}"
    return f"{words(abs(offset))} {'before' if offset < timedelta(0) else 'after'} {anchor}"


def _largest_unit(duration: timedelta) -> tuple[int, str, str]:
    if duration <= timedelta(0):
        raise DurationError(f"{duration!r} is not longer than zero")
    for letter, word in _WRITTEN:
        amount, rest = divmod(duration, _UNITS[letter])
        if not rest:
            return amount, letter, word
    raise DurationError(f"{duration!r} is not a whole number of minutes")
