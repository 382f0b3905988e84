r"""Where in a JSON body something is: data.items.0.name. Pure.

Parts are separated by dots. A number is a position in a list, from 0, or from the end with a minus: items.-1. A dot
that belongs to a name is written \., and a backslash \\.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST = 200
MOST_PARTS = 20

_PART = re.compile(r"(?:[^.\\]|\\[.\\])*")
_ESCAPED = re.compile(r"\\([.\\])")
_POSITION = re.compile(r"-?[0-9]{1,9}")

Path = tuple[str, ...]


class PathError(ValueError):
    """Not a path; the message says where it goes wrong."""


class Missing(LookupError):
    """The body has nothing there; the message says where the way ends."""


def parse(text: str) -> Path:
    """The parts of a path. Raises PathError."""
    if not text:
        raise PathError("Write where it is, like data.user.email.")
    if len(text) > LONGEST:
        raise PathError(f"A path has at most {LONGEST} characters.")
    parts: list[str] = []
    at = 0
    while True:
        match = _PART.match(text, at)
        assert match is not None
        at = match.end()
        if not match[0].strip():
            raise PathError(f"There is no name before character {at + 1} of “{text}”.")
        if at < len(text) and text[at] == "\\":
            raise PathError(rf"The backslash at character {at + 1} of “{text}” stands before no dot and no other.")
        parts.append(_ESCAPED.sub(r"\1", match[0]))
        if at == len(text):
            break
        at += 1
    if len(parts) > MOST_PARTS:
        raise PathError(f"A path has at most {MOST_PARTS} parts.")
    return tuple(parts)


def write(path: Sequence[str]) -> str:
    """The text that `parse` reads as this path."""
    return ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in path)


def look(path: Path, body: Any) -> Any:
    """What stands there, null included. Raises Missing."""
    here = body
    for depth, part in enumerate(path):
        try:
            here = _step(here, part)
        except Missing as problem:
            place = f"“{write(path[:depth])}”" if depth else "the body"
            raise Missing(f"{place} {problem}") from None
    return here


def _step(here: Any, part: str) -> Any:
    if isinstance(here, Mapping):
        if part not in here:
            raise Missing(f"has no “{part}”{_instead(here)}")
        return here[part]
    if isinstance(here, list):
        if not _POSITION.fullmatch(part):
            raise Missing(f"is a list: write a position in it instead of “{part}”, like 0")
        position = int(part)
        if not -len(here) <= position < len(here):
            raise Missing(f"is a list of {len(here)}, without position {part}")
        return here[position]
    raise Missing(f"is {_kind(here)}, with nothing inside")


def _instead(here: Mapping[str, Any]) -> str:
    names = [str(name) for name in here][:6]
    return f"; there is {', '.join(names)}{' …' if len(here) > 6 else ''}" if names else ""


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    return "a text" if isinstance(value, str) else "a number"
