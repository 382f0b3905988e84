"""Case-insensitive text, the same in Python and in any Postgres, whatever its collation or Unicode version.

Folding is one character to one character. ASCII letters fold as usual; another letter folds to its lower case if that
is a single character and not ASCII (so the Kelvin sign is not a k). Nothing else is equated: "ß" is not "ss", and a
letter with a combining accent is not the composed letter.

In SQL, `LOWER(x COLLATE "C")` folds ASCII only, and `TRANSLATE` folds just those other letters that occur in the value
that is looked for. That is enough: any other character cannot match either way.
"""

import sys
from collections.abc import Iterable
from functools import cache

from django.db.models import Func, TextField, Value
from django.db.models.expressions import Combinable


def fold(text: str) -> str:
    """The text as it is compared; as long as the original."""
    return text.lower() if text.isascii() else text.translate(_folds())


class _AsciiLower(Func):
    template = 'LOWER((%(expressions)s) COLLATE "C")'
    output_field = TextField()


def folded_for(source: Combinable, wanted: Iterable[str]) -> Func:
    """SQL that equals, contains, starts or ends with a text of `wanted` (already folded) where fold(source) does."""
    letters = {letter for text in wanted for letter in text if not letter.isascii()}
    pairs = [(variant, letter) for letter in sorted(letters) for variant in _variants().get(letter, ())]
    lower = _AsciiLower(source)
    if not pairs:
        return lower
    before = Value("".join(variant for variant, _ in pairs))
    after = Value("".join(letter for _, letter in pairs))
    return Func(lower, before, after, function="TRANSLATE", output_field=TextField())


@cache
def _folds() -> dict[int, str]:
    table = {code: chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
    for code in range(0x80, sys.maxunicode + 1):
        letter = chr(code)
        folded = _fold_one(letter)
        if folded != letter:
            table[code] = folded
    return table


def _fold_one(letter: str) -> str:
    """What others fold to stays as it is: Cherokee folds to its capitals, whose lower case folds back to them."""
    folded = letter.casefold()
    for candidate in (folded, letter.lower()) if folded != letter else ():
        if candidate != letter and len(candidate) == 1 and not candidate.isascii():
            return candidate
    return letter


@cache
def _variants() -> dict[str, tuple[str, ...]]:
    """For each folded letter beyond ASCII, the other letters that fold to it."""
    variants: dict[str, list[str]] = {}
    for code, folded in _folds().items():
        if not folded.isascii():
            variants.setdefault(folded, []).append(chr(code))
    return {folded: tuple(letters) for folded, letters in variants.items()}
