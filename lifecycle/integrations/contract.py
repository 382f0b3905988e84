"""What a vendor's folder offers, and what it gets: the words between the inbox and those who know a sender.

A vendor is one folder with `provider.py` (a `Provider`: how it signs, how its events are told apart), `handlers.py`
(what an event does: a transaction that writes rows) and `README.md` (how to set it up). `registry` lists them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol


class Refused(Exception):
    """The call is not accepted: nothing is stored, the sender gets `status` and the code with the message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Parked(Exception):
    """The event's parent is not known yet. It is tried again when an outcome names `waits_for` in `settles`, and
    once more after `patience` with `Delivery.is_last_try`, when the handler must do what can be done without it."""

    def __init__(self, waits_for: str, *, why: str, patience: timedelta = timedelta(hours=1)) -> None:
        super().__init__(why)
        self.waits_for, self.why, self.patience = waits_for, why, patience


class Unfetched(Exception):
    """What the event needs from outside could not be had: it is tried again later, with growing pauses."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a door, as it came. `headers`: by lower-case name."""

    body: bytes
    headers: Mapping[str, str]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a verified call is about. `key`: what makes two copies of an event one (≤ 200 characters).

    `ids`: by what else this sender knows the person (its customer, its registrant), as erasing also finds what names
    no address.
    """

    key: str
    kind: str
    occurred_at: datetime | None = None
    email: str = ""  # of the person it tells of, if it says; so that erasing them finds it
    ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to its handler. `fetched`: what `Handler.fetch` brought, None without one."""

    id: int
    provider: str
    kind: str
    payload: Mapping[str, Any]
    occurred_at: datetime | None
    received_at: datetime
    fetched: Any = None
    is_last_try: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler did.

    `text`: one sentence for the inbox, without personal data. `lead_ids`: people whose new events are to be processed
    before the door answers. `settles`: names that parked events wait for. `is_ignored`: it meant nothing to us.
    """

    text: str
    lead_ids: Sequence[int] = ()
    settles: Sequence[str] = ()
    is_ignored: bool = False


@dataclass(frozen=True, slots=True)
class Handler:
    """`handle` runs in a transaction, writes rows only and may run again: everything in it is idempotent.

    `fetch`, if there is one, runs before it, in no transaction and never in a request. It returns what the handler
    needs from outside, or raises Unfetched. With `needs_fetch` it is asked per event whether there is anything.
    After `fetch_tries` failures to fetch it is handled all the same, with `fetched` None; without that it is given up.
    `stops_mail`: the door answers only when none of these people's stopped mails is in flight any more.
    """

    handle: Callable[[Delivery, datetime], Outcome]
    fetch: Callable[[Delivery], Any] | None = None
    needs_fetch: Callable[[Delivery], bool] = field(default=lambda delivery: True)
    stops_mail: bool = False
    fetch_tries: int | None = None


class Provider(Protocol):
    """A sender. `slug` names its door (/webhooks/SLUG/) and its rows; `title` is for people."""

    slug: str
    title: str
    handlers: Mapping[str, Handler]

    def secrets(self) -> Sequence[str]:
        """The secrets that are valid now; none closes the door (403)."""
        ...

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        """Refused(401, "bad_signature" | "too_old" | "no_signature") unless one of the secrets signed these bytes."""
        ...

    def read(self, call: Call, payload: Mapping[str, Any]) -> Envelope:
        """What the verified JSON object tells of; Refused(400, "malformed") when it is not what this sender sends."""
        ...

    def answer(self, call: Call, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The body of an immediate answer to a call that is no event (Zoom's validation of the address), else None."""
        ...
