"""Why a person has their score, temperature and stage."""

from itertools import groupby

from leads.models import Lead, ScoreEntry, StageChange, Workspace
from leads.models.lead import Stage
from lifecycle.reports.hot_leads import person
from lifecycle.reports.why.rows import Answer, Line, words_for
from lifecycle.reports.why.sentences import Words, count

SHOWN = 200


def score(lead: Lead) -> Answer:
    """Why the lead is hot, warm or cold: every line of the ledger, whose sum the score is."""
    words, workspace = words_for(lead, ()), Workspace.load()
    rows = ScoreEntry.objects.filter(lead=lead).select_related("rule__group", "event").order_by("at", "id")
    lines = [_points(list(entries), words) for _, entries in groupby(rows[:SHOWN], key=_source)]
    since = f" since {words.at(lead.hot_since)}" if lead.hot_since else ""
    bounds = f"warm begins at {workspace.warm_at}, hot at {workspace.hot_at}"
    short = (
        f"{words.person} is {lead.temperature}{since}: {count(lead.score, 'point')}, {lead.fit_score} for fit and "
        f"{lead.intent_score} for intent; {bounds}."
    )
    return Answer(
        f"Why is {words.person} {lead.temperature}?", short, lines or [Line(None, "Nothing gave points yet.")]
    )


def _source(entry: ScoreEntry) -> tuple[object, ...]:
    """Points that fade day by day are told as one line; everything else speaks for itself."""
    return (entry.dimension,) if entry.reason == ScoreEntry.Reason.DECAY else (entry.pk, "own line")


def _points(entries: list[ScoreEntry], words: Words) -> Line:
    entry, points = entries[-1], sum(each.points for each in entries)
    if entry.reason == ScoreEntry.Reason.DECAY:
        since = f" since {words.at(entries[0].at)}" if len(entries) > 1 else ""
        return Line(entry.at, f"{points:+d} {entry.dimension}: Faded with time{since}.", entry.dimension, entry.reason)
    what = entry.rule.name if entry.rule else "Set right"
    cap = f" (at most {entry.rule.group.cap} by “{entry.rule.group.name}”)" if entry.rule else ""
    after = f", after {entry.event.kind} on {words.at(entry.event.occurred_at)}" if entry.event else ""
    again = ", by today's rules" if entry.reason == ScoreEntry.Reason.RESCORE else ""
    text = f"{points:+d} {entry.dimension}: {what}{after}{again}{cap}."
    return Line(entry.at, text, entry.dimension, entry.reason)


def stage(lead: Lead) -> Answer:
    """Why the lead stands at its stage: every move with its rule, its event or its actor."""
    words = words_for(lead, ())
    rows = StageChange.objects.filter(lead=lead).select_related("rule", "actor", "event").order_by("at", "id")
    lines = [_move(change, words) for change in rows[:SHOWN]]
    label = Stage(lead.stage).label
    short = f"{words.person} is {label} since {words.at(lead.stage_since)}."
    if lines:
        short = f"{short[:-1]}: {lines[-1].text.partition(': ')[2] or lines[-1].text}"
    else:
        lines = [Line(lead.created_at, f"{words.person} came in as {label} and was not moved since.")]
    return Answer(f"Why is {words.person} {label}?", short, lines)


def _move(change: StageChange, words: Words) -> Line:
    by = f", by the rule “{change.rule.name}”" if change.rule else ""
    actor = f", moved by {person(change.actor)}" if change.actor else ""
    event = f", after {change.event.kind} on {words.at(change.event.occurred_at)}" if change.event else ""
    move = f"{Stage(change.before).label} → {Stage(change.after).label}"
    return Line(change.at, f"{move}: {change.reason}{by}{event}{actor}.", "stage", change.after)
