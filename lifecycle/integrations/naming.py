"""Whom a body names: the mail addresses in it, however they are written there, as keyed hashes. Pure.

Erasing a person finds by these hashes what tells of them, without reading bodies while their lead is locked.
"""

import html
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

from leads import addresses

# A body of more addresses than this is marked as such, and read when somebody is erased.
MOST = 1_000
MOST_SIGNS = 10_000
MANY = "*"
# Before what a sender calls a person by, so that it is never taken for the hash of an address.
ID = "id:"
# What is written in something that is written in something: a JSON text in a URL in a JSON text, and one for luck.
DEEPEST = 4
MOST_READINGS = 20

_ATEXT = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~."
_DOMAIN = re.compile(r"(?:[^\W_]|[.-])+")
# Where an address may begin inside a longer word: email=ada@acme.com, 'ada@acme.com.
_BEGINS = re.compile(r"[^A-Za-z0-9._+-]+|^[.+-]+")
# Where it may end: ada@acme.com-old, ada@acme.com.Thanks
_ENDS = re.compile(r"-|\.(?=[A-Z][a-z])")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def hashes(body: bytes, key: str, *, source: str = "", ids: Iterable[str] = ()) -> list[str]:
    """What erasing looks for: a hash for each address that the body may name, and for each of the sender's own ids.

    [MANY] if there are too many. `key` is the installation's (`addresses.address_key`).
    """
    found = addresses_in(body.decode("utf-8-sig", "replace"), is_bounded=True)
    if found is None:
        return [MANY]
    named = {ID + addresses.address_hash(f"{source} {one}", key) for one in ids if one}
    return sorted(named | {addresses.address_hash(one, key) for one in found})


def names_any(body: bytes, wanted: Iterable[str], key: str) -> bool:
    """Whether it names one of these hashes, however many it names."""
    found = addresses_in(body.decode("utf-8-sig", "replace")) or set()
    return not {addresses.address_hash(one, key) for one in found}.isdisjoint(wanted)


def addresses_in(text: str, *, is_bounded: bool = False) -> set[str] | None:
    """Every address in a JSON text, normalised; None if it is to be bounded and there are too many.

    Found in capitals, in Unicode or as ASCII, with JSON's, HTML's or a URL's escapes, in texts inside texts.
    """
    written: set[str] = set()
    for reading in _readings(text):
        if is_bounded and reading.count("@") > MOST_SIGNS:
            return None
        for one in _written(reading):
            written.add(one)
            if is_bounded and len(written) > MOST:
                return None
    return {normal for one in written if (normal := _normal(one))}


def _readings(text: str) -> Iterator[str]:
    """The text as it means to be read, and as texts inside it do. A JSON text's own escapes are always undone."""
    here = unicodedata.normalize("NFKC", _unescaped(text))
    yield here
    for _ in range(DEEPEST):
        before = here
        if "%" in here and (plain := unquote(here)) != here:
            here = plain
            yield here
            if "+" in here:  # which forms write for a space
                yield here.replace("+", " ")
        if "&" in here and (plain := html.unescape(here)) != here:
            here = plain
            yield here
        if "\\" in here:
            here = _unescaped(here)
            yield here
        if here == before:
            break


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2])


def _written(text: str) -> Iterator[str]:
    """What may be an address around each @. Looks at bounded pieces, so that no text takes long."""
    at = text.find("@")
    while at >= 0:
        after = _DOMAIN.match(text, at + 1, at + 1 + addresses.LONGEST)
        if after:
            before = text[max(0, at - addresses.LONGEST) : at]
            domains = list(_domains(after[0]))
            for local in _locals(before):
                for domain in domains:
                    yield f"{local.lower()}@{domain.lower()}"
        at = text.find("@", at + 1)


def _locals(before: str) -> Iterable[str]:
    if before.endswith('"'):
        opening = before.rfind('"', 0, -1)
        return [before[opening:]] if opening >= 0 else []
    run = before[len(before.rstrip(_ATEXT)) :]
    begins = [match.end() for match in _BEGINS.finditer(run)]
    return dict.fromkeys(local for start in [0, *begins[-MOST_READINGS:]] if (local := run[start:]))


def _domains(run: str) -> Iterable[str]:
    run = run.rstrip(".-")
    ends: Sequence[int] = [match.start() for match in _ENDS.finditer(run)][:MOST_READINGS]
    return dict.fromkeys(domain for end in [*ends, len(run)] if "." in (domain := run[:end]) or domain == "localhost")


def _normal(written: str) -> str:
    try:
        return addresses.read(written).normal
    except addresses.AddressError:
        return ""
