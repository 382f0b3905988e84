"""Everybody who ever bought anything, in line with their facts: a pass once a night, as a repair.

It follows a change of the setting, a merge of two people, and whatever else no event tells of. It goes through the
people in the order of their ids, a chunk a transaction, and keeps its place on the workspace's row: a worker that dies
delays, and a tick does a part of it.
"""

import logging
from datetime import datetime

from leads.models import Workspace
from lifecycle.core import sql, ticks
from lifecycle.customers import keeping

logger = logging.getLogger(__name__)

# A tick does so many chunks at most: less than a minute's work.
CHUNK, MOST = 500, 100
_NEXT = """
    SELECT lead_id FROM (
        (SELECT DISTINCT lead_id FROM customers_subscription WHERE lead_id > %(after)b ORDER BY lead_id LIMIT %(most)b)
        UNION
        (SELECT DISTINCT lead_id FROM customers_purchase WHERE lead_id > %(after)b ORDER BY lead_id LIMIT %(most)b)
    ) known ORDER BY lead_id LIMIT %(most)b
"""
_PLACE = "SELECT customers_checked_to FROM leads_workspace WHERE id = 1"
_BEGIN = "UPDATE leads_workspace SET customers_checked_to = coalesce(customers_checked_to, 0) WHERE id = 1"
# Who lost a race finds the place moved.
_MARK = "UPDATE leads_workspace SET customers_checked_to = %b WHERE id = 1 AND customers_checked_to = %b"


def begin(*, now: datetime) -> int:
    """Begin a pass unless one is under way, and do the first part of it; how many people were not in line."""
    Workspace.load()
    sql.execute(_BEGIN)
    return go_on(now=now)


@ticks.when("EXISTS (SELECT FROM leads_workspace WHERE id = 1 AND customers_checked_to IS NOT NULL)")
def go_on(*, now: datetime, most: int = MOST) -> int:
    """Go on with a pass that is under way; how many people were not in line with their facts."""
    mended = 0
    for _ in range(most):
        found = _chunk(now)
        if found is None:
            break
        mended += found
    if mended:
        logger.warning("the check of all customers brought %d people in line", mended)
    return mended


def progress() -> int | None:
    """Up to which lead a pass under way has come; None if there is none."""
    found = sql.fetch(_PLACE)
    return found[0][0] if found else None


def _chunk(now: datetime) -> int | None:
    """The next people; None if no pass is under way, or another worker did these meanwhile.

    The place is marked after the people are: done twice they are as they are done once.
    """
    place = progress()
    if place is None:
        return None
    ids = [row[0] for row in sql.fetch(_NEXT, {"after": place, "most": CHUNK})]
    mended = keeping.settle(ids, now=now) if ids else 0
    moved_on = sql.execute(_MARK, [ids[-1] if len(ids) == CHUNK else None, place])
    return mended if moved_on else None
