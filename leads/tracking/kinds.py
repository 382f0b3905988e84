"""What a call is in our log: by the marketers' tables of names and pages, else as it was sent. Pure."""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

IDENTIFIED, JOINED, ALIASED = "user.identified", "account.joined", "user.aliased"
PAGE, SCREEN = "page.viewed", "screen.viewed"
LONGEST = 100
LONGEST_URL = 1_000
MOST_REMEMBERED = 2_000

# Ours to write: what the engine concludes and does.
_OURS = frozenset(
    {"stage.changed", "temperature.changed", "tier.changed", "segment.entered", "segment.left", "owner.assigned"}
    | {"form.confirmation_requested"}
)
_OUR_FAMILIES = frozenset({"colleague", "date", "email", "lead", "segment", "sequence"})
# Money, appointments, and forms, whose event gives the link that our mail leads to: a key that stands in a page's
# source is not believed about them. Forms of pages come by the door for forms.
_FOR_SERVERS = frozenset({"deal", "form", "invoice", "meeting", "purchase", "subscription"})


def refusal(kind: str, *, is_public: bool) -> str:
    """Why a client may not tell us this, or ""."""
    family = kind.partition(".")[0]
    if kind in _OURS or family in _OUR_FAMILIES:
        return f"{kind} is ours to write; send an event of your own"
    if is_public and family in _FOR_SERVERS:
        return f"{kind} is not believed from a web page; send it from your server, with a key without allowed origins"
    return ""


class Pages:
    """The rules of pages, in their order."""

    def __init__(self, rules: Sequence[tuple[str, str]]) -> None:
        self._rules = [(_matcher(pattern), not pattern.startswith("/"), kind) for pattern, kind in rules]
        self._known: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def kind_of(self, url: str, path: str) -> str:
        """The kind of a view of this page, by the first rule that fits; "" if none does."""
        place = url or path
        if not place:
            return ""
        kind = self._known.get(place)
        if kind is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            kind = self._known[place] = self._look_up(*_address(url, path))
        return kind

    def _look_up(self, host: str, path: str) -> str:
        for matches, by_host, kind in self._rules:
            if matches(f"{host}{path}" if by_host else path):
                return kind
        return ""


@lru_cache(maxsize=8)
def pages(content: str) -> Pages:
    """The rules as the database tells them, a JSON list of [pattern, kind]; read once per process and content."""
    return Pages(msgspec.json.decode(content, type=list[tuple[str, str]]))


class Known(msgspec.Struct, frozen=True):
    """What marketers said that names and pages mean."""

    names: Mapping[str, str]
    pages: Pages


def of_page(name: str, properties: Mapping[str, Any], around: Mapping[str, Any], known: Known) -> str:
    """A page's kind: by its address, else by its name, else page.viewed."""
    if not known.pages:
        return known.names.get(name) or PAGE
    url, path = properties.get("url"), properties.get("path")
    if not isinstance(url, str) and not isinstance(path, str):
        page = around.get("page")
        url, path = (page.get("url"), page.get("path")) if isinstance(page, dict) else (None, None)
    return known.pages.kind_of(_text(url), _text(path)) or known.names.get(name) or PAGE


def _text(value: object) -> str:
    return value[:LONGEST_URL] if isinstance(value, str) else ""


def _matcher(pattern: str) -> Any:
    return re.compile(fnmatch.translate(_literal(pattern.lower().removeprefix("www.")))).match


def _literal(pattern: str) -> str:
    """Only * is special in our patterns."""
    return pattern.replace("[", "[[]").replace("?", "[?]")


def _address(url: str, path: str) -> tuple[str, str]:
    """Host and path in lower case; the path always begins with a slash and ends without one."""
    try:
        parts = urlsplit(url)
        host, found = (parts.hostname or ""), parts.path
    except ValueError:
        host, found = "", ""
    found = "/" + (found if url else path.partition("?")[0]).strip("/")
    return host.removeprefix("www."), found.lower()
