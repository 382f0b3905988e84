"""Store a delivery of tracking calls: who they are about in one statement, what they say in another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings

from leads import log
from leads.tracking import calls, kinds, times
from leads.tracking.calls import BadCall, Call
from lifecycle.core import sql

SOURCE = "track"
ASKS = {"identify": kinds.IDENTIFIED, "group": kinds.JOINED, "alias": kinds.ALIASED}
RACES = 3
# Who is known and who is new, and what names and pages mean. Visitors without a lead are held, so that whoever joins
# them to one sees our events; the others never change. Everything is taken up in one order.
_KNOW = """
    WITH known AS (
        SELECT id, anonymous_id, user_id, lead_id FROM leads_visitor WHERE anonymous_id = ANY(%b::text[])
        UNION ALL
        SELECT id, anonymous_id, user_id, lead_id FROM leads_visitor WHERE user_id = ANY(%b::text[])
    ), held AS (
        SELECT id, lead_id FROM leads_visitor
        WHERE id = ANY(ARRAY(SELECT id FROM known WHERE lead_id IS NULL)) ORDER BY id FOR SHARE
    ), made AS (
        INSERT INTO leads_visitor (anonymous_id, user_id, created_at)
        SELECT browser, person, %b::timestamptz FROM (
            SELECT browser, NULL AS person FROM unnest(%b::text[]) browser
            WHERE NOT EXISTS (SELECT FROM known WHERE anonymous_id = browser)
            UNION ALL
            SELECT NULL, person FROM unnest(%b::text[]) person
            WHERE NOT EXISTS (SELECT FROM known WHERE user_id = person)
        ) missing ORDER BY browser, person
        ON CONFLICT DO NOTHING RETURNING id, anonymous_id, user_id, lead_id
    )
    SELECT
        ARRAY(SELECT jsonb_build_array(known.id, anonymous_id, user_id, coalesce(known.lead_id, held.lead_id))::text
              FROM known LEFT JOIN held ON held.id = known.id
              UNION ALL SELECT jsonb_build_array(id, anonymous_id, user_id, lead_id)::text FROM made),
        (SELECT jsonb_object_agg(name, kind) FROM leads_eventname WHERE name = ANY(%b::text[])),
        (SELECT coalesce(jsonb_agg(jsonb_build_array(pattern, kind) ORDER BY position, id), '[]')::text
         FROM leads_pagerule WHERE is_active)
"""
_decode_visitor = msgspec.json.Decoder(tuple[int, str | None, str | None, int | None]).decode


@dataclass(frozen=True, slots=True)
class Delivery:
    """Calls as they came: of one kind, or (in a batch) each with its own `type`.

    `sent_at` is the batch's, for those without their own; `is_public`: the key stands in a page's source.
    """

    raws: Sequence[bytes]
    kind: str | None = None
    sent_at: Any = None
    is_public: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was not taken: its place in the delivery, and the member that is wrong ("" for the whole)."""

    index: int
    call: str
    message_id: str
    reason: str
    field: str
    raw: bytes


@dataclass(slots=True)
class Accepted:
    """What came of a delivery. Calls that were there before are in neither list."""

    refused: list[Refusal] = field(default_factory=list)
    event_ids: list[int] = field(default_factory=list)
    asking: list[int] = field(default_factory=list)  # the events among them that say who is who
    lead_ids: set[int] = field(default_factory=set)


class Visitor(msgspec.Struct):
    id: int
    lead_id: int | None


@dataclass(slots=True)
class _Around:
    """What the database knows of the people and names of a delivery."""

    browsers: dict[str, Visitor]
    users: dict[str, Visitor]
    meanings: kinds.Known


