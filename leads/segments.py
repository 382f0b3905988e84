"""Membership of segments, kept by difference, so that entering and leaving are events.

The pipeline brings the people of a batch up to date in memory; `refresh` brings a whole segment up to date in SQL, for
a changed rule and for rules that come true by waiting.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Q

from leads import log
from leads.batch import Batch, LeadRow, NewEvent
from leads.models import Event, Lead, Segment
from leads.rule_fields import VOCABULARY
from leads.rulebook import LivingSegment
from lifecycle.core import sql
from lifecycle.core.rules import Rule, RuleError, parse

REFRESH_EVERY = timedelta(minutes=5)
CHUNK = 5_000
_READ = "SELECT segment_id, lead_id FROM leads_segmentmember WHERE lead_id = ANY(%b::bigint[])"
_ENTER = """
    INSERT INTO leads_segmentmember (segment_id, lead_id, entered_at)
    SELECT segment_id, lead_id, %b::timestamptz FROM unnest(%b::bigint[], %b::bigint[]) AS given (segment_id, lead_id)
    ON CONFLICT DO NOTHING RETURNING segment_id, lead_id
"""
_LEAVE = """
    DELETE FROM leads_segmentmember m USING unnest(%b::bigint[], %b::bigint[]) AS given (segment_id, lead_id)
    WHERE m.segment_id = given.segment_id AND m.lead_id = given.lead_id RETURNING m.segment_id, m.lead_id
"""

# Whom the rule holds for and who is no member, and the other way round.
_DIFFERENCES = """
    WITH wanted (id) AS MATERIALIZED ({wanted})
    (SELECT w.id, true FROM wanted w
     WHERE NOT EXISTS (SELECT FROM leads_segmentmember m WHERE m.segment_id = %s AND m.lead_id = w.id)
     ORDER BY w.id LIMIT %s)
    UNION ALL
    (SELECT m.lead_id, false FROM leads_segmentmember m
     WHERE m.segment_id = %s AND NOT EXISTS (SELECT FROM wanted w WHERE w.id = m.lead_id)
     ORDER BY m.lead_id LIMIT %s)
"""
_NOBODY = ("SELECT id FROM leads_lead WHERE false", ())
_REFRESHED = "UPDATE leads_segment SET refreshed_at = %b WHERE id = %b"

Pair = tuple[int, int]  # segment, lead
Statement = tuple[str, tuple[Any, ...]]


class Memberships:
    """Who is in which segment, for the people of a batch."""

    def __init__(self, batch: Batch, segments: tuple[LivingSegment, ...]) -> None:
        self.batch = batch
        self.segments = segments
        self._kinds = {need.kind for segment in segments for need in segment.rule.needs().events}
        self._seen: dict[int, int] = {}
        self._members: set[Pair] | None = None

    def wave(self) -> None:
        """Enter and leave for everyone of this wave whom a rule may see differently now."""
        touched = [
            row for row, events in self.batch.by_lead() if self._may_differ(row, {event.kind for event in events})
        ]
        if not touched or not self.segments:
            return
        if self._members is None:
            self._members = {(segment, lead) for segment, lead in sql.fetch(_READ, [list(self.batch.leads)])}
        wanted = {(segment.id, row.id) for row in touched for segment in self.segments if self._holds(segment, row)}
        ids = {row.id for row in touched}
        known = {segment.id for segment in self.segments}
        present = {pair for pair in self._members if pair[1] in ids and pair[0] in known}
        entered, left = wanted - present, present - wanted
        really_entered, really_left = write_members(entered, left, now=self.batch.now)
        self._members = (self._members | entered) - left
        self._tell(really_entered, really_left)

    def _may_differ(self, row: LeadRow, kinds: set[str]) -> bool:
        if self._seen.get(row.id) == row.changes and not kinds & self._kinds:
            return False
        self._seen[row.id] = row.changes
        return True

    def _holds(self, segment: LivingSegment, row: LeadRow) -> bool:
        return segment.rule.matches(self.batch.facts_of(row.id), self.batch.now)

    def _tell(self, entered: list[Pair], left: list[Pair]) -> None:
        slugs = {segment.id: segment.slug for segment in self.segments}
        last = {event.lead_id: event for event in self.batch.events}
        for kind, pairs in (("segment.left", left), ("segment.entered", entered)):
            for segment_id, lead_id in sorted(pairs):
                event = NewEvent(lead_id, kind, {"segment": slugs[segment_id]}, occurred_at=self.batch.now)
                self.batch.raise_event(event, last[lead_id])


def write_members(entered: Iterable[Pair], left: Iterable[Pair], *, now: datetime) -> tuple[list[Pair], list[Pair]]:
    """Write the differences; those that were really new and really gone."""
    new, gone = sorted(entered), sorted(left)
    really_gone = sql.fetch(_LEAVE, [[pair[0] for pair in gone], [pair[1] for pair in gone]]) if gone else []
    really_new = sql.fetch(_ENTER, [now, [pair[0] for pair in new], [pair[1] for pair in new]]) if new else []
    return [(row[0], row[1]) for row in really_new], [(row[0], row[1]) for row in really_gone]


def parsed(segment: Segment) -> Rule:
    """The segment's rule; RuleError with the place and the way out if it does not read."""
    return parse(segment.rule, VOCABULARY)


