r"""Patterns that answers must fit, matched in time that grows with the text alone: none can be written that hangs. Pure.

The language is what people and browsers write alike: characters, [classes], \d \w \s and their opposites, the dot,
groups, | and the quantifiers ? * + {2} {2,} {2,5}. All states of a pattern are followed at once (Thompson), so nothing
is ever tried again; what needs going back (references, look-ahead) is refused when the pattern is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 200
DEEPEST = 20
MOST_STATES = 500
MOST_TIMES = 500

Ranges = tuple[tuple[int, int], ...]
_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = (
    (9, 13), (32, 32), (160, 160), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
_BREAKS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_NAMED = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROL = {"t": 9, "n": 10, "r": 13}


class PatternError(ValueError):
    """The pattern does not read; the message says at which character and why."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of these ranges, or out of all others."""

    ranges: Ranges
    is_negated: bool = False

    def takes(self, code: int) -> bool:
        return any(first <= code <= last for first, last in self.ranges) != self.is_negated


@dataclass(frozen=True, slots=True)
class Series:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    choices: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: "Node"
    least: int
    most: int | None


Node = Chars | Series | Either | Repeat


@dataclass(frozen=True, slots=True)
class _State:
    """Takes a character and goes on to `following[0]`; without `chars` it is in all of `following` at once."""

    chars: Chars | None
    following: tuple[int, ...]


class Pattern:
    """A pattern that reads. `browser`: the same for the HTML attribute, "" where a browser could hang on it."""

    def __init__(self, text: str) -> None:
        tree = _Reader(text).read()
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


class _Reader:
    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise PatternError(f"At most {LONGEST} characters.")
        self._text = text.removeprefix("^")
        self._shift = len(text) - len(self._text) + 1
        if self._text.endswith("$") and not self._text.endswith(r"\$"):
            self._text = self._text[:-1]
        self._at = 0

    def read(self) -> Node:
        tree = self._either(0)
        if self._at < len(self._text):
            raise self._fault("a bracket is closed that was not opened")
        return tree

    def _fault(self, what: str) -> PatternError:
        return PatternError(f"At character {self._at + self._shift}: {what}.")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise self._fault("it ends too early")
        self._at += 1
        return char

    def _either(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise self._fault(f"groups are nested deeper than {DEEPEST} levels")
        choices = [self._series(depth)]
        while self._peek() == "|":
            self._at += 1
            choices.append(self._series(depth))
        return choices[0] if len(choices) == 1 else Either(tuple(choices))

    def _series(self, depth: int) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._quantified(self._atom(depth)))
        return parts[0] if len(parts) == 1 else Series(tuple(parts))

    def _atom(self, depth: int) -> Node:
        char = self._next()
        match char:
            case "(":
                return self._group(depth)
            case "[":
                return self._class()
            case ".":
                return Chars(_BREAKS, is_negated=True)
            case "\\":
                return self._escape()
            case "^" | "$" | "?" | "*" | "+" | "{" | "}" | "]":
                self._at -= 1
                raise self._fault(f"“{char}” has no meaning here; write \\{char} for the character")
        return Chars(((ord(char), ord(char)),))

    def _group(self, depth: int) -> Node:
        if self._peek() == "?":
            if self._text[self._at : self._at + 2] != "?:":
                raise self._fault("look-ahead, names and flags are not available; (…) and (?:…) are")
            self._at += 2
        inside = self._either(depth + 1)
        if self._peek() != ")":
            raise self._fault("a group is not closed")
        self._at += 1
        return inside

    def _escape(self) -> Chars:
        char = self._next()
        if char.lower() in _NAMED:
            return Chars(_NAMED[char.lower()], is_negated=char.isupper())
        if char in _CONTROL:
            return Chars(((_CONTROL[char], _CONTROL[char]),))
        if char.isalnum():
            self._at -= 1
            raise self._fault(f"\\{char} is not available")
        return Chars(((ord(char), ord(char)),))

    def _class(self) -> Chars:
        is_negated = self._peek() == "^"
        self._at += is_negated
        ranges: list[tuple[int, int]] = []
        while self._peek() != "]" or not ranges:
            if self._peek() == "]":
                raise self._fault("a class is empty")
            first = self._member()
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                ranges.append(self._range(first, self._member()))
            else:
                ranges += first.ranges
        self._at += 1
        return Chars(tuple(ranges), is_negated)

    def _member(self) -> Chars:
        char = self._next()
        if char == "[":
            raise self._fault("write \\[ for a bracket inside a class")
        member = self._escape() if char == "\\" else Chars(((ord(char), ord(char)),))
        if member.is_negated:
            raise self._fault("an opposite cannot stand inside a class; begin the class with ^")
        return member

    def _range(self, first: Chars, last: Chars) -> tuple[int, int]:
        (low, low_end), (high, high_end) = first.ranges[0], last.ranges[0]
        if low != low_end or high != high_end or low > high:
            raise self._fault("a range goes from a lower character to a higher one")
        return low, high

    def _quantified(self, part: Node) -> Node:
        match self._peek():
            case "?":
                bounds: tuple[int, int | None] = (0, 1)
            case "*":
                bounds = (0, None)
            case "+":
                bounds = (1, None)
            case "{":
                bounds = self._counted()
            case _:
                return part
        self._at += 1
        if self._peek() == "?":  # “as few as possible” finds the same whole answers
            self._at += 1
        if self._peek() in ("?", "*", "+", "{") and self._peek():
            raise self._fault("one quantifier stands on another")
        return Repeat(part, *bounds)

    def _counted(self) -> tuple[int, int | None]:
        """{2}, {2,} or {2,5}; leaves its closing brace to be taken."""
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at + 1 : max(end, 0)].partition(",")
        if end < 0 or not _is_count(least) or not (_is_count(most) or most == ""):
            raise self._fault("write {2}, {2,} or {2,5}")
        bounds = int(least), int(most) if most else None if comma else int(least)
        if max(bounds[0], bounds[1] or 0) > MOST_TIMES or (bounds[1] is not None and bounds[1] < bounds[0]):
            raise self._fault(f"at most {MOST_TIMES} times, and the second number is not lower")
        self._at = end
        return bounds


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


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
