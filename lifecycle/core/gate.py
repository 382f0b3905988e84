"""Whether anything may leave the house. Doors that send ask here first; who may object registers itself at start."""

from collections.abc import Callable
from datetime import datetime

Objection = Callable[[datetime], str]

_objections: list[Objection] = []


def register(objection: Objection) -> None:
    """`objection(now)` says why nothing may be sent, or ''."""
    if objection not in _objections:
        _objections.append(objection)


def closed(now: datetime) -> str:
    """Why nothing may leave, in words; '' when it may."""
    return next((reason for objection in _objections if (reason := objection(now))), "")
