"""The door for events that other programs tell us about a known lead."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from leads import log
from leads.intake import IntakeError as EventError
from leads.log import NewEvent
from leads.models import Lead
from leads.pipeline import process_at_once
from leads.profile import clean
from lifecycle.core import sql

LARGEST = 32_768
LONGEST_KIND, LONGEST_KEY = 100, 200
OURS = frozenset(
    {"stage.changed", "temperature.changed", "tier.changed", "segment.entered", "segment.left", "owner.assigned"}
    | {"form.confirmation_requested"}  # its mail leads where the event says
)
_OURS_FAMILIES = frozenset({"colleague", "date", "email", "lead", "sequence"})
# Whether the lead is there, and our kind for a name as clients send it, by the marketers' table.
_KNOWN = """
    SELECT EXISTS (SELECT FROM leads_lead WHERE id = %b),
           (SELECT kind FROM leads_eventname WHERE name = %b::text)
"""
_TOLD = "SELECT id FROM leads_event WHERE source = %b AND key = %b"

__all__ = ["EventError", "Told", "add_event"]


@dataclass(frozen=True, slots=True)
class Told:
    """`created` is False when this source told us of this key before."""

    event_id: int
    created: bool


@dataclass(frozen=True, slots=True)
class Telling:
    """An event as the outside words it. `kind` may be ours or a client's name for it (VIEWED_PRICING)."""

    kind: object
    properties: object = None
    occurred_at: datetime | None = None
    key: object = None


def add_event(lead_id: int, told: Telling, *, source: str = "api", now: datetime) -> Told:
    """Record an event of a lead and react at once. EventError names bad fields; Lead.DoesNotExist without the lead.

    An event of the future happened now, unless this is a sandbox, whose clocks are virtual.
    """
    name, properties, key = _checked(told)
    is_there, ours = sql.fetch(_KNOWN, [lead_id, name])[0]
    if not is_there:
        raise Lead.DoesNotExist(f"there is no lead {lead_id}")
    kind = ours or name
    if kind in OURS or kind.partition(".")[0] in _OURS_FAMILIES:
        raise EventError({"kind": f"{kind} is ours to write; send an event of your own."})
    at = told.occurred_at or now
    if at > now and not settings.SANDBOX:
        at = now
    event = NewEvent(lead_id, kind, properties, occurred_at=at, source=source, key=key)
    written = log.write([event], now=now, pending=True)
    if written:
        process_at_once(lead_id, now=now)
        return Told(written[0], created=True)
    return Told(sql.fetch(_TOLD, [source, key])[0][0], created=False)


def _checked(told: Telling) -> tuple[str, dict[str, Any], str | None]:
    problems: dict[str, str] = {}
    name = clean(told.kind) if isinstance(told.kind, str) else ""
    if not name or len(name) > LONGEST_KIND:
        problems["kind"] = f"Write what happened, like pricing.viewed, in at most {LONGEST_KIND} characters."
    properties = told.properties if told.properties is not None else {}
    if not isinstance(properties, Mapping):
        problems["properties"] = "An object of names and values is expected here."
    elif len(sql.to_json(properties)) > LARGEST:
        problems["properties"] = f"At most {LARGEST // 1024} KB of properties."
    key = told.key
    if key is not None and (not isinstance(key, str) or not re.fullmatch(r"[^\x00-\x1f]{1,200}", key)):
        problems["key"] = f"A text of 1 to {LONGEST_KEY} characters without line breaks."
    if told.occurred_at is not None and told.occurred_at.tzinfo is None:
        problems["occurred_at"] = "A time with its zone is expected, like 2026-03-01T09:30:00Z."
    if problems:
        raise EventError(problems)
    return name, sql.storable(dict(properties)), key  # type: ignore[return-value, call-overload]
