"""Purchases, subscriptions and bills that programs tell of by events alone become the same facts as a processor's.

So a shop that only calls the API gets renewal reminders, dunning and the customers' pages as well.
"""

from collections.abc import Sequence
from datetime import datetime

from leads import conversions
from leads.batch import Batch, EventRow
from leads.conversions import Fact
from leads.models import Workspace
from leads.models.conversion import OF_PAYMENTS
from leads.models.lead import AudienceType
from lifecycle.customers import products, reading, refunding, told_subscriptions
from lifecycle.customers.models import Purchase, Refund
from lifecycle.customers.products import Item

# Who writes the facts before telling of them. "engine": events of our own, which follow from facts.
BY_FACTS = frozenset({"stripe", "engine"})
# A refund that failed, in the ledger of conversions.
FAILED = "reversal"
PAYMENTS = frozenset({"purchase.completed", "purchase.refunded", "purchase.refund_failed"})


def keep(batch: Batch) -> None:
    """Write the facts that the wave's events tell of and nobody wrote; no query for a wave without such events."""
    events = [event for event in batch.events if event.source not in BY_FACTS]
    paid = [event for event in events if event.kind in PAYMENTS]
    if paid:
        _payments(paid, batch.now)
    told_subscriptions.keep(batch, events)


def _payments(events: Sequence[EventRow], now: datetime) -> None:
    """As the ledger of conversions reads them, under the same keys."""
    by_id = {event.id: event for event in events}
    facts = conversions.facts_of(events, currency=lambda: Workspace.load().currency)
    keys = {fact.payment or fact.key for fact in facts}
    known = {(each.lead_id, each.key): each for each in Purchase.objects.filter(key__in=keys, lead__in=_leads(facts))}
    fresh = [fact for fact in facts if fact.kind == "purchase" and (fact.lead_id, fact.key) not in known]
    told = {fact.event_id: _items(by_id[fact.event_id]) for fact in fresh}
    catalogue = products.ensure([item for items in told.values() for item in items]) if any(told.values()) else None
    new = []
    for fact in fresh:
        purchase = _purchase(fact, by_id[fact.event_id], now)
        if catalogue and not any((purchase.audience_type, purchase.primary_audience)):
            audience = products.describe(told[fact.event_id], catalogue).audience
            purchase.audience_type, purchase.primary_audience = audience
        new.append(purchase)
    Purchase.objects.bulk_create(new, ignore_conflicts=True)
    refunds = [fact for fact in facts if fact.kind in OF_PAYMENTS]
    if refunds:
        _refund(refunds)


def _leads(facts: Sequence[Fact]) -> set[int]:
    return {fact.lead_id for fact in facts}


def _items(event: EventRow) -> list[Item]:
    """For the marketers' table: it says whom they are for where the event does not."""
    lines = reading.products(event.properties)
    return [Item(line["name"], tuple(filter(None, [line["reference"]])), line["quantity"] or 1) for line in lines]


def _purchase(fact: Fact, event: EventRow, now: datetime) -> Purchase:
    told = event.properties
    audience = reading.text(told, "audience_type").lower()
    return Purchase(
        lead_id=fact.lead_id,
        provider=event.source[:30],
        key=fact.key,
        amount=fact.amount,
        currency=fact.currency,
        products=reading.products(told),
        audience_type=audience if audience in AudienceType.values else "",
        primary_audience=reading.text(told, "primary_audience"),
        is_renewal=told.get("is_renewal") is True,
        purchased_at=fact.occurred_at,
        recorded_at=now,
    )


def _refund(facts: Sequence[Fact]) -> None:
    """Without an amount it takes back what is left of its payment; of an unknown payment, nothing."""
    payments = {fact.payment for fact in facts}
    purchases = {
        (each.lead_id, each.key): each for each in Purchase.objects.filter(key__in=payments, lead__in=_leads(facts))
    }
    rows = [
        Refund(
            purchase=purchase,
            key=fact.key,
            amount=abs(fact.amount) if fact.amount is not None else (purchase.amount or 0) - purchase.refunded,
            refunded_at=fact.occurred_at,
            failed_at=fact.occurred_at if fact.kind == FAILED else None,
        )
        for fact in facts
        if (purchase := purchases.get((fact.lead_id, fact.payment))) and not (fact.kind == FAILED and not fact.amount)
    ]
    Refund.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        if row.failed_at:  # the refund itself may be known
            Refund.objects.filter(purchase=row.purchase, key=row.key).update(failed_at=row.failed_at)
    for purchase in {row.purchase for row in rows}:
        refunding.bring(purchase)
