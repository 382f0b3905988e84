"""How engaged everybody is: people in each tier, and how they moved in the last thirty days, both ways."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from leads.models.lead import Tier
from leads.tiers import LADDER, is_higher
from lifecycle.core import sql

SPAN = timedelta(days=30)
# From so many leads on a part of them is counted and scaled: a share of a million is known well enough by a tenth.
COUNTED_UP_TO = 200_000
SAMPLE = 100_000

_SIZE = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'leads_lead'::regclass"
_TIERS = "SELECT engagement_tier, count(*) FROM leads_lead {sample} GROUP BY 1"
_AT_SUNSET = "SELECT count(*) FROM leads_lead WHERE sunset_at IS NOT NULL"
_MOVES = """
    SELECT properties ->> 'before', properties ->> 'after', count(*) FROM leads_event
    WHERE kind = 'tier.changed' AND recorded_at > %b GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class TierLine:
    """A tier. `came_up` and `fell` count people's moves into it in the span, `left` those out of it."""

    tier: str
    label: str
    people: int
    share: float
    came_up: int
    fell: int
    left: int


@dataclass(frozen=True, slots=True)
class Engagement:
    """`is_about`: the people were scaled up from a sample. The highest tier comes first."""

    lines: list[TierLine]
    people: int
    at_sunset: int
    up: int
    down: int
    is_about: bool


def engagement(*, now: datetime) -> Engagement:
    """Four queries, whatever the number of leads."""
    counts, is_about = _counted(int(sql.fetch(_SIZE)[0][0]))
    moves = [(before, after, count) for before, after, count in sql.fetch(_MOVES, [now - SPAN]) if before in LADDER]
    people = sum(counts.values())
    lines = []
    for tier in reversed(LADDER):
        into = [(is_higher(after, before), count) for before, after, count in moves if after == tier]
        lines.append(
            TierLine(
                tier=tier,
                label=str(Tier(tier).label),
                people=counts.get(tier, 0),
                share=100 * counts.get(tier, 0) / people if people else 0.0,
                came_up=sum(count for is_up, count in into if is_up),
                fell=sum(count for is_up, count in into if not is_up),
                left=sum(count for before, _, count in moves if before == tier),
            )
        )
    at_sunset = int(sql.fetch(_AT_SUNSET)[0][0])
    up = sum(line.came_up for line in lines)
    return Engagement(lines, people, at_sunset, up, sum(line.fell for line in lines), is_about)


def _counted(size: int) -> tuple[dict[str, int], bool]:
    """People by tier, and whether that is an estimate. `size`: about how many leads there are."""
    if size <= COUNTED_UP_TO:
        return dict(sql.fetch(_TIERS.format(sample=""))), False
    part = SAMPLE / size
    found = sql.fetch(_TIERS.format(sample=f"TABLESAMPLE SYSTEM ({100 * part:.3f})"))
    return {tier: round(count / part) for tier, count in found}, True
