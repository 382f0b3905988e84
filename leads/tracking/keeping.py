"""What is kept of what a client sends: its properties, and of the context only what somebody reads. Pure.

The network address, the device's ids and the rest of the context are left out, whoever sends them.
"""

from collections.abc import Mapping
from typing import Any

CONTEXT = ("campaign", "page", "referrer", "userAgent", "locale", "timezone", "library")
NEVER = ("ip", "ip_address", "ipAddress")
LONGEST_TEXT = 1_000
MOST_PARTS = 20


def context(sent: object) -> dict[str, Any]:
    """The parts of a call's context that are kept, texts cut, without what is empty."""
    if not isinstance(sent, dict):
        return {}
    kept = {}
    for name in CONTEXT:
        if part := _cut(sent.get(name)):
            kept[name] = part
    return kept


def facts(sent: Mapping[str, Any] | None, around: Mapping[str, Any]) -> dict[str, Any]:
    """Properties or traits beside the context they came in."""
    kept = dict(sent) if sent else {}
    for name in NEVER:
        kept.pop(name, None)
    if around:
        kept["context"] = around
    return kept


def _cut(part: object) -> Any:
    """A text, or an object of texts; anything else is dropped."""
    if isinstance(part, str):
        return part[:LONGEST_TEXT]
    if isinstance(part, dict):
        if len(part) > MOST_PARTS:
            part = dict(list(part.items())[:MOST_PARTS])
        return {name: text[:LONGEST_TEXT] for name, text in part.items() if isinstance(text, str)}
    return None
