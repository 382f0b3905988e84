"""Touches of page views and of clicks in our mail: made in the pipeline, and when a browser turns out to be someone.

A touch names its event and there is one for each event, so whatever is looked at twice is stored once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from leads import sessions
from leads.batch import Batch, EventRow, LeadRow
from leads.sessions import Known, NewTouch, Past
from lifecycle.core import sql

MOST_VIEWS = 10_000
_OPENS = list(sessions.OPENS)

# An act with the address of the page it was on, or a click of a person: what may be a touch, as `sessions` says. What a
# server tells without an address goes on with no session, or it would swallow the touch of the view that follows.
_ON_THE_WEB = """
    (e.properties #> '{context,page,url}' IS NOT NULL
     OR e.kind LIKE '%%.viewed' AND e.properties ? 'url'
     OR e.kind = 'email.clicked' AND e.properties ->> 'human' = 'true')
"""
_CARRIED = "t.event_id, t.source, t.medium, t.campaign, t.term, t.content, t.click_ids"
# For each person: signs of life since half an hour before the first act, the touches meanwhile with the one before, and
# the touch that is their latest.
_PAST = f"""
    WITH given AS (
        SELECT * FROM unnest(%b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::bigint[])
            AS given (lead_id, first, last, latest)
    )
    SELECT 'moment', g.lead_id, e.occurred_at, e.id, '', '', '', '', '', NULL::jsonb
    FROM given g JOIN leads_event e ON e.lead_id = g.lead_id
        AND e.occurred_at > g.first - %b::interval AND e.occurred_at <= g.last AND {_ON_THE_WEB}
    UNION ALL
    SELECT 'touch', g.lead_id, t.occurred_at, {_CARRIED}
    FROM given g JOIN leads_touch t ON t.lead_id = g.lead_id
        AND t.occurred_at >= g.first AND t.occurred_at <= g.last AND t.kind = ANY(%b::text[])
    UNION ALL
    SELECT 'touch', g.lead_id, t.occurred_at, {_CARRIED}
    FROM given g CROSS JOIN LATERAL (
        SELECT * FROM leads_touch b WHERE b.lead_id = g.lead_id AND b.occurred_at < g.first AND b.kind = ANY(%b::text[])
        ORDER BY b.occurred_at DESC, b.id DESC LIMIT 1
    ) t
    UNION ALL
    SELECT 'latest', g.lead_id, t.occurred_at, t.id, '', '', '', '', '', NULL
    FROM given g JOIN leads_touch t ON t.id = g.latest
"""  # noqa: S608 (our own text)
_VIEWS = f"""
    SELECT given.lead_id, e.id, e.kind, e.properties, e.occurred_at
    FROM unnest(%b::bigint[], %b::bigint[]) AS given (visitor_id, lead_id)
    JOIN leads_event e ON e.visitor_id = given.visitor_id
    WHERE (e.lead_id IS NULL OR e.lead_id = given.lead_id) AND {_ON_THE_WEB}
    ORDER BY e.occurred_at, e.id LIMIT %b
"""  # noqa: S608
_INSERT = """
    INSERT INTO leads_touch (
        lead_id, visitor_id, event_id, kind, occurred_at, recorded_at, source, medium, campaign, term, content,
        referrer, landing_page, landing_path, device, sequence, mail, form, click_ids, raw)
    SELECT given.lead_id, e.visitor_id, e.id, given.kind, given.occurred_at, %b::timestamptz, given.source,
           given.medium, given.campaign, given.term, given.content, given.referrer, given.landing_page,
           given.landing_path, given.device, given.sequence, given.mail, '', given.click_ids::jsonb, given.raw::jsonb
    FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
                %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
                %b::text[], %b::text[]) WITH ORDINALITY
        AS given (lead_id, event_id, kind, occurred_at, source, medium, campaign, term, content, referrer,
                  landing_page, landing_path, device, sequence, mail, click_ids, raw, position)
    JOIN leads_event e ON e.id = given.event_id
    ORDER BY given.position
    ON CONFLICT (event_id) WHERE event_id IS NOT NULL DO NOTHING
    RETURNING lead_id, occurred_at, id
"""
_WRITTEN = (
    "source", "medium", "campaign", "term", "content", "referrer", "landing_page", "landing_path", "device",
)  # fmt: skip


class _View(NamedTuple):
    id: int
    kind: str
    properties: dict[str, Any]
    occurred_at: datetime


class _Read(NamedTuple):
    past: Past
    latest_at: datetime | None


def derive(batch: Batch) -> None:
    """Make the touches of the wave's views and clicks: no query without any, else one to read and one to write."""
    acts: dict[int, list[EventRow]] = {}
    for event in batch.events:
        if sessions.is_view(event.kind, event.properties) or sessions.is_click(event.kind, event.properties):
            acts.setdefault(event.lead_id, []).append(event)
    if not acts:
        return
    spans = {lead_id: _span(events) for lead_id, events in acts.items()}
    read = _read({lead_id: batch.leads[lead_id] for lead_id in acts}, spans)
    made = {lead_id: sessions.touches(events, read[lead_id].past) for lead_id, events in acts.items()}
    for lead_id, stored in _write(made, now=batch.now).items():
        _remember(batch.leads[lead_id], stored, read[lead_id].latest_at)


