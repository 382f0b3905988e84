r"""The language of patterns: what people write as the parts it is made of. Pure.

It is what Python and browsers read alike: characters, [classes], \d \w \s and their opposites, the dot, groups, | and
the quantifiers ? * + {2} {2,} {2,5}. What needs going back over the text (references, look-ahead) is not in it.
"""

from dataclasses import dataclass

LONGEST = 200
DEEPEST = 20
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


def read(text: str) -> Node:
    """The pattern of this text as its parts; PatternError if it does not read."""
    return _Reader(text).read()


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
