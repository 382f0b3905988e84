"""What steps do beyond their own run: sales is asked, other systems are told, other sequences begin and end.

All of it inside the transaction of the batch that decided, whose leads are locked; a fixed number of queries.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from campaigns.engine.deciding import Journey
from campaigns.engine.steps import CallWebhook, ProposeEntry, RequestTask, TakeOut
from campaigns.engine.triggers import Candidate, lineage_of
from campaigns.models import Sequence
from campaigns.running import decisions, entries, exits, journeys, people
from campaigns.sending.composing import lead_context
from leads import actions
from leads.batch import NewEvent
from leads.models import Workspace
from lifecycle.core import rules, sql
from lifecycle.core.nudging import nudge

CALL = "campaigns.tasks.call_webhooks"
Reach = RequestTask | CallWebhook | ProposeEntry | TakeOut

_CALLS = """
    INSERT INTO campaigns_webhookcall
        (key, lead_id, enrollment_id, url, body, state, attempts, detail, created_at, due_at)
    SELECT key, lead_id, enrollment_id, url, body::jsonb, 'ready', 0, '', %b::timestamptz, %b::timestamptz
    FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::text[], %b::text[])
      AS given (key, lead_id, enrollment_id, url, body)
    ON CONFLICT (key) DO NOTHING
"""
_OTHERS = """
    SELECT e.id, e.lead_id, s.slug FROM campaigns_enrollment e JOIN campaigns_sequence s ON s.id = e.sequence_id
    WHERE e.state = 'active' AND e.lead_id = ANY(%b::bigint[]) AND s.slug = ANY(%b::text[])
"""


class Run(Protocol):
    """The run whose step reaches out."""

    @property
    def id(self) -> int: ...
    @property
    def lead_id(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def context(self) -> dict[str, Any]: ...
    @property
    def lineage(self) -> Several[str] | None: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """One effect with the run and the sequence it comes from."""

    run: Run
    journey: Journey
    effect: Reach

    @property
    def key(self) -> str:
        return f"enrollment:{self.run.id}:{self.effect.step_key}"


def fulfil(wishes: Several[Wish], persons: Mapping[int, people.Person], *, now: datetime) -> None:
    """Do all of it. Others end before others begin, so that one conversation can follow another."""
    if not wishes:
        return
    _ask_sales([wish for wish in wishes if isinstance(wish.effect, RequestTask)], now=now)
    _tell([wish for wish in wishes if isinstance(wish.effect, CallWebhook)], persons, now=now)
    _take_out([wish for wish in wishes if isinstance(wish.effect, TakeOut)], now=now)
    _propose([wish for wish in wishes if isinstance(wish.effect, ProposeEntry)], now=now)


def _ask_sales(wishes: Iterable[Wish], *, now: datetime) -> None:
    asked = [
        NewEvent(
            wish.run.lead_id,
            "sequence.task_requested",
            {"sequence": wish.journey.sequence, "step": wish.effect.step_key, "title": wish.effect.title},
            key=f"{wish.key}:task",
            depth=wish.run.depth + 1,
            lineage=lineage_of(wish.journey.sequence, wish.run.lineage),
        )
        for wish in wishes
        if isinstance(wish.effect, RequestTask)
    ]
    if asked:
        actions.record(asked, now=now)


def _tell(wishes: Several[Wish], persons: Mapping[int, people.Person], *, now: datetime) -> None:
    if not wishes:
        return
    rows = [
        (
            wish.key,
            wish.run.lead_id,
            wish.run.id,
            wish.effect.url,
            sql.to_json(body(wish, persons[wish.run.lead_id].row, now)),
        )
        for wish in wishes
        if isinstance(wish.effect, CallWebhook)
    ]
    sql.execute(_CALLS, [now, now, *(list(column) for column in zip(*rows, strict=True))])
    nudge(CALL)


def body(wish: Wish, row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What the other system reads, as the Standard Webhooks specification lays it out."""
    return {
        "type": "sequence.step_reached",
        "timestamp": now.isoformat(),
        "data": {
            "lead": {"id": wish.run.lead_id, **lead_context(row)},
            "sequence": wish.journey.sequence,
            "step": wish.effect.step_key,
            "run": {"id": wish.run.id, "key": wish.run.key},
            "event": wish.run.context.get("event", {}),
        },
    }


def _take_out(wishes: Several[Wish], *, now: datetime) -> None:
    if not wishes:
        return
    by = {(wish.run.lead_id, wish.effect.sequence): wish for wish in wishes if isinstance(wish.effect, TakeOut)}
    leads, slugs = zip(*by, strict=True)
    active = sql.fetch(_OTHERS, [sorted(set(leads)), sorted(set(slugs))])
    leaving = [
        exits.Exit(run_id, f"exited by {by[lead_id, slug].journey.sequence}")
        for run_id, lead_id, slug in active
        if (lead_id, slug) in by
    ]
    exits.end(leaving, now=now)


def _propose(wishes: Several[Wish], *, now: datetime) -> None:
    if not wishes:
        return
    live = journeys.live()
    by_slug = {journey.sequence: journey.sequence_id for journey in live}
    candidates, closed = [], []
    for wish in wishes:
        assert isinstance(wish.effect, ProposeEntry)
        sequence_id = by_slug.get(wish.effect.sequence)
        entered = journeys.entered_by(wish.run.lead_id, sequence_id, live) if sequence_id else None
        if entered is None:
            closed.append((wish.run.lead_id, wish.effect.sequence))
        else:
            candidates.append(_candidate(wish, entered, now))
    _turn_away(closed, now=now)
    if not candidates:
        return
    needs = rules.Needs().merge(
        *(need for each in candidates for need in (each.journey.entry_needs, each.journey.exit_needs))
    )
    persons = people.load({each.lead_id: now for each in candidates}, needs, Workspace.load())
    entries.enroll(candidates, lambda each: persons[each.lead_id].facts(each.since), now=now)


def _candidate(wish: Wish, journey: Journey, now: datetime) -> Candidate:
    return Candidate(
        wish.run.lead_id,
        journey,
        wish.run.key if journey.key_property else "",
        wish.run.context.get("event", {}),
        since=now,
        depth=wish.run.depth + 1,
        lineage=tuple(lineage_of(wish.journey.sequence, wish.run.lineage)),
    )


def _turn_away(closed: Several[tuple[int, str]], *, now: datetime) -> None:
    """(Lead, sequence) pairs: nobody enters now. That is worth a line about each, and no reason to stop here."""
    if not closed:
        return
    ids = dict(Sequence.objects.filter(slug__in={slug for _, slug in closed}).values_list("slug", "pk"))
    text = {"text": "the sequence takes nobody at the moment"}
    noted = [
        decisions.Made(lead_id, "entry", "refused", "closed", text, sequence_id=ids.get(slug))
        for lead_id, slug in closed
    ]
    decisions.note(noted, now=now)
