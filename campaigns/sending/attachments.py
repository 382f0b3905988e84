"""What may go with a mail besides its texts: makers by name, which other apps register.

A template names what goes with it; when a batch is composed, its maker is asked once for all the mails that want it.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.sending.delivery.contract import Attachment

__all__ = ["Attachment", "CouldNotMake", "Wanted", "choices", "complaint", "make", "register"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One mail that something goes with. `event`: the properties of what it is about, `events` all that merged."""

    message_id: int
    lead_id: int
    event: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()


# One answer for each, in their order; None: nothing goes with this one. A query or two for all of them, no more.
Maker = Callable[[Sequence[Wanted], datetime], Sequence[Attachment | None]]


@dataclass(frozen=True, slots=True)
class Kind:
    label: str
    make: Maker


class CouldNotMake(Exception):
    """What should go with this mail could not be made; the text is for the person who looks for the mail."""


_kinds: dict[str, Kind] = {}


def register(name: str, label: str, maker: Maker) -> None:
    """Let templates say `attachment: name`. `label` is what the admin calls it. Called when an app is ready."""
    _kinds[name] = Kind(label, maker)


def choices() -> list[tuple[str, str]]:
    """For forms, nothing first."""
    return [("", "Nothing"), *((name, kind.label) for name, kind in sorted(_kinds.items()))]


def complaint(name: str) -> str:
    """What is wrong with a template that names it; "" if nothing."""
    if not name or name in _kinds:
        return ""
    known = ", ".join(sorted(_kinds)) or "nothing"
    return f"there is nothing called {name!r} to go with a mail; known: {known}"


def make(wanted: Iterable[tuple[str, Wanted]], *, now: datetime) -> dict[int, tuple[Attachment, ...] | CouldNotMake]:
    """By message id what goes with it; nothing for those that something was made for in vain. Nothing wanted: no work.

    Inside the transaction of the claim. If a maker fails for all together, it is asked for each alone, so that one bad
    row costs one mail.
    """
    by_name: dict[str, list[Wanted]] = defaultdict(list)
    for name, one in wanted:
        by_name[name].append(one)
    made: dict[int, tuple[Attachment, ...] | CouldNotMake] = {}
    for name, several in by_name.items():
        made |= _made(name, several, now)
    return made


def _made(name: str, several: list[Wanted], now: datetime) -> dict[int, tuple[Attachment, ...] | CouldNotMake]:
    kind = _kinds.get(name)
    if kind is None:
        return {one.message_id: CouldNotMake(f"attachment: {complaint(name)}") for one in several}
    try:
        with transaction.atomic():
            answers = kind.make(several, now)
        found = zip(several, answers, strict=True)
        return {one.message_id: (file,) if file else () for one, file in found}
    except Exception as error:
        if len(several) > 1:
            return {pk: files for one in several for pk, files in _made(name, [one], now).items()}
        logger.exception("No %s for message %s", name, several[0].message_id)
        return {several[0].message_id: CouldNotMake(f"attachment: {name} failed with {type(error).__name__}")}
