"""What a claim needs to know of a broadcast's run: its send window and its variants' subjects. Neither ever changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from campaigns.engine.windows import Window, parse
from campaigns.models import BroadcastRun


@dataclass(frozen=True, slots=True)
class Rules:
    """`subjects`: by variant key, those that stand instead of the mail's own."""

    window: Window | None
    subjects: dict[str, str]


class Mail(Protocol):
    """A message as the claim has it."""

    @property
    def id(self) -> int: ...
    @property
    def variant_key(self) -> str: ...
    @property
    def broadcast_run_id(self) -> int | None: ...


_known: dict[int, Rules] = {}


def load(run_ids: Iterable[int | None]) -> None:
    """Remember the rules of these runs. One query for those that this process did not meet yet, none without any."""
    missing = {run_id for run_id in run_ids if run_id is not None} - _known.keys()
    if missing:
        for pk, window, variants in BroadcastRun.objects.filter(pk__in=missing).values_list("pk", "window", "variants"):
            subjects = {mail["key"]: mail["subject"] for mail in variants if mail["subject"]}
            _known[pk] = Rules(parse(window), subjects)


def forget() -> None:
    """Empty the memory; for tests that give a run's id to another one."""
    _known.clear()


def window_of(mail: Mail) -> Window | None:
    """When a mail of a loaded run may leave; None for a mail of no broadcast, or at any time."""
    return _known[mail.broadcast_run_id].window if mail.broadcast_run_id is not None else None


def subjects(mails: Iterable[Mail]) -> dict[int, str]:
    """Of mails of loaded runs: message id → the subject its variant has instead of the mail's own."""
    given = {
        mail.id: _known[mail.broadcast_run_id].subjects.get(mail.variant_key, "")
        for mail in mails
        if mail.broadcast_run_id is not None
    }
    return {message_id: subject for message_id, subject in given.items() if subject}
