"""Does the mail work at all: those who got it against those held out, by the goals that ended their runs."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from campaigns.running import journeys
from lifecycle.core import sql
from lifecycle.core.statistics import Arm, Comparison, compare, in_words, percent

TREATED, HELD_OUT = "treated", "held out"

# A person counts once, with their first run in a version that held somebody out: so both came in the same times.
_RUNS = """
    SELECT sequence_id, version_id, is_holdout, exit_reason, count(*) FROM (
        SELECT DISTINCT ON (e.sequence_id, e.lead_id) e.sequence_id, e.version_id, e.is_holdout, e.exit_reason
        FROM campaigns_enrollment e JOIN campaigns_sequenceversion v ON v.id = e.version_id
        WHERE v.holdout_percent > 0 AND e.sequence_id = ANY(%b::bigint[])
        ORDER BY e.sequence_id, e.lead_id, e.enrolled_at, e.id
    ) firsts
    GROUP BY sequence_id, version_id, is_holdout, exit_reason
"""


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """`comparison`: the treated against the held out. `sentence` is its plain words."""

    treated: Arm
    held_out: Arm
    comparison: Comparison
    sentence: str


def control_groups(sequence_ids: Collection[int]) -> dict[int, ControlGroup]:
    """By sequence id, of those that ever held somebody out. One query, and those of versions not yet in memory."""
    rows = sql.fetch(_RUNS, [list(sequence_ids)]) if sequence_ids else []
    known = journeys.load({row[1] for row in rows})
    goals = {pk: {rule.reason for rule in journey.exits if rule.goal} for pk, journey in known.items()}
    counts: dict[int, dict[bool, list[int]]] = defaultdict(lambda: {False: [0, 0], True: [0, 0]})
    for sequence_id, version_id, is_holdout, exit_reason, people in rows:
        count = counts[sequence_id][is_holdout]
        count[0] += people
        count[1] += people if exit_reason in goals.get(version_id, ()) else 0
    return {sequence_id: _compared(arms[False], arms[True]) for sequence_id, arms in counts.items()}


def _compared(treated: list[int], held_out: list[int]) -> ControlGroup:
    got, control = Arm(TREATED, *treated), Arm(HELD_OUT, *held_out)
    comparison = compare(control, got)
    return ControlGroup(got, control, comparison, _sentence(got, control, comparison))


def _sentence(got: Arm, control: Arm, comparison: Comparison) -> str:
    if not got.people or not control.people:
        return "Nobody to compare with yet."
    shares = (
        f"{percent(got.rate)} of {got.people:,} with mail against {percent(control.rate)} of {control.people:,} without"
    )
    if not comparison.shows_difference:
        return f"No effect shown: {shares}; {in_words(comparison)} apart."
    effect = "The mail works" if comparison.difference > 0 else "The mail does harm"
    return f"{effect}: {shares}, {in_words(comparison)}."