def count(rule: Rule, *, now: datetime) -> int:
    """How many leads the rule holds for."""
    return Lead.objects.filter(rule.q(now, events=Event.objects.all())).count()


def change_rule(segment: Segment, rule: object, *, now: datetime) -> Segment:
    """Give a segment another rule, as a new version, and bring its members up to date. RuleError for a bad rule."""
    data = parse(rule, VOCABULARY).data
    if data != segment.rule:
        segment.rule = data
        segment.renew()
        segment.save(update_fields=["rule", "version", "refreshed_at"])
    refresh(segment, now=now)
    return segment


def refresh(segment: Segment, *, now: datetime) -> tuple[int, int]:
    """Bring all members in line with the rule; how many entered and left. An inactive segment keeps nobody.

    Works in chunks of one transaction each, so that a large segment holds no long locks.
    """
    wanted = _wanted(segment, now)
    entered = left = 0
    while True:
        entering, leaving = _differences(segment.pk, wanted)
        entered += _move(segment, entering, "segment.entered", now=now)
        left += _move(segment, leaving, "segment.left", now=now)
        if max(len(entering), len(leaving)) < CHUNK:
            break
    sql.execute(_REFRESHED, [now, segment.pk])
    return entered, left


def refresh_due(*, now: datetime) -> int:
    """Refresh new and changed segments, and every five minutes those whose rule may come true by waiting; how many."""
    due = Segment.objects.filter(Q(refreshed_at=None) | Q(is_active=True, refreshed_at__lte=now - REFRESH_EVERY))
    refreshed = 0
    for segment in due:
        if segment.refreshed_at is None or _waits(segment):
            refresh(segment, now=now)
            refreshed += 1
    return refreshed


def _wanted(segment: Segment, now: datetime) -> Statement:
    """The ids of whom the rule holds for."""
    if not segment.is_active:
        return _NOBODY
    leads = Lead.objects.filter(parsed(segment).q(now, events=Event.objects.all()))
    try:
        return leads.order_by().values_list("pk").query.sql_with_params()
    except EmptyResultSet:
        return _NOBODY


def _differences(segment_id: int, wanted: Statement) -> tuple[list[int], list[int]]:
    """Up to a chunk of those who must enter, and of those who must leave."""
    text, parameters = wanted
    with connection.cursor() as cursor:
        told = [*parameters, segment_id, CHUNK, segment_id, CHUNK]
        cursor.execute(_DIFFERENCES.format(wanted=text), told)
        rows = cursor.fetchall()
    return [row[0] for row in rows if row[1]], [row[0] for row in rows if not row[1]]


def _waits(segment: Segment) -> bool:
    try:
        return parsed(segment).needs().time_dependent
    except RuleError:
        return False


def _move(segment: Segment, lead_ids: list[int], kind: str, *, now: datetime) -> int:
    if not lead_ids:
        return 0
    pairs = [(segment.pk, lead_id) for lead_id in lead_ids]
    entering = kind == "segment.entered"
    with transaction.atomic():
        new, gone = write_members(pairs if entering else [], [] if entering else pairs, now=now)
        events = [NewEvent(lead_id, kind, {"segment": segment.slug}) for _, lead_id in (new if entering else gone)]
        log.write(events, now=now, pending=True)
    return len(events)
