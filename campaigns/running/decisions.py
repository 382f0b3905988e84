"""The decision log: what was decided about whom, by which check, on which values; also what was not done.

Rows are compact and written with the batch that decided, in its transaction, by one statement. `lifecycle.reports.why`
reads them as sentences. They are pruned after a while; what became of runs and mails stays on their own rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from campaigns.engine import triggers
from campaigns.engine.steps import (
    CallWebhook,
    Decision,
    Leave,
    Note,
    Notify,
    ProposeEntry,
    Queue,
    RequestTask,
    SetField,
    Stay,
    TakeOut,
)
from campaigns.sending import checks
from leads.models import Workspace
from lifecycle.core import sql

_NOTE = """
    INSERT INTO campaigns_decision
        (at, lead_id, about, outcome, check_name, values, sequence_id, enrollment_id, message_id, step_key)
    SELECT %b::timestamptz, lead_id, about, outcome, check_name, values::jsonb, sequence_id, enrollment_id, message_id,
           step_key
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int[], %b::bigint[], %b::bigint[],
                %b::text[])
      AS given (lead_id, about, outcome, check_name, values, sequence_id, enrollment_id, message_id, step_key)
"""
# A day's rows at a time, so that no pass holds its locks for long.
_PRUNE = """
    DELETE FROM campaigns_decision WHERE id IN (
        SELECT id FROM campaigns_decision WHERE at < %b::timestamptz ORDER BY at LIMIT %b)
"""
# What every step says by being there is not worth a row.
PLAIN = frozenset({"its mail has an outcome", "the wait is over", "the hour has come", "the step is reached"})


@dataclass(frozen=True, slots=True)
class Made:
    """A decision. `check` names what decided, `values` what it saw, `outcome` what came of it."""

    lead_id: int
    about: str
    outcome: str
    check: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    sequence_id: int | None = None
    enrollment_id: int | None = None
    message_id: int | None = None
    step_key: str = ""


def note(made: Sequence[Made], *, now: datetime) -> None:
    """Write decisions, in the caller's transaction. One statement, or none."""
    if not made:
        return
    sql.execute(
        _NOTE,
        [
            now,
            [each.lead_id for each in made],
            [each.about for each in made],
            [each.outcome[:14] for each in made],
            [each.check[:20] for each in made],
            [sql.to_json(each.values) if each.values else None for each in made],
            [each.sequence_id for each in made],
            [each.enrollment_id for each in made],
            [each.message_id for each in made],
            [each.step_key for each in made],
        ],
    )


def prune(*, now: datetime, limit: int = 50_000) -> int:
    """Forget decisions older than the workspace keeps them, up to `limit` rows; how many went."""
    kept = timedelta(days=Workspace.load().decisions_kept_days)
    return sql.execute(_PRUNE, [now - kept, limit])


def parted(reason: str) -> tuple[str, str]:
    """A reason's check and the rest: "cap: 5 of 5" → ("cap", "5 of 5"); without a check the whole text is the rest."""
    head, colon, rest = reason.partition(": ")
    return (head, rest) if colon and head.replace("-", "").isalpha() and head.islower() else ("", reason)


def saying(reason: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The check and the values to keep of a reason: its numbers where it gave them, else its words."""
    check, rest = parted(reason)
    if values:
        return check, _plain(values)
    return check, {"text": rest} if rest else {}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def of_entry(candidate: triggers.Candidate, verdict: triggers.Verdict, enrollment_id: int | None) -> Made:
    """Somebody was proposed for a sequence."""
    check, values = saying(verdict.reason, verdict.values)
    if candidate.event_id is not None:
        values["event"] = candidate.event_id
    if candidate.key:
        values["key"] = candidate.key
    return Made(
        candidate.lead_id,
        "entry",
        verdict.result,
        check,
        values,
        sequence_id=candidate.journey.sequence_id,
        enrollment_id=enrollment_id,
    )


def of_walk(
    lead_id: int,
    sequence_id: int,
    enrollment_id: int,
    decisions: Iterable[Decision],
    *,
    stood: tuple[str, datetime | None],
) -> list[Made]:
    """What the engine decided on a run. `stood`: the step and the time it waited for before, which is no news.

    Ends are noted where runs end (`exits.end`), whoever ends them.
    """
    made = []
    for decision in decisions:
        outcome, values = _told(decision, stood)
        if outcome:
            check, rest = saying(decision.reason, values)
            made.append(
                Made(lead_id, "step", outcome, check, rest, sequence_id, enrollment_id, None, decision.step_key)
            )
    return made


def _told(decision: Decision, stood: tuple[str, datetime | None]) -> tuple[str, dict[str, Any]]:
    match decision:
        case Leave():
            return "", {}
        case Stay(until=None):
            return "", {}
        case Stay(step_key=step_key, until=until, reason=reason):
            told = {} if reason.startswith("waiting until") else {"text": reason}
            return ("", {}) if (step_key, until) == stood else ("waiting", {"until": until, **told})
        case Queue(variant_key=variant, is_shadow=is_shadow):
            return ("shadow" if is_shadow else "queued"), ({"variant": variant} if variant else {})
        case Note(reason=reason):
            return ("" if reason in PLAIN else "passed"), {}
    return _done(decision)


def _done(decision: Decision) -> tuple[str, dict[str, Any]]:
    """What a step did beside mailing. The address of a webhook may hold a secret, so it is left where it is."""
    match decision:
        case SetField(field=name):
            return "set", {"field": name}
        case Notify(message=message):
            return "notified", {"message": message}
        case RequestTask(title=title):
            return "task", {"title": title}
        case CallWebhook():
            return "webhook", {}
        case ProposeEntry(sequence=slug):
            return "proposed", {"sequence": slug}
        case TakeOut(sequence=slug):
            return "taken_out", {"sequence": slug}
    return type(decision).__name__.lower(), {}


def of_check(verdict: checks.Defer | checks.Drop, *, lead_id: int, message_id: int, **place: Any) -> Made:
    """A mail was looked at and not sent: it waits (deferred) or has its end."""
    check, values = saying(verdict.reason, verdict.values)
    outcome = "deferred" if isinstance(verdict, checks.Defer) else verdict.state
    return Made(lead_id, "send", outcome, check, values, message_id=message_id, **place)