def of_visitor(row: LeadRow, visitor_ids: Sequence[int], *, now: datetime) -> list[tuple[int, datetime]]:
    """Make the touches of what these visitors did before they turned out to be this locked lead; (id, moment) of each.

    The earliest becomes the lead's original touch if there is none. The row is to be flushed.
    """
    return of_visitors(dict.fromkeys(visitor_ids, row), now=now).get(row.id, [])


def of_visitors(owners: Mapping[int, LeadRow], *, now: datetime) -> dict[int, list[tuple[int, datetime]]]:
    """As `of_visitor`, for visitors of many leads: visitor id → its lead. Three statements, whatever their number."""
    found = sql.fetch(_VIEWS, [list(owners), [row.id for row in owners.values()], MOST_VIEWS * len(owners)])
    rows = {row.id: row for row in owners.values()}
    views: dict[int, list[_View]] = {}
    for lead_id, *columns in found:
        views.setdefault(lead_id, []).append(_View(*columns))
    acts = {
        lead_id: [view for view in seen if sessions.is_view(view.kind, view.properties)]
        for lead_id, seen in views.items()
    }
    acts = {lead_id: several for lead_id, several in acts.items() if several}
    if not acts:
        return {}
    read = _read(
        {lead_id: rows[lead_id] for lead_id in acts}, {lead_id: _span(several) for lead_id, several in acts.items()}
    )
    made = {}
    for lead_id, several in acts.items():
        past = read[lead_id].past
        moments = {*past.moments, *((view.occurred_at, view.id) for view in views[lead_id])}
        made[lead_id] = sessions.touches(several, Past(list(moments), past.touches))
    stored = _write(made, now=now)
    for lead_id, touches in stored.items():
        _remember(rows[lead_id], touches, read[lead_id].latest_at)
    return {lead_id: [(touch_id, at) for at, touch_id in touches] for lead_id, touches in stored.items()}


def _span(acts: Iterable[EventRow | _View]) -> tuple[datetime, datetime]:
    times = [act.occurred_at for act in acts]
    return min(times), max(times)


def _read(leads: Mapping[int, LeadRow], spans: Mapping[int, tuple[datetime, datetime]]) -> dict[int, _Read]:
    first, last = ([spans[lead_id][end] for lead_id in leads] for end in (0, 1))
    latest_ids = [row["latest_touch_id"] for row in leads.values()]
    rows = sql.fetch(_PAST, [list(leads), first, last, latest_ids, sessions.PAUSE, _OPENS, _OPENS])
    moments: dict[int, list[sessions.Moment]] = {lead_id: [] for lead_id in leads}
    touches: dict[int, list[Known]] = {lead_id: [] for lead_id in leads}
    latest: dict[int, datetime] = {}
    for what, lead_id, at, number, *values, clicks in rows:
        if what == "moment":
            moments[lead_id].append((at, number))
        elif what == "touch":
            touches[lead_id].append(Known(at, number, sessions.carried(values, clicks)))
        else:
            latest[lead_id] = at
    return {lead_id: _Read(Past(moments[lead_id], touches[lead_id]), latest.get(lead_id)) for lead_id in leads}


def _write(made: Mapping[int, Sequence[NewTouch]], *, now: datetime) -> dict[int, list[tuple[datetime, int]]]:
    """Store them; lead → (moment, id) of those that were new, in order."""
    rows = [(lead_id, touch) for lead_id, touches in made.items() for touch in touches]
    if not rows:
        return {}
    columns = [[getattr(touch.provenance, name) for _, touch in rows] for name in _WRITTEN]
    given = [
        now,
        [lead_id for lead_id, _ in rows],
        [touch.event_id for _, touch in rows],
        [touch.kind for _, touch in rows],
        [touch.occurred_at for _, touch in rows],
        *columns,
        [touch.sequence for _, touch in rows],
        [touch.mail for _, touch in rows],
        [sql.to_json(touch.provenance.click_ids) for _, touch in rows],
        [sql.to_json(touch.provenance.raw) for _, touch in rows],
    ]
    stored: dict[int, list[tuple[datetime, int]]] = {}
    for lead_id, at, touch_id in sql.fetch(_INSERT, given):
        stored.setdefault(lead_id, []).append((at, touch_id))
    return {lead_id: sorted(touches) for lead_id, touches in stored.items()}


def _remember(row: LeadRow, stored: Sequence[tuple[datetime, int]], latest_at: datetime | None) -> None:
    """The first touch a person ever has is the original; one that happened after the latest is the latest."""
    if not stored:
        return
    if row["original_touch_id"] is None:
        row.set("original_touch_id", stored[0][1])
    at, touch_id = stored[-1]
    if latest_at is None or at >= latest_at:
        row.set("latest_touch_id", touch_id)
