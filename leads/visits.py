"""Visits, made from page views: a view with nothing on the web in the half hour before it starts one."""

from leads import sessions
from leads.batch import Batch, NewEvent
from leads.sessions import PAUSE, Moment
from lifecycle.core.rules.facts import EventNeed, Needs

STARTS = frozenset({"page.viewed", "pricing.viewed"})
WEB = (*sorted(STARTS), "checkout.started", "demo.watched", "docs.downloaded", "docs.viewed", "visit.started")
NEEDS = Needs(events=tuple(EventNeed(kind, within=PAUSE) for kind in WEB))


def derive(batch: Batch) -> None:
    """Raise visit.started for each view of the wave that begins a visit."""
    views = [event for event in batch.events if event.kind in STARTS]
    if not views:
        return
    batch.load(NEEDS)
    moments: dict[int, list[Moment]] = {}
    for view in views:
        if view.lead_id not in moments:
            moments[view.lead_id] = _web_moments(batch, view.lead_id)
        if sessions.begins(moments[view.lead_id], (view.occurred_at, view.id)):
            batch.raise_event(NewEvent(view.lead_id, "visit.started", {"by": view.kind}, key=f"visit:{view.id}"), view)


def _web_moments(batch: Batch, lead_id: int) -> list[Moment]:
    events = batch.facts_of(lead_id).events
    return sorted((fact.at, fact.id) for kind in WEB for fact in events.get(kind, ()))
