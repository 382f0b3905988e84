"""Two people whom a call or a form named together: shown to somebody, never merged by itself."""

from collections.abc import Iterable
from datetime import datetime

from lifecycle.core import sql

# Somebody with so many open doubts is a shared computer or a test account: more of them would only hide the others.
MOST_OPEN = 10

_SUSPECT = """
    INSERT INTO leads_possibleduplicate (lead_id, other_id, reason, outcome, seen_at)
    SELECT DISTINCT ON (1, 2) least(one, two), greatest(one, two), reason, 'open', %b::timestamptz
    FROM unnest(%b::bigint[], %b::bigint[], %b::text[]) AS given (one, two, reason)
    WHERE one <> two AND (
        SELECT count(*) FROM leads_possibleduplicate p
        WHERE p.outcome = 'open' AND (p.lead_id IN (one, two) OR p.other_id IN (one, two))) < %b
    ORDER BY 1, 2
    ON CONFLICT (lead_id, other_id) DO NOTHING RETURNING id
"""


def suspect(pairs: Iterable[tuple[int, int, str]], *, now: datetime) -> int:
    """Note pairs of leads with the reason in words; how many are new. What somebody decided stays decided."""
    given = list(pairs)
    if not given:
        return 0
    one, two, reasons = ([pair[part] for pair in given] for part in range(3))
    return len(sql.fetch(_SUSPECT, [now, one, two, [str(reason)[:250] for reason in reasons], MOST_OPEN]))
