"""Does every cached score equal the sum of its ledger? Looked at every night; a mismatch is an alarm."""

import logging
from dataclasses import dataclass

from lifecycle.core import sql

logger = logging.getLogger(__name__)

_COMPARE = """
    SELECT l.id, l.fit_score, l.intent_score, coalesce(s.fit, 0), coalesce(s.intent, 0)
    FROM leads_lead l LEFT JOIN (
        SELECT lead_id, sum(points) FILTER (WHERE dimension = 'fit') AS fit,
               sum(points) FILTER (WHERE dimension = 'intent') AS intent
        FROM leads_scoreentry GROUP BY lead_id
    ) s ON s.lead_id = l.id
    WHERE l.fit_score <> coalesce(s.fit, 0) OR l.intent_score <> coalesce(s.intent, 0)
    ORDER BY l.id LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class Mismatch:
    lead_id: int
    fit_cached: int
    intent_cached: int
    fit_booked: int
    intent_booked: int


def verify_scores() -> list[Mismatch]:
    """The leads whose cache and ledger differ, a thousand at most; each run that finds some says so in the log."""
    found = [Mismatch(*row) for row in sql.fetch(_COMPARE)]
    if found:
        logger.critical("scores differ from their ledger for %d leads, first lead %s", len(found), found[0].lead_id)
    return found
