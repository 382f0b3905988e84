"""What an event of Zoom says, whatever of it is missing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LONGEST_ID = 120


@dataclass(frozen=True, slots=True)
class Told:
    """`zoom_id`: of the webinar or meeting, as text; Zoom writes it as a number or as a text."""

    object: Mapping[str, Any] = field(default_factory=dict)
    zoom_id: str = ""
    session: str = ""
    host_id: str = ""
    participant: Mapping[str, Any] = field(default_factory=dict)
    registrant: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "Told":
        thing = mapping(mapping(payload.get("payload")).get("object"))
        return cls(
            object=thing,
            zoom_id=text(thing.get("id")).replace(" ", "").replace("-", ""),
            session=text(thing.get("uuid")),
            host_id=text(thing.get("host_id")),
            participant=mapping(thing.get("participant")),
            registrant=mapping(thing.get("registrant")),
        )


def told_at(payload: Mapping[str, Any]) -> datetime | None:
    """When Zoom says that it happened: event_ts, in milliseconds; older events have payload.time_stamp."""
    found = payload.get("event_ts") or mapping(payload.get("payload")).get("time_stamp")
    if isinstance(found, str) and found.isdecimal() and len(found) < 16:
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < 253_402_300_000_000:
        return None
    return datetime.fromtimestamp(found / 1000, tz=UTC)


def moment(value: object, zone: object = None) -> datetime | None:
    """“2026-03-09T18:00:00Z”. One without a zone is in `zone` if that is one, else in UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=_zone(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """An id as text, "" for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:LONGEST_ID]


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else ZoneInfo("UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
