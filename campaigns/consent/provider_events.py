"""What mail providers report, through Anymail's signal: stored once, then acted on at once.

A delivery may hold a thousand reports. They are stored in one statement; blocks come next, each in a transaction of its
own; what is left is done in one transaction that also marks them done. Whatever dies in between is not answered with
2xx, and the provider tells it again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple

from anymail.signals import AnymailTrackingEvent, tracking
from django.dispatch import receiver

from campaigns.consent import provider_reports
from campaigns.consent.provider_reports import Report
from campaigns.consent.suppressing import suppress
from campaigns.sending import settling
from leads.addresses import address_key, hash_of
from leads.batch import NewEvent
from leads.log import write as write_events
from lifecycle.core import clock, sql
from lifecycle.core.deadlocks import atomic_with_retry

_STORE = """
    INSERT INTO campaigns_providerevent (key, provider, kind, address_hash, detail, at, message_id)
    SELECT given.key, given.provider, given.kind, given.address_hash, given.detail, given.at,
           coalesce(ours.id, (SELECT min(m.id) FROM campaigns_message m
                              WHERE given.provider_id <> '' AND m.provider_id = given.provider_id))
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::text[])
      AS given (key, provider, kind, address_hash, detail, at, message_key, provider_id)
    LEFT JOIN campaigns_message ours ON given.message_key <> '' AND ours.key = given.message_key
    ORDER BY given.key
    ON CONFLICT (key) DO NOTHING
"""
_OPEN = """
    SELECT e.id, e.key, e.address_hash, e.message_id, m.lead_id
    FROM campaigns_providerevent e LEFT JOIN campaigns_message m ON m.id = e.message_id
    WHERE e.key = ANY(%b::text[]) AND e.processed_at IS NULL ORDER BY e.id
"""
# Whoever settles one of these at this moment either sees the report or is waited for.
_HOLD = """
    SELECT id FROM campaigns_message WHERE id = ANY(%b::bigint[]) AND state IN ('sending', 'unknown')
    ORDER BY id FOR NO KEY UPDATE
"""
_DONE = "UPDATE campaigns_providerevent SET processed_at = %b WHERE id = ANY(%b::bigint[]) AND processed_at IS NULL"

_collected: ContextVar[list[Report] | None] = ContextVar("reports of one delivery", default=None)


class _Open(NamedTuple):
    """A stored report on which nobody acted yet."""

    id: int
    address_hash: str
    message_id: int | None
    lead_id: int | None
    report: Report


@receiver(tracking, dispatch_uid="campaigns.consent.provider_events")
def on_tracking(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    now = clock.now()
    waiting = _collected.get()
    if waiting is None:
        store_and_apply(event, provider=esp_name, now=now)
    else:
        waiting.append(provider_reports.read(event, provider=esp_name, now=now))


@contextmanager
def collected() -> Iterator[list[Report]]:
    """Reports that Anymail tells of inside are put on this list, for `take`, instead of being acted on one by one."""
    reports: list[Report] = []
    token = _collected.set(reports)
    try:
        yield reports
    finally:
        _collected.reset(token)


def store_and_apply(event: AnymailTrackingEvent, *, provider: str, now: datetime) -> None:
    """Store one report and act on it, unless it is known and done."""
    take([provider_reports.read(event, provider=provider, now=now)], now=now)


def take(reports: Sequence[Report], *, now: datetime) -> list[int]:
    """Store these reports and act on those that are new; the leads they tell of. Safe to repeat at every point."""
    if not reports:
        return []
    by_key = {report.key: report for report in reports}
    _store(list(by_key.values()))
    rows = sql.fetch(_OPEN, [list(by_key)])
    todo = [_Open(pk, hashed, message_id, lead_id, by_key[key]) for pk, key, hashed, message_id, lead_id in rows]
    for each in todo:
        _block(each, now)
    _finish(todo, now=now)
    return sorted({each.lead_id for each in todo if each.lead_id})


def _store(reports: Sequence[Report]) -> None:
    key = address_key()
    hashed = {report.recipient: hash_of(report.recipient, key) for report in reports}
    rows = [
        (
            report.key,
            report.provider,
            report.kind,
            hashed[report.recipient],
            report.detail,
            report.at,
            report.message_key,
            "" if report.message_key else report.message_id,
        )
        for report in reports
    ]
    sql.execute(_STORE, [list(column) for column in zip(*rows, strict=True)])


def _block(each: _Open, now: datetime) -> None:
    if each.report.block and each.address_hash:
        scope, reason = each.report.block
        suppress(each.address_hash, scope=scope, reason=reason, source=each.report.provider, now=now)


@atomic_with_retry
def _finish(todo: Sequence[_Open], *, now: datetime) -> None:
    if not todo:
        return
    proven = [each.message_id for each in todo if each.message_id and each.report.proves_sending]
    if proven:
        settling.resolve([row[0] for row in sql.fetch(_HOLD, [proven])])
    told = [_event(each) for each in todo if each.message_id and each.report.event_kind]
    write_events(told, now=now, pending=True)
    sql.execute(_DONE, [now, [each.id for each in todo]])


def _event(each: _Open) -> NewEvent:
    properties = {"message": each.message_id, "detail": each.report.detail}
    return NewEvent(each.lead_id, each.report.event_kind or "", properties, source="provider", key=f"{each.id}")
