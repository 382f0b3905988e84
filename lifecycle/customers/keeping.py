"""Keeps people's standing in line with their facts, with the events of a batch (`checking` does it for everybody)."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from leads import claiming
from leads.actions import record
from leads.batch import Batch, LeadRow, NewEvent, flush_leads
from leads.models import Workspace
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.customers import told
from lifecycle.customers.standing import DAY, PLAN, STATE, Bought, Plan, Settings, Standing, is_client, merged, standing

FAMILIES = frozenset({"purchase", "subscription", "payment"})
SOURCE = "customers"

_PLANS = """
    SELECT lead_id, reference, state, plan, amount, currency, interval_months::int, started_at, renews_at, ends_at,
           ended_at
    FROM customers_subscription WHERE lead_id = ANY(%b::bigint[])
"""
# A payment of a subscription counts by its subscription alone.
_BOUGHT = """
    SELECT p.lead_id,
           max(p.purchased_at) FILTER (WHERE NOT is_gone),
           max(coalesce(r.at, p.purchased_at)) FILTER (WHERE is_gone)
    FROM customers_purchase p
    CROSS JOIN LATERAL (SELECT max(refunded_at) AS at FROM customers_refund WHERE purchase_id = p.id) r
    CROSS JOIN LATERAL (SELECT p.refunded > 0 AND p.refunded >= coalesce(p.amount, 0) AS is_gone) g
    WHERE p.lead_id = ANY(%b::bigint[]) AND p.subscription_id IS NULL
    GROUP BY p.lead_id
"""


def keep(batch: Batch) -> None:
    """Bring the people of this wave in line with their facts, before anything is judged by it.

    Two queries for any number of people, none for a wave in which nobody bought, paid, or ended anything.
    """
    events = {event.lead_id: event for event in batch.events if event.kind.partition(".")[0] in FAMILIES}
    if not events:
        return
    told.keep(batch)
    for lead_id, found in of(events).items():
        changed = apply(batch.leads[lead_id], found)
        if changed:
            event, row = events[lead_id], batch.leads[lead_id]
            batch.raise_event(_news(row, changed, key=f"standing:{event.id}"), event)


def of(lead_ids: Collection[int]) -> dict[int, Standing]:
    """The standing of each of these people, also of those of whom nothing is known."""
    workspace = Workspace.load()
    settings = Settings(workspace.renewal_from_months, workspace.zone)
    ids = list(lead_ids)
    plans: dict[int, list[Plan]] = defaultdict(list)
    for lead_id, *columns in sql.fetch(_PLANS, [ids]):
        plans[lead_id].append(Plan(*columns))
    bought = {lead_id: Bought(*moments) for lead_id, *moments in sql.fetch(_BOUGHT, [ids])}
    return {lead_id: standing(plans[lead_id], bought.get(lead_id, Bought()), settings) for lead_id in ids}


def apply(row: LeadRow, found: Standing) -> set[str]:
    """Set a locked lead's columns; which of them changed since they were last written."""
    client = is_client(found, stage=row["stage"], stage_since=row["stage_since"], created_at=row["created_at"])
    if client is not None:
        row.set("is_client", client)
    row.set("attributes", merged(row["attributes"], found))
    return row.dirty & {"is_client", "attributes"}


@atomic_with_retry
def settle(lead_ids: Collection[int], *, now: datetime) -> int:
    """Bring these people in line with facts that no event tells of (a date that moved); how many were not."""
    rows = claiming.hold(list(lead_ids))
    changed = {lead_id: apply(rows[lead_id], found) for lead_id, found in of(list(rows)).items()}
    flush_leads(rows.values(), now=now)
    news = [_news(rows[lead_id], fields) for lead_id, fields in changed.items() if fields]
    record(news, now=now)
    return len(news)


def _news(row: LeadRow, fields: Collection[str], *, key: str | None = None) -> NewEvent:
    """With what a reader wants to know of it: whether they are a client now, and on which plan until when."""
    now_so = {"is_client": row["is_client"]} if "is_client" in fields else {}
    plan = {name: row["attributes"].get(name) for name in (PLAN, STATE, DAY)} if "attributes" in fields else {}
    told = {"fields": sorted(fields), "source": SOURCE, **now_so} | {name: plan[name] for name in plan if plan[name]}
    return NewEvent(row.id, "lead.updated", told, key=key)
