"""Patterns that answers must fit, matched in time that grows with the text alone: none can hang. Pure.

All states of a pattern are followed at once (Thompson's construction), so nothing is ever tried again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from leads.questions import expressions
from leads.questions.expressions import Chars, Either, Node, PatternError, Repeat, Series

__all__ = ["Pattern", "PatternError", "read"]

MOST_STATES = 500


@dataclass(frozen=True, slots=True)
class _State:
    """Takes a character and goes on to `following[0]`; without `chars` it is in all of `following` at once."""

    chars: Chars | None
    following: tuple[int, ...]


class Pattern:
    """A pattern that reads. `browser`: the same for the HTML attribute, "" where a browser could hang on it."""

    def __init__(self, text: str) -> None:
        tree = expressions.read(text)
        self._states: list[_State] = [_State(None, ())]  # the first one is the end
        self._start = self._build(tree, 0)
        self.browser = "" if _is_nested(tree) else _written(tree)

    def fits(self, text: str) -> bool:
        """Whether the whole text fits."""
        present = self._reached([self._start])
        for char in text:
            code = ord(char)
            taking = (self._states[at] for at in present)
            present = self._reached(
                [state.following[0] for state in taking if state.chars is not None and state.chars.takes(code)]
            )
            if not present:
                return False
        return 0 in present

    def _reached(self, places: list[int]) -> set[int]:
        found: set[int] = set()
        while places:
            at = places.pop()
            if at not in found:
                found.add(at)
                if self._states[at].chars is None:
                    places += self._states[at].following
        return found

    def _add(self, chars: Chars | None, *following: int) -> int:
        if len(self._states) >= MOST_STATES:
            raise PatternError("It is too long with all its repetitions.")
        self._states.append(_State(chars, following))
        return len(self._states) - 1

    def _build(self, node: Node, then: int) -> int:
        """The place where `node` begins, if `then` is where it goes on."""
        match node:
            case Chars():
                return self._add(node, then)
            case Series(parts):
                for part in reversed(parts):
                    then = self._build(part, then)
                return then
            case Either(choices):
                return self._add(None, *[self._build(choice, then) for choice in choices])
            case Repeat(part, least, most):
                return self._repeat(part, least, most, then)

    def _repeat(self, part: Node, least: int, most: int | None, then: int) -> int:
        if most is None:
            loop = self._add(None)
            self._states[loop] = _State(None, (self._build(part, loop), then))
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self._add(None, self._build(part, then), end)
        for _ in range(least):
            then = self._build(part, then)
        return then


@lru_cache(maxsize=512)
def read(text: str) -> Pattern:
    """The pattern of this text; PatternError if it does not read."""
    return Pattern(text)


def _parts(node: Node) -> Iterator[Node]:
    """The nodes directly inside."""
    match node:
        case Series(parts) | Either(parts):
            yield from parts
        case Repeat(part):
            yield part


def _is_nested(node: Node, inside: bool = False) -> bool:
    """Whether something of changing length repeats inside of something that repeats: what browsers go back over."""
    if isinstance(node, Repeat) and inside and node.least != node.most:
        return True
    repeats = inside or (isinstance(node, Repeat) and node.most != 1)
    return any(_is_nested(part, repeats) for part in _parts(node))


def _written(node: Node) -> str:
    """As browsers read it, whichever flags they use."""
    match node:
        case Chars(ranges, is_negated):
            inside = "".join(_code(low) if low == high else f"{_code(low)}-{_code(high)}" for low, high in ranges)
            single = len(ranges) == 1 and ranges[0][0] == ranges[0][1] and not is_negated
            return inside if single else f"[{'^' if is_negated else ''}{inside}]"
        case Series(parts):
            return "".join(_written(part) for part in parts)
        case Either(choices):
            return f"(?:{'|'.join(_written(choice) for choice in choices)})"
        case Repeat(part, least, most):
            times = f"{{{least},{'' if most is None else most}}}"
            return f"(?:{_written(part)}){times}"


def _code(code: int) -> str:
    char = chr(code)
    return char if char.isascii() and char.isalnum() else f"\\u{{{code:X}}}"
