"""A goal of one person that ends the runs of everybody in their company.

Each colleague inside such a sequence gets an event of their own, in the transaction that handles the goal. It waits for
the pipeline like any event: no lock of theirs is needed here, and claims pass over people with unprocessed events, so
none of them is mailed before their exits were looked at.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from campaigns.engine.goals import COLLEAGUE_ACTED
from campaigns.running import journeys
from leads.batch import DEEPEST, Batch, EventRow
from leads.log import NewEvent, write
from lifecycle.core import sql
from lifecycle.core.nudging import nudge

PROCESS = "leads.tasks.process_pending"

_INSIDE = """
    SELECT DISTINCT l.company_id, e.lead_id, e.version_id
    FROM leads_lead l JOIN campaigns_enrollment e ON e.lead_id = l.id
    WHERE l.company_id = ANY(%b::bigint[]) AND e.state = 'active' AND e.version_id = ANY(%b::bigint[])
    ORDER BY e.lead_id
"""


class Inside(NamedTuple):
    company_id: int
    lead_id: int
    version_id: int


def tell(batch: Batch) -> None:
    """Tell colleagues of the goals of this wave. One query where a goal counts for a company, none elsewhere."""
    goals = journeys.company_goals()
    acts = [event for event in batch.events if event.kind in goals and batch.leads[event.lead_id]["company_id"]]
    if not acts:
        return
    companies = {batch.leads[event.lead_id]["company_id"] for event in acts}
    versions = {version_id for event in acts for version_id in goals[event.kind]}
    inside: dict[int, list[Inside]] = defaultdict(list)
    for row in sql.fetch(_INSIDE, [list(companies), list(versions)]):
        inside[row[0]].append(Inside(*row))
    told = [
        event
        for act in acts
        if act.depth < DEEPEST
        for event in _told(act, inside[batch.leads[act.lead_id]["company_id"]], goals[act.kind])
    ]
    if write(told, now=batch.now, pending=True):
        nudge(PROCESS)


def _told(act: EventRow, inside: Iterable[Inside], asked: dict[int, frozenset[str]]) -> list[NewEvent]:
    """Only what the exits ask for is copied: the rest of what somebody did is not their colleagues' history."""
    names: dict[int, set[str]] = defaultdict(set)
    for colleague in inside:
        if colleague.lead_id != act.lead_id and colleague.version_id in asked:
            names[colleague.lead_id] |= asked[colleague.version_id]
    return [
        NewEvent(
            lead_id,
            COLLEAGUE_ACTED,
            {"kind": act.kind, "lead": act.lead_id, "properties": _some(act.properties, wanted)},
            occurred_at=act.occurred_at,
            key=f"colleague:{act.id}:{lead_id}",
            depth=act.depth + 1,
            cause_id=act.id,
            lineage=tuple(act.lineage),
        )
        for lead_id, wanted in names.items()
    ]


def _some(properties: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name in wanted}
