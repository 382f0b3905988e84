"""What colleagues did, for exits that count it for the whole company. One query for a chunk of people."""

from collections.abc import Mapping

from campaigns.engine.goals import COLLEAGUE_ACTED
from campaigns.rehearsal.asking import Questions
from campaigns.rehearsal.past import CLOCK, Past
from leads.batch import EventRow
from lifecycle.core import sql

_COLLEAGUES = """
    SELECT l.id, e.id, e.lead_id, e.kind, e.properties, e.occurred_at, e.recorded_at, e.depth, e.lineage
    FROM leads_lead l JOIN leads_lead c ON c.company_id = l.company_id AND c.id <> l.id
    JOIN leads_event e ON e.lead_id = c.id AND e.kind = ANY(%b::text[])
    WHERE l.id = ANY(%b::bigint[]) AND e.recorded_at >= %b AND e.recorded_at < %b
    ORDER BY e.occurred_at, e.id
"""


def add(pasts: Mapping[int, Past], asked: Questions) -> None:
    """What colleagues did, as `campaigns.running.colleagues` would have told it to somebody inside."""
    if not asked.company_goals:
        return
    rows = sql.fetch(_COLLEAGUES, [sorted(asked.company_goals), list(pasts), asked.since, asked.until])
    for lead_id, event_id, actor, kind, properties, occurred_at, recorded_at, depth, lineage in rows:
        told = {"kind": kind, "lead": actor, "properties": properties}
        depth += 1
        event = EventRow(
            event_id, lead_id, COLLEAGUE_ACTED, told, occurred_at, recorded_at, "engine", depth, lineage or ()
        )
        pasts[lead_id].wave(recorded_at, CLOCK, depth).events.append(event)
