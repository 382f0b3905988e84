"""What a person can do, and the others for or about them. Each is one request to a door, or a moment to decide."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lifecycle.demo.doors import Agent
from lifecycle.demo.people import Person


@dataclass(frozen=True, slots=True)
class Submit:
    """The person sends a form of the website."""

    form: str
    answers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tell:
    """The website or the product tells what the person did."""

    kind: str
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """Another system's webhook: the calendar's or the payment processor's."""

    sender: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """A browser that the website remembers shows a page."""

    url: str
    referrer: str = ""


@dataclass(frozen=True, slots=True)
class Follow:
    """Somebody or something opens an address of a mail."""

    path: str
    agent: Agent


@dataclass(frozen=True, slots=True)
class OptOut:
    path: str


@dataclass(frozen=True, slots=True)
class Report:
    """The mail provider reports what became of a message."""

    message_key: str
    kind: str


@dataclass(frozen=True, slots=True)
class Decide:
    """What comes next hangs on how things are by then."""

    what: Callable[[Person, datetime], "list[Planned]"]


Act = Submit | Tell | Call | Look | Follow | OptOut | Report | Decide
Planned = tuple[datetime, Act]


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it lies in the person's inbox; paths of its links, its picture and its way out."""

    key: str
    at: datetime
    links: tuple[str, ...]
    picture: str
    way_out: str
