"""The calls that say who is who, taken from their queue and read."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leads import addresses, traits
from leads.addresses import Address
from leads.filling import IDENTIFIED
from lifecycle.core import sql

logger = logging.getLogger(__name__)

ALIASED = "user.aliased"
LONGEST_BROWSER = 120
RACES = 2

_CLAIM = """
    WITH taken AS (
        SELECT event_id, visitor_id, browser_id FROM leads_pendingidentity
        WHERE dead_at IS NULL {named} ORDER BY event_id LIMIT %b FOR UPDATE SKIP LOCKED
    )
    SELECT taken.event_id, e.kind, e.properties, v.user_id, taken.visitor_id, taken.browser_id
    FROM taken JOIN leads_event e ON e.id = taken.event_id JOIN leads_visitor v ON v.id = taken.visitor_id
    ORDER BY taken.event_id
"""
_ANY = _CLAIM.format(named="")
_NAMED = _CLAIM.format(named="AND event_id = ANY(%b::bigint[])")
# Calls about the same visitors that are before ours and in other hands.
_BEFORE = """
    SELECT visitor_id, min(event_id) FROM leads_pendingidentity
    WHERE dead_at IS NULL AND visitor_id = ANY(%b::bigint[]) AND event_id < %b AND event_id <> ALL(%b::bigint[])
    GROUP BY visitor_id
"""
# The visitors of the ids that alias calls name; an id that nobody used yet will be a browser's.
_PREVIOUS = """
    WITH known AS (
        SELECT id, anonymous_id AS name FROM leads_visitor WHERE anonymous_id = ANY(%b::text[])
        UNION ALL SELECT id, user_id FROM leads_visitor WHERE user_id = ANY(%b::text[])
    ), made AS (
        INSERT INTO leads_visitor (anonymous_id, created_at)
        SELECT name, %b::timestamptz FROM unnest(%b::text[]) AS given (name)
        WHERE length(name) <= %b AND name NOT IN (SELECT name FROM known WHERE name IS NOT NULL)
        ORDER BY name ON CONFLICT DO NOTHING RETURNING id, anonymous_id
    )
    SELECT id, name FROM known UNION ALL SELECT id, anonymous_id FROM made
"""


@dataclass(slots=True)
class Call:
    """An identify, alias or group call. `address`: the one that it names, if it names one."""

    event_id: int
    kind: str
    properties: dict[str, Any]
    user_id: str | None
    visitor_id: int
    browser_id: int | None
    address: Address | None = None
    previous_ids: tuple[int, ...] = ()

    @property
    def traits(self) -> object:
        return self.properties.get("traits")


def claim(*, limit: int, event_ids: Sequence[int] | None, now: Any) -> list[Call]:
    """Lock up to `limit` calls, the oldest first, passing over those in other hands and those that follow such."""
    given = [limit] if event_ids is None else [list(event_ids), limit]
    taken = [Call(*row) for row in sql.fetch(_ANY if event_ids is None else _NAMED, given)]
    if not taken:
        return []
    ids = [call.event_id for call in taken]
    before = dict(sql.fetch(_BEFORE, [[call.visitor_id for call in taken], ids[-1], ids]))
    calls = [call for call in taken if before.get(call.visitor_id, call.event_id) >= call.event_id]
    for call in calls:
        call.address = _address(call)
    _look_up_previous(calls, now)
    return calls


def _address(call: Call) -> Address | None:
    if call.kind != IDENTIFIED:
        return None
    written = traits.address(call.traits, call.user_id)
    try:
        return addresses.read(written) if written else None
    except addresses.AddressError:
        logger.info("the identify call of event %s names an address that is none", call.event_id)
        return None


def _look_up_previous(calls: Sequence[Call], now: Any) -> None:
    aliases = [call for call in calls if call.kind == ALIASED]
    names = sorted({str(call.properties.get("previous_id", "")) for call in aliases} - {""})
    if not names:
        return
    found: dict[str, list[int]] = {}
    for _ in range(RACES):  # one that somebody else makes at this moment shows with the next statement
        new = [name for name in names if name not in found]
        for visitor_id, name in sql.fetch(_PREVIOUS, [new, new, now, new, LONGEST_BROWSER]) if new else ():
            found.setdefault(name, []).append(visitor_id)
    for call in aliases:
        call.previous_ids = tuple(found.get(str(call.properties.get("previous_id", "")), ()))
