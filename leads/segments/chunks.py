"""A part of a segment's pass: the leads of a range of ids, brought in line in a few statements.

Whom the rule holds for is asked twice: without locks, to find those who differ; then, holding just these, to write what
is still so. Whoever changes a lead meanwhile holds it, and writes what follows from that.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from leads.models import Event, Lead
from lifecycle.core.rules import Rule

Statement = tuple[str, tuple[Any, ...]]

_NOBODY: Statement = ("SELECT id FROM leads_lead WHERE false", ())
_DIFFERENT = """
    WITH wanted (id) AS MATERIALIZED ({wanted}),
    present AS MATERIALIZED (
        SELECT lead_id AS id FROM leads_segmentmember WHERE segment_id = %s AND lead_id > %s AND lead_id <= %s)
    SELECT l.id FROM leads_lead l WHERE l.id IN (
        SELECT coalesce(w.id, p.id) FROM wanted w FULL JOIN present p ON p.id = w.id WHERE w.id IS NULL OR p.id IS NULL)
    ORDER BY l.id FOR NO KEY UPDATE OF l
"""
# Members, their events, the queue of the pipeline and the tally in one statement; keys as in `writing.told`.
_BRING = """
    WITH wanted (id) AS MATERIALIZED ({wanted}),
    held AS MATERIALIZED (SELECT unnest(%s::bigint[]) AS id),
    new AS (
        INSERT INTO leads_segmentmember (segment_id, lead_id, entered_at)
        SELECT %s, id, %s FROM held WHERE id IN (SELECT id FROM wanted) ORDER BY id
        ON CONFLICT DO NOTHING RETURNING id, lead_id
    ), gone AS (
        DELETE FROM leads_segmentmember m USING held
        WHERE m.segment_id = %s AND m.lead_id = held.id AND held.id NOT IN (SELECT id FROM wanted)
        RETURNING m.id, m.lead_id
    ), counts AS (SELECT (SELECT count(*) FROM new) AS came, (SELECT count(*) FROM gone) AS went
    ), tally AS (
        INSERT INTO leads_segmenttally (segment_id, day, came, went, is_summed)
        SELECT %s, (%s AT TIME ZONE 'UTC')::date, came, went, false FROM counts WHERE came + went > 0
    ), told AS (
        INSERT INTO leads_event (recorded_at, lead_id, kind, properties, occurred_at, source, key, depth)
        SELECT %s, lead_id, kind, jsonb_build_object('segment', %s::text), %s, 'engine', kind || ':' || id, 0
        FROM (SELECT 'segment.left' AS kind, id, lead_id FROM gone
              UNION ALL SELECT 'segment.entered', id, lead_id FROM new) AS change
        ORDER BY kind, lead_id ON CONFLICT (source, key) DO NOTHING RETURNING id, lead_id
    ), waiting AS (
        INSERT INTO leads_pendingevent (event_id, lead_id, attempts, error) SELECT id, lead_id, 0, '' FROM told
    )
    SELECT came, went FROM counts
"""
_FORGET_DUES = "DELETE FROM leads_segmentdue WHERE segment_id = %s AND lead_id > %s AND lead_id <= %s"
_APPOINT = """
    WITH found (id, due_at) AS MATERIALIZED ({dues})
    INSERT INTO leads_segmentdue (segment_id, lead_id, due_at)
    SELECT %s, id, due_at FROM found
    WHERE due_at IS NOT NULL AND NOT EXISTS (SELECT FROM leads_segmentdue d
                      WHERE d.segment_id = %s AND d.lead_id = found.id AND d.due_at <= found.due_at)
    ORDER BY id ON CONFLICT (segment_id, lead_id) DO UPDATE
        SET due_at = least(leads_segmentdue.due_at, excluded.due_at)
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """The leads above `after` up to `until`, as the segment sees them."""

    segment_id: int
    slug: str
    after: int
    until: int

    def bring(self, rule: Rule | None, *, is_new: bool, now: datetime) -> tuple[int, int]:
        """Write members, events and due times; how many entered and left. Without a rule nobody belongs.

        With `is_new` the due times of an earlier rule are forgotten first.
        """
        wanted = _compiled(self._leads().filter(rule.q(now, self._events()))) if rule else _NOBODY
        bounds = (self.segment_id, self.after, self.until)
        with connection.cursor() as cursor:
            if is_new:
                cursor.execute(_FORGET_DUES, bounds)
            cursor.execute(_DIFFERENT.format(wanted=wanted[0]), (*wanted[1], *bounds))
            held = [row[0] for row in cursor.fetchall()]
            moved = (0, 0)
            if held:
                given = (held, self.segment_id, now, self.segment_id, self.segment_id, now, now, self.slug, now)
                cursor.execute(_BRING.format(wanted=wanted[0]), (*wanted[1], *given))
                moved = cursor.fetchone()
            if rule and (dues := self._dues(rule, now)):
                cursor.execute(_APPOINT.format(dues=dues[0]), (*dues[1], self.segment_id, self.segment_id))
        return moved

    def _dues(self, rule: Rule, now: datetime) -> Statement | None:
        """Everybody's due time; None if the rule does not wait."""
        due = rule.next_change_in_sql(now, self._events())
        return None if due is None else _compiled(self._leads().annotate(next_change=due), "next_change")

    def _leads(self) -> "QuerySet[Lead]":
        return Lead.objects.filter(pk__gt=self.after, pk__lte=self.until).order_by()

    def _events(self) -> "QuerySet[Event]":
        """The bounds are implied by the lead's; said again, they let the planner read the range once."""
        return Event.objects.filter(lead_id__gt=self.after, lead_id__lte=self.until)


def _compiled(leads: "QuerySet[Lead]", *further: str) -> Statement:
    try:
        return leads.values_list("pk", *further).query.sql_with_params()
    except EmptyResultSet:
        return _NOBODY
