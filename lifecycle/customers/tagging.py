"""A purchase says whom somebody is: the audience of what they bought last becomes theirs."""

from collections.abc import Iterable, Mapping

from leads.batch import Batch, LeadRow, NewEvent
from lifecycle.core import sql
from lifecycle.customers.products import Audience

COMPLETED = "purchase.completed"
AUDIENCE = ("audience_type", "primary_audience")
# Renewals say nothing new, and what was bought for nobody in particular says nothing at all.
_NEWEST = """
    SELECT DISTINCT ON (lead_id) lead_id, audience_type, primary_audience FROM customers_purchase
    WHERE lead_id = ANY(%b::bigint[]) AND NOT is_renewal AND (audience_type <> '' OR primary_audience <> '')
    ORDER BY lead_id, purchased_at DESC, id DESC
"""


def tag(batch: Batch) -> None:
    """Tag the people of this wave who bought something: one query, none for a wave without a purchase."""
    buying = {event.lead_id: event for event in batch.events if event.kind == COMPLETED}
    if not buying:
        return
    for lead_id, fields in apply(batch.leads, newest(buying)).items():
        told = {"fields": sorted(fields), "source": "customers"} | {
            name: batch.leads[lead_id][name] for name in AUDIENCE
        }
        batch.raise_event(NewEvent(lead_id, "lead.updated", told, key=f"tag:{buying[lead_id].id}"), buying[lead_id])


def newest(lead_ids: Iterable[int]) -> dict[int, Audience]:
    """The audience of the newest purchase of each person that has one."""
    return {lead_id: Audience(*found) for lead_id, *found in sql.fetch(_NEWEST, [list(lead_ids)])}


def apply(rows: Mapping[int, LeadRow], audiences: Mapping[int, Audience]) -> dict[int, list[str]]:
    """Set it on locked leads; who changed, and in which columns. A part that a product leaves open stays as it was."""
    changed: dict[int, list[str]] = {}
    for lead_id, audience in audiences.items():
        given = {column: value for column, value in audience._asdict().items() if value}
        if columns := [column for column, value in given.items() if rows[lead_id].set(column, value)]:
            changed[lead_id] = columns
    return changed
