"""A rehearsal as JSON: what the result page, `manage.py rehearse --json` and the tables are made from."""

from collections import Counter, defaultdict
from datetime import date
from typing import Any

from campaigns.rehearsal.findings import Difference, Outcome, Rehearsal


def data(found: Rehearsal) -> dict[str, Any]:
    """Plain JSON, in the order in which people read it; counts are sorted by size."""
    return {
        "sequence": found.sequence,
        "version": found.version,
        "is_draft": found.is_draft,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "time_zone": found.zone,
        "looked_at": found.looked_at,
        "seconds": round(found.seconds, 2),
        "triggers": found.triggers,
        "steps": found.steps,
        "assumed_as_today": found.assumed_as_today,
        "notes": found.notes,
        "outcome": _outcome(found.outcome),
        "difference": _difference(found.difference, found) if found.difference else None,
        "samples": [
            {"lead": sample.lead_id, "moments": [[m.at.isoformat(), m.what, m.detail] for m in sample.moments]}
            for sample in found.outcome.samples
        ],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "proposals": outcome.proposals,
        "entries": outcome.entries,
        "people": outcome.people,
        "merged": outcome.merged,
        "met_again": outcome.met_again,
        "refused": _sorted(outcome.refused),
        "sent": outcome.sent,
        "deferred": _sorted(outcome.deferred),
        "skipped": _sorted(outcome.skipped),
        "exits": _sorted(outcome.exits),
        "still_inside": outcome.still_inside,
        "still_waiting_for_filters": outcome.waiting,
        "still_queued": outcome.still_waiting,
        "other_effects": _sorted(outcome.effects),
        "mails": [
            {"step": step, "variant": variant, "sent": sent} for (step, variant), sent in outcome.per_step().items()
        ],
        "mails_per_day": _per_day(outcome),
        "collisions": {
            "deferred_because_of": _sorted(outcome.crowded_by),
            "would_defer_mails_of": _sorted(outcome.crowds),
            "would_replace_runs_of": _sorted(outcome.would_replace),
            "would_refuse_entries_of": _sorted(outcome.would_refuse),
        },
        "answers_left_out": outcome.answers_left_out,
    }


def _per_day(outcome: Outcome) -> dict[str, dict[str, int]]:
    """Day → step (with its variant, “hello/a”) → mails."""
    days: dict[date, Counter[str]] = defaultdict(Counter)
    for (day, step, variant), number in outcome.mails.items():
        days[day][f"{step}/{variant}" if variant else step] += number
    return {day.isoformat(): dict(sorted(steps.items())) for day, steps in sorted(days.items())}


def _difference(difference: Difference, found: Rehearsal) -> dict[str, Any]:
    return {
        "published_version": found.published_version,
        "only_this_one_lets_in": difference.enter_only_draft,
        "only_the_published_lets_in": difference.enter_only_published,
        "mailed_otherwise": difference.other_mails,
        "mailed_the_same": difference.same,
        "published": _outcome(difference.published),
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
