"""Reads the blocks of a page as they are stored or typed, and names every fault with its place. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from leads.pages.kinds import KINDS, LONGEST_LIST, Asked, Block, Form, Hero, asked_of, default_of

MOST_BLOCKS = 40
_ANCHOR = re.compile(r"#[a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: `block` counts from 0, None for the list itself; `place` is a path below it."""

    block: int | None
    place: str
    message: str

    def __str__(self) -> str:
        if self.block is None:
            return self.message
        where = f"Block {self.block + 1}"
        return f"{where}, {self.place}: {self.message}" if self.place else f"{where}: {self.message}"


class BlockError(ValueError):
    """The blocks do not read; `problems` names all faults at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def read(data: object) -> list[Block]:
    """The blocks of a page, in order; BlockError for anything that is not quite one."""
    blocks, problems = read_leniently(data)
    if problems:
        raise BlockError(problems)
    return blocks


def read_leniently(data: object) -> tuple[list[Block], list[Problem]]:
    """Every block that reads, and what is wrong with the others: a preview shows the first and says the second."""
    if not isinstance(data, list):
        return [], [Problem(None, "", "A list of blocks is expected.")]
    if len(data) > MOST_BLOCKS:
        return [], [Problem(None, "", f"At most {MOST_BLOCKS} blocks make a page; these are {len(data)}.")]
    blocks: list[Block] = []
    problems: list[Problem] = []
    for at, entry in enumerate(data):
        found: list[Problem] = []
        block = _block(entry, at, found)
        problems += found
        if block is not None and not found:
            if holds_form(block) and any(map(holds_form, blocks)):
                problems.append(Problem(at, "", "The page shows its form already; a button can lead to it."))
                continue
            blocks.append(block)
    return blocks, problems


def plain(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """The blocks as they are stored: only what was said, in the order of the fields."""
    return [{"type": block.KIND, **_said(block)} for block in blocks]


def holds_form(block: Block) -> bool:
    return isinstance(block, Form) or (isinstance(block, Hero) and block.aside == "form")


def images(blocks: Sequence[Block]) -> set[str]:
    """The web origins of the pictures, which the page's policy must let in."""
    addresses = {address for block in blocks for address in _images(block)}
    return {origin for address in addresses if (origin := _origin(address))}


def _block(entry: object, at: int, problems: list[Problem]) -> Block | None:
    if not isinstance(entry, Mapping):
        problems.append(Problem(at, "", "A block is written {“type”: …}."))
        return None
    kind = KINDS.get(entry["type"]) if isinstance(entry.get("type"), str) else None
    if kind is None:
        problems.append(Problem(at, "type", f"There is no such block; there are {', '.join(KINDS)}."))
        return None
    values = _values(kind, {name: value for name, value in entry.items() if name != "type"}, at, "", problems)
    return kind(**values)


def _values(kind: type, given: Mapping[Any, Any], at: int, path: str, problems: list[Problem]) -> dict[str, Any]:
    """What the fields of a block or an item hold; faults go to `problems`."""
    asked = asked_of(kind)
    for name in given:
        if name not in asked:
            problems.append(Problem(at, f"{path}{name}", f"Not known here; known are {', '.join(asked)}."))
    values: dict[str, Any] = {}
    for name, field in asked.items():
        place = f"{path}{name}"
        try:
            values[name] = _value(kind, name, field, given.get(name))
        except ValueError as error:
            problems.append(Problem(at, place, str(error)))
            continue
        if field.of is not None:
            values[name] = _items(field.of, values[name], at, place, problems)
        if field.required and not values[name]:
            problems.append(Problem(at, place, f"“{field.label}” is needed."))
    return values


def _items(of: type, rows: Sequence[object], at: int, place: str, problems: list[Problem]) -> list[Any]:
    found = []
    for number, row in enumerate(rows):
        here = f"{place}[{number}]"
        if not isinstance(row, Mapping):
            problems.append(Problem(at, here, f"Write {{{', '.join(asked_of(of))}}}."))
            continue
        before = len(problems)
        values = _values(of, row, at, f"{here}.", problems)
        if len(problems) == before:
            found.append(of(**values))
    return found


def _value(kind: type, name: str, field: Asked, given: object) -> Any:
    if given is None:
        return default_of(kind, name)
    if field.of is not None:
        if not isinstance(given, list):
            raise ValueError("A list is expected.")
        if len(given) > LONGEST_LIST:
            raise ValueError(f"At most {LONGEST_LIST}; these are {len(given)}.")
        return given
    if not isinstance(given, str):
        raise ValueError("A text is expected.")
    return _text(field, given)


def _text(field: Asked, given: str) -> str:
    text = given.replace("\0", "").encode("utf-8", "ignore").decode().strip()
    if field.control not in ("text", "prose"):
        text = " ".join(text.split())
    if len(text) > field.most:
        raise ValueError(f"At most {field.most} characters; these are {len(text)}.")
    if field.control == "choice" and text not in (value for value, _ in field.options):
        known = ", ".join(f"“{value}”" for value, _ in field.options)
        raise ValueError(f"Choose one of {known}.")
    if text and field.control == "image" and not _is_image(text):
        raise ValueError("A picture's address begins with https:// or, on this site, with /.")
    if text and field.control == "link" and not _is_link(text):
        raise ValueError("A link begins with https://, http://, mailto:, / or #.")
    return text


def _is_image(address: str) -> bool:
    return _is_local(address) or bool(address.startswith("https://") and _origin(address))


def _is_link(address: str) -> bool:
    if _is_local(address) or _ANCHOR.fullmatch(address):
        return True
    return address.startswith("mailto:") or bool(address.startswith(("https://", "http://")) and _origin(address))


def _is_local(address: str) -> bool:
    return address.startswith("/") and not address.startswith(("//", "/\\"))


def _origin(address: str) -> str:
    """“https://host:port” in plain letters, or "" for an address that has none or does not read."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[a-zA-Z0-9.-]+", host):
        return ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"


def _images(row: Any) -> list[str]:
    found: list[str] = []
    for name, field in asked_of(type(row)).items():
        value = getattr(row, name)
        if field.control == "image" and value:
            found.append(value)
        elif field.of is not None:
            found += [address for item in value for address in _images(item)]
    return found


def _said(row: Any) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, field in asked_of(type(row)).items():
        value = getattr(row, name)
        if value != default_of(type(row), name):
            said[name] = [_said(item) for item in value] if field.of is not None else value
    return said
