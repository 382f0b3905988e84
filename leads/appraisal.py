"""Scores, temperature and stage of a batch: each event of a person in turn, so the third view counts as the third."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from leads import scoring, stages
from leads.batch import Batch, EventRow, LeadRow, NewEvent
from leads.ledger import Ledger
from leads.rulebook import MovingRule, Rulebook, ScoringRule
from lifecycle.core import sql
from lifecycle.core.rules import Facts, Rule

# Points for an act that is older than this are faded at once: an imported history makes nobody hot for a day.
OLD = timedelta(days=1)
MACHINES_TOO = frozenset({"email.clicked", "email.opened"})

_WRITE_MOVES = """
    INSERT INTO leads_stagechange (lead_id, before, after, reason, rule_id, actor_id, event_id, at)
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[],
                         %b::bigint[], %b::bigint[], %b::bigint[], %b::timestamptz[])
"""


class Move(NamedTuple):
    """A row of StageChange."""

    lead_id: int
    before: str
    after: str
    reason: str
    rule_id: int | None
    actor_id: int | None
    event_id: int | None
    at: datetime


class Appraiser:
    """Keeps the ledger and the moves of a batch over its waves; `flush` writes both."""

    def __init__(self, batch: Batch, book: Rulebook) -> None:
        self.batch = batch
        self.book = book
        self.ledger = Ledger(batch.leads, book, batch.now)
        self._moves: list[Move] = []
        self._fit_seen: dict[int, int] = {}

    def wave(self) -> None:
        """Score and stage every person for the events of the batch's present wave."""
        for row, events in self.batch.by_lead():
            self._fit(row, events[-1])
            for event in events:
                if self._intent(row, event) and self.batch.now - event.occurred_at > OLD:
                    self.ledger.fade(row)
                self._warm(row, event)
                self._stage(row, event)

    def flush(self) -> None:
        self.ledger.flush()
        write_moves(self._moves)
        self._moves = []

    def _fit(self, row: LeadRow, event: EventRow) -> None:
        if self._fit_seen.get(row.id) == row.changes and not self.book.fit_needs_events:
            return
        facts = self.batch.facts_of(row.id)
        points = fit_points(self.book, facts, self.batch.now)
        self.ledger.set_fit(row, points, event.id, event.occurred_at)
        self._fit_seen[row.id] = row.changes

    def _intent(self, row: LeadRow, event: EventRow) -> bool:
        """Book what the event gives; whether it gave anything."""
        if event.kind in MACHINES_TOO and event.properties.get("human") is not True:
            return False
        granted = False
        for rule in self.book.intent.get(event.kind, ()):
            points = self._points(rule, row, event)
            if points:
                self.ledger.grant(row, rule.id, points, event.id, event.occurred_at)
                granted = True
        return granted

    def _points(self, rule: ScoringRule, row: LeadRow, event: EventRow) -> int:
        if not rule.trigger.fits(event) or not self._holds(rule.trigger.condition, row, event):
            return 0
        if rule.limit:
            given = self.ledger.accounts[row.id].intent
            times = given[rule.id].times if rule.id in given else ()
            if not scoring.within_limit(times, event.occurred_at, rule.limit):
                return 0
        return scoring.intent_points(
            rule.points,
            group_now=self.ledger.group_sum(row.id, rule.group.slug),
            cap=rule.group.cap,
            score_now=row["intent_score"],
        )

    def _warm(self, row: LeadRow, event: EventRow) -> None:
        change = set_temperature(row, self.book.thresholds, event.occurred_at)
        if change:
            key = f"temperature:{event.id}"
            self.batch.raise_event(NewEvent(row.id, "temperature.changed", change, key=key), event)

    def _stage(self, row: LeadRow, event: EventRow) -> None:
        def holds(rule: MovingRule) -> bool:
            return rule.trigger.fits(event) and self._holds(rule.trigger.condition, row, event)

        rule = stages.first_move(row["stage"], self.book.moves_on(event.kind), holds)
        if rule:
            move = move_row(row, rule, event)
            self._moves.append(move)
            self.batch.raise_event(
                NewEvent(row.id, "stage.changed", move_properties(move, rule.slug), key=f"stage:{event.id}"), event
            )

    def _holds(self, condition: Rule, row: LeadRow, event: EventRow) -> bool:
        return condition.always or condition.matches(self.batch.facts_of(row.id), event.occurred_at)


def fit_points(book: Rulebook, facts: Facts, now: datetime) -> dict[int, int]:
    """Rule → the points that this profile is worth by it, after all caps."""
    return scoring.fit_points(
        (rule.id, rule.points, rule.group) for rule in book.fit if rule.trigger.condition.matches(facts, now)
    )


def set_temperature(row: LeadRow, thresholds: scoring.Thresholds, at: datetime) -> dict[str, Any] | None:
    """Bring the temperature in line with the score; what to tell in temperature.changed, or None."""
    before = row["temperature"]
    after = scoring.temperature(row["score"], thresholds)
    if after == before:
        return None
    row.set("temperature", after)
    row.set("hot_since", at if after == "hot" else None)
    return {"before": before, "after": after, "score": row["score"]}


def move_row(row: LeadRow, rule: MovingRule, event: EventRow) -> Move:
    """Move a locked lead by a rule, and the line of history for it."""
    at = max(event.occurred_at, row["stage_since"])
    move = Move(row.id, row["stage"], rule.to, rule.reason, rule.id, None, event.id, at)
    set_stage(row, rule.to, at)
    return move


def set_stage(row: LeadRow, stage: str, at: datetime) -> None:
    """The columns that go with a stage: who buys is a client, who lapsed is none."""
    row.set("stage", stage)
    row.set("stage_since", at)
    if stage in ("customer", "former"):
        row.set("is_client", stage == "customer")


def move_properties(move: Move, rule: str | None) -> dict[str, Any]:
    """The properties of stage.changed."""
    return {"before": move.before, "after": move.after, "reason": move.reason, "rule": rule}


def write_moves(moves: list[Move]) -> None:
    """Append lines to the stage history in one statement."""
    if moves:
        sql.execute(_WRITE_MOVES, [list(column) for column in zip(*moves, strict=True)])