def accept(delivery: Delivery, *, now: datetime) -> Accepted:
    """Write what reads into the log, once per messageId; the rest is refused, each by itself.

    Nothing is concluded here: events of known people wait for the pipeline, those that say who is who for
    `leads.identity`. Part of the caller's transaction.
    """
    accepted = Accepted()
    read = _read(delivery, accepted)
    if read:
        around = _know([call for _, call in read], now=now)
        _write(delivery, read, around, accepted, now=now)
        accepted.refused.sort(key=lambda refusal: refusal.index)
    return accepted


def _read(delivery: Delivery, accepted: Accepted) -> list[tuple[int, Call]]:
    """The calls that read, with their places; of two with one messageId the first."""
    read: dict[str, tuple[int, Call]] = {}
    for index, raw in enumerate(delivery.raws):
        try:
            call = calls.read(raw, delivery.kind)
        except BadCall as bad:
            accepted.refused.append(_refused(delivery, index, bad))
        else:
            read.setdefault(call.key, (index, call))
    return list(read.values())


def _refused(delivery: Delivery, index: int, bad: BadCall) -> Refusal:
    raw = bytes(delivery.raws[index])
    kind, message_id = calls.glance(raw)
    return Refusal(index, delivery.kind or kind, message_id, bad.reason, bad.field, raw)


def _know(read: Sequence[Call], *, now: datetime) -> _Around:
    """The visitors of these calls, made if they are new, and the names and pages that mean something."""
    browsers = {call.browser for call in read if call.browser and (not call.user or call.type in ASKS)}
    users = {call.user for call in read if call.user}
    names = sorted({name for call in read if (name := call.name)})
    around = _Around({}, {}, kinds.Known({}, kinds.pages("[]")))
    for _ in range(RACES):
        new, named = sorted(browsers - around.browsers.keys()), sorted(users - around.users.keys())
        found, meanings, pages = sql.fetch(_KNOW, [new, named, now, new, named, names])[0]
        around.meanings = kinds.Known(meanings or {}, kinds.pages(pages))
        for visitor_id, browser, user, lead_id in map(_decode_visitor, found):
            kept = around.users if browser is None else around.browsers
            kept[user if browser is None else browser] = Visitor(visitor_id, lead_id)  # type: ignore[index]
        if len(around.browsers) == len(browsers) and len(around.users) == len(users):
            return around  # else somebody else made one meanwhile: it shows with the next statement
    raise RuntimeError("visitors vanish while they are looked up")


def _write(
    delivery: Delivery, read: Sequence[tuple[int, Call]], around: _Around, accepted: Accepted, *, now: datetime
) -> None:
    events, future = log.Tracked(), settings.SANDBOX
    for index, call in read:
        kind = kind_of(call, around.meanings)
        if reason := kinds.refusal(kind, is_public=delivery.is_public):
            accepted.refused.append(_refused(delivery, index, BadCall(reason, "event")))
            continue
        visitor = around.users[call.user] if call.user else around.browsers[call.browser]
        if call.type in ASKS:
            browser = around.browsers.get(call.browser) if call.user else None
            events.asking[call.key] = browser.id if browser else None
        events.lead_ids.append(visitor.lead_id)
        events.visitor_ids.append(visitor.id)
        events.kinds.append(kind)
        events.properties.append(sql.to_json(call.facts))
        events.moments.append(times.occurred(call.at, call.sent_at or delivery.sent_at, now=now, future=future))
        events.keys.append(call.key)
    written = log.write_tracked(events, source=SOURCE, now=now)
    accepted.event_ids = list(written.values())
    accepted.asking = [written[key] for key in events.asking if key in written]
    leads = zip(events.keys, events.lead_ids, strict=True)
    accepted.lead_ids = {lead_id for key, lead_id in leads if lead_id is not None and key in written}


def kind_of(call: Call, known: kinds.Known) -> str:
    """What the call is in our log."""
    match call.type:
        case "track":
            return known.names.get(call.name, call.name)
        case "page":
            return kinds.of_page(call.name, call.facts, call.around, known)
        case "screen":
            return known.names.get(call.name, kinds.SCREEN)
        case kind:
            return ASKS[kind]
