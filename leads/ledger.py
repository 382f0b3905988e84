"""The score ledger of a batch's leads: what was given so far, and the lines to add. Caches follow from it.

A line with a rule is a grant and fades with its age; lines of decay book the fading, so the sum stays the score.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from leads.batch import LeadRow
from leads.rulebook import Rulebook
from leads.scoring import Grants, faded, intent_target
from lifecycle.core import sql

DECAY_EVERY = timedelta(days=1)

_READ = """
    SELECT lead_id, dimension, rule_id, sum(points),
           sum(points * power(0.5, greatest(extract(epoch FROM %b::timestamptz - at), 0) / %b::float8))::float8,
           array_agg(at) FILTER (WHERE points > 0 AND rule_id = ANY(%b::bigint[]))
    FROM leads_scoreentry WHERE lead_id = ANY(%b::bigint[]) AND rule_id IS NOT NULL
    GROUP BY lead_id, dimension, rule_id
"""
_WRITE = """
    INSERT INTO leads_scoreentry (lead_id, dimension, reason, rule_id, event_id, points, at)
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[],
                         %b::bigint[], %b::bigint[], %b::smallint[], %b::timestamptz[])
"""


class Entry(NamedTuple):
    lead_id: int
    dimension: str
    reason: str
    rule_id: int | None
    event_id: int | None
    points: int
    at: datetime


@dataclass(slots=True)
class Account:
    """One lead's side of the ledger."""

    fit: dict[int, int] = field(default_factory=dict)
    intent: defaultdict[int, Grants] = field(default_factory=lambda: defaultdict(Grants))


class Ledger:
    """Accounts of some locked leads as of `now`. The rows' caches change with them; `flush` writes the lines."""

    def __init__(self, lead_ids: Iterable[int], book: Rulebook, now: datetime) -> None:
        self.book = book
        self.now = now
        self.accounts = {lead_id: Account() for lead_id in lead_ids}
        self._entries: list[Entry] = []
        self._read()

    def set_fit(self, row: LeadRow, points: dict[int, int], event_id: int | None, at: datetime) -> None:
        """Book the differences that bring fit to these points by rule."""
        given = self.accounts[row.id].fit
        if given == points:
            return
        for rule_id in {*given, *points}:
            difference = points.get(rule_id, 0) - given.get(rule_id, 0)
            if difference:
                self._entries.append(Entry(row.id, "fit", "rule", rule_id, event_id, difference, at))
        self.accounts[row.id].fit = dict(points)
        _set_scores(row, fit=sum(points.values()), intent=row["intent_score"])

    def grant(self, row: LeadRow, rule_id: int, points: int, event_id: int | None, at: datetime) -> None:
        """Book intent points of a rule for an event."""
        self._entries.append(Entry(row.id, "intent", "rule", rule_id, event_id, points, at))
        grants = self.accounts[row.id].intent[rule_id]
        grants.faded += faded(points, self.now - at, self.book.half_life)
        grants.times.append(at)
        _set_scores(row, fit=row["fit_score"], intent=row["intent_score"] + points)
        if row["decay_due_at"] is None:
            row.set("decay_due_at", self.now + DECAY_EVERY)

    def fade(self, row: LeadRow) -> None:
        """Book what intent has lost by now, exactly as its grants' ages say."""
        target = intent_target(grants.faded for grants in self.accounts[row.id].intent.values())
        difference = target - row["intent_score"]
        if difference < 0:
            self._entries.append(Entry(row.id, "intent", "decay", None, None, difference, self.now))
            _set_scores(row, fit=row["fit_score"], intent=target)

    def group_sum(self, lead_id: int, group: str) -> float:
        """Intent points of a group that are left by now."""
        intent = self.accounts[lead_id].intent
        return sum(intent[rule_id].faded for rule_id in self.book.group_members.get(group, ()) if rule_id in intent)

    def flush(self) -> None:
        write_entries(self._entries)
        self._entries = []

    def _read(self) -> None:
        limited = [rule.id for rule in self.book.scores.values() if rule.limit]
        seconds = self.book.half_life.total_seconds()
        rows = sql.fetch(_READ, [self.now, seconds, limited, list(self.accounts)])
        for lead_id, dimension, rule_id, points, left, times in rows:
            if dimension == "intent":
                self.accounts[lead_id].intent[rule_id] = Grants(left, times or [])
            elif points:
                self.accounts[lead_id].fit[rule_id] = points


def write_entries(entries: list[Entry]) -> None:
    """Append lines to the ledger in one statement."""
    if entries:
        sql.execute(_WRITE, [list(column) for column in zip(*entries, strict=True)])


def _set_scores(row: LeadRow, *, fit: int, intent: int) -> None:
    row.set("fit_score", fit)
    row.set("intent_score", intent)
    row.set("score", fit + intent)
