"""Score everyone by today's rules: after a rule has changed, the past counts as if the rule had always been so.

The ledger is only ever added to: what differs is booked as adjusting lines, so that its sum is the new score.
Conditions on fields see the fields of today; the log does not keep the fields of the past.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from leads import claiming, log, rulebook, scoring, segments, titles
from leads.appraisal import MACHINES_TOO, fit_points, set_temperature
from leads.batch import Batch, EventRow, LeadRow, flush_leads
from leads.ledger import DECAY_EVERY, Entry, write_entries
from leads.log import NewEvent
from leads.models import Lead
from leads.rulebook import Rulebook, ScoringRule
from lifecycle.core import sql

CHUNK = 500
# What rescoring changes without an event of its own.
_RESCORED = frozenset({"score", "fit_score", "intent_score"})

_EVENTS = """
    SELECT e.id, e.lead_id, e.kind, e.properties, e.occurred_at, e.recorded_at, e.source, e.depth
    FROM leads_event e
    WHERE e.lead_id = ANY(%b::bigint[]) AND e.kind = ANY(%b::text[])
      AND NOT EXISTS (SELECT FROM leads_pendingevent p WHERE p.event_id = e.id)
    ORDER BY e.lead_id, e.occurred_at, e.id
"""
_BOOKED = """
    SELECT lead_id, dimension, rule_id, CASE WHEN dimension = 'intent' THEN event_id END, sum(points), min(at)
    FROM leads_scoreentry WHERE lead_id = ANY(%b::bigint[]) GROUP BY 1, 2, 3, 4
"""


class Line(NamedTuple):
    """What a line of the ledger is about; fit is booked by rule alone, and decay has neither."""

    dimension: str
    rule_id: int | None
    event_id: int | None


@dataclass(slots=True)
class _Running:
    """Grants of one lead while its past is lived through again: by rule, faded to `at`, with the times of each."""

    sums: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    times: defaultdict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    at: datetime | None = None

    def move_to(self, at: datetime, book: Rulebook) -> None:
        if self.at is not None and at > self.at:
            for rule_id in self.sums:
                self.sums[rule_id] = scoring.faded(self.sums[rule_id], at - self.at, book.half_life)
        self.at = at

    def add(self, rule_id: int, points: int, at: datetime) -> None:
        self.sums[rule_id] += points
        self.times[rule_id].append(at)


def rescore(*, now: datetime) -> Iterator[tuple[int, int]]:
    """Rescore all leads in chunks of one transaction each; yields (leads done, leads changed) after each of them."""
    done = changed = last = 0
    while ids := list(Lead.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        changed += rescore_leads(ids, now=now)
        done += len(ids)
        last = ids[-1]
        yield done, changed


@transaction.atomic
def rescore_leads(lead_ids: list[int], *, now: datetime) -> int:
    """Rescore these leads; how many changed. Repeating it adds nothing."""
    rows = claiming.hold(lead_ids)
    told = [
        NewEvent(row.id, "lead.updated", {"fields": fields}) for row in rows.values() if (fields := titles.tell(row))
    ]
    book = rulebook.current()
    events = [EventRow(*row) for row in sql.fetch(_EVENTS, [list(rows), list(book.intent)])]
    batch = Batch(now=now, leads=rows, events=events)
    batch.load(book.needs)
    by_lead: defaultdict[int, list[EventRow]] = defaultdict(list)
    for event in events:
        by_lead[event.lead_id].append(event)
    booked = _booked(list(rows))
    entries: list[Entry] = []
    for row in rows.values():
        wanted = _wanted(batch, book, row, by_lead[row.id])
        entries += _adjustments(row, wanted, booked[row.id], book, now)
        change = set_temperature(row, book.thresholds, now)
        if change:
            told.append(NewEvent(row.id, "temperature.changed", change))
    changed = {row.id: row for row in rows.values() if row.dirty}
    write_entries(entries)
    flush_leads(rows.values(), now=now)
    log.write(told, now=now, pending=True)
    segments.follow(changed, book.segments, changed=_RESCORED, now=now)
    return len(changed)


def _wanted(batch: Batch, book: Rulebook, row: LeadRow, events: list[EventRow]) -> dict[Line, tuple[int, datetime]]:
    """Every line that today's rules would have booked, with its points and time."""
    points_by_rule = fit_points(book, batch.facts_of(row.id), batch.now)
    wanted = {Line("fit", rule_id, None): (points, batch.now) for rule_id, points in points_by_rule.items()}
    running = _Running()
    for event in events:
        if event.kind in MACHINES_TOO and event.properties.get("human") is not True:
            continue
        running.move_to(event.occurred_at, book)
        for rule in book.intent[event.kind]:
            points = _points(rule, event, running, batch, book)
            if points:
                running.add(rule.id, points, event.occurred_at)
                wanted[Line("intent", rule.id, event.id)] = (points, event.occurred_at)
    return wanted


def _points(rule: ScoringRule, event: EventRow, running: _Running, batch: Batch, book: Rulebook) -> int:
    condition = rule.trigger.condition
    if not rule.trigger.fits(event):
        return 0
    if not condition.always and not condition.matches(batch.facts_of(event.lead_id), event.occurred_at):
        return 0
    if not scoring.within_limit(running.times[rule.id], event.occurred_at, rule.limit):
        return 0
    members = book.group_members.get(rule.group.slug, ())
    return scoring.intent_points(
        rule.points,
        group_now=sum(running.sums[rule_id] for rule_id in members),
        cap=rule.group.cap,
        score_now=scoring.intent_target(running.sums.values()),
    )


def _adjustments(
    row: LeadRow,
    wanted: dict[Line, tuple[int, datetime]],
    booked: dict[Line, tuple[int, datetime]],
    book: Rulebook,
    now: datetime,
) -> list[Entry]:
    """The lines that turn what is booked into what is wanted, fading included. Sets the row's caches to the sums."""
    entries = []
    for line in {*wanted, *booked}:
        if line.rule_id is None:
            continue
        difference = wanted.get(line, (0, now))[0] - booked.get(line, (0, now))[0]
        if difference:
            at = (wanted.get(line) or booked[line])[1] if line.dimension == "intent" else now
            entries.append(Entry(row.id, line.dimension, "rescore", line.rule_id, line.event_id, difference, at))
    grants = [(points, at) for line, (points, at) in wanted.items() if line.dimension == "intent"]
    target = scoring.intent_target(scoring.faded(points, now - at, book.half_life) for points, at in grants)
    faded_so_far = sum(
        points for line, (points, _) in booked.items() if line.dimension == "intent" and line.rule_id is None
    )
    faded_more = target - sum(points for points, _ in grants) - faded_so_far
    if faded_more:
        entries.append(Entry(row.id, "intent", "rescore", None, None, faded_more, now))
    row.set("intent_score", target)
    row.set("fit_score", sum(points for line, (points, _) in wanted.items() if line.dimension == "fit"))
    row.set("score", row["fit_score"] + row["intent_score"])
    if row["intent_score"] and row["decay_due_at"] is None:
        row.set("decay_due_at", now + DECAY_EVERY)
    return entries


def _booked(lead_ids: list[int]) -> defaultdict[int, dict[Line, tuple[int, datetime]]]:
    booked: defaultdict[int, dict[Line, tuple[int, datetime]]] = defaultdict(dict)
    for lead_id, dimension, rule_id, event_id, points, at in sql.fetch(_BOOKED, [lead_ids]):
        booked[lead_id][Line(dimension, rule_id, event_id)] = (points, at)
    return booked
