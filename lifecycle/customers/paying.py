"""Payments: each is one purchase, whichever of its objects (session, invoice, payment, charge) tells of it, and when.

The person is locked by the caller, so two tellings of one payment follow each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from leads import claiming
from leads.batch import flush_leads
from lifecycle.customers import products, refunding, tagging
from lifecycle.customers.models import Purchase, PurchaseReference, Refund
from lifecycle.customers.products import NOBODY, Audience, Bought, Item, plain
from lifecycle.customers.telling import tell

# By what a purchase may be named, from the worst to the best.
NAMED_BY = ("", "amount", "invoice", "metadata", "line_items")
COMPLETED = "purchase.completed"


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in, as one object tells it. `names`: all by which it may be known, the chief one first."""

    provider: str
    names: tuple[str, ...]
    lead_id: int
    amount: Decimal
    currency: str
    paid_at: datetime
    items: tuple[Item, ...] = ()
    named_by: str = "amount"
    hint: Audience = NOBODY
    subscription: str = ""  # its reference
    subscription_id: int | None = None
    invoice_id: int | None = None
    is_renewal: bool = False


def record(payment: Payment, *, now: datetime) -> Purchase:
    """The purchase that this payment is, made if nobody told of it before; what this telling knows better is kept."""
    known = find(payment.provider, payment.names, lead_id=payment.lead_id)
    if known:
        purchase = _joined(known, payment.provider, now)
        _improve(purchase, payment, now)
    else:
        purchase = _make(payment, now)
    link(purchase, payment.provider, payment.names)
    return purchase


def find(provider: str, names: Sequence[str], *, lead_id: int | None = None) -> list[Purchase]:
    """The purchases known by these names, oldest first: one, unless what links two was told late.

    With the lead also what a program told us itself, with one of the names as its order.
    """
    given = [name for name in names if name]
    mine = Q(names__provider=provider, names__reference__in=given)
    if lead_id is not None:
        mine |= Q(lead_id=lead_id, key__in=given)
    return list(Purchase.objects.filter(mine).distinct().order_by("pk")) if given else []


def link(purchase: Purchase, provider: str, names: Sequence[str]) -> None:
    """Let the payment be known by these names too."""
    rows = [PurchaseReference(provider=provider, reference=name, purchase=purchase) for name in names if name]
    PurchaseReference.objects.bulk_create(rows, ignore_conflicts=True)


def same(provider: str, names: Sequence[str], *, now: datetime) -> Purchase | None:
    """These names are all of one payment: join what is known of it, its person locked; None if nothing is.

    Two bills are two payments: what went by a guess to another bill than the one that is named here is brought over.
    """
    known = find(provider, names)
    if len(known) > 1:  # two who join them at once would write each other's over
        claiming.hold(sorted({purchase.lead_id for purchase in known}))
        known = find(provider, names)
    if not known:
        return None
    known, misled = _by_their_bill(known, names)
    purchase = _joined(known, provider, now)
    for other in misled:
        PurchaseReference.objects.filter(purchase=other, provider=provider, reference__in=names).update(
            purchase=purchase
        )
        _hand_over(other, purchase, provider, now)
    link(purchase, provider, names)
    return purchase


def _by_their_bill(known: list[Purchase], names: Sequence[str]) -> tuple[list[Purchase], list[Purchase]]:
    """What can be one payment, and what is of another bill. Where no bill is named, the oldest one's counts."""
    billed = [purchase for purchase in known if purchase.invoice_id]
    if len({purchase.invoice_id for purchase in billed}) < 2:
        return known, []
    named = [purchase for purchase in billed if purchase.invoice and purchase.invoice.reference in names]
    right = (named or billed)[0]
    misled = [purchase for purchase in billed if purchase.invoice_id != right.invoice_id]
    return [purchase for purchase in known if purchase not in misled], misled if named else []


def _hand_over(wrong: Purchase, right: Purchase, provider: str, now: datetime) -> None:
    """What went back of a bill by a guess went back of this one."""
    of_both = list(Refund.objects.filter(purchase=right).values_list("key", flat=True))
    Refund.objects.filter(purchase=wrong).exclude(key__in=of_both).update(purchase=right)
    for purchase in (wrong, right):
        refunding.count(purchase, provider, at=now, name=f"not-{right.key}", now=now)


def _make(payment: Payment, now: datetime) -> Purchase:
    bought = products.settle(payment.items or (Item(amount=payment.amount),), hint=payment.hint)
    purchase = Purchase.objects.create(
        lead_id=payment.lead_id,
        provider=payment.provider,
        key=next(name for name in payment.names if name),
        amount=payment.amount,
        currency=payment.currency,
        products=bought.lines,
        named_by=payment.named_by,
        audience_type=bought.audience.audience_type,
        primary_audience=bought.audience.primary_audience,
        subscription_id=payment.subscription_id,
        invoice_id=payment.invoice_id,
        is_renewal=payment.is_renewal,
        purchased_at=payment.paid_at,
        recorded_at=now,
    )
    _tell(purchase, payment, now)
    return purchase


def _tell(purchase: Purchase, payment: Payment, now: datetime) -> None:
    """A renewal is paid by a machine: it is no sign of life of the person."""
    properties = {
        "order_id": purchase.key,
        "amount": plain(purchase.amount),
        "currency": purchase.currency,
        "products": [{name: line[name] for name in ("name", "reference", "quantity")} for line in purchase.products],
        "provider": payment.provider,
        "audience_type": purchase.audience_type,
        "primary_audience": purchase.primary_audience,
        "is_renewal": purchase.is_renewal,
    }
    if payment.subscription:
        properties["subscription"] = payment.subscription
    if purchase.is_renewal:
        properties["human"] = False
    key, at = purchase.key, purchase.purchased_at
    tell(purchase.lead_id, COMPLETED, properties, provider=payment.provider, key=key, at=at, now=now)


def _improve(purchase: Purchase, payment: Payment, now: datetime) -> None:
    """A later telling adds what was not known. Amounts stay: the first telling was counted."""
    if purchase.amount is None:
        purchase.amount, purchase.currency = payment.amount, payment.currency
    purchase.subscription_id = purchase.subscription_id or payment.subscription_id
    purchase.invoice_id = purchase.invoice_id or payment.invoice_id
    purchase.purchased_at = min(purchase.purchased_at, payment.paid_at)
    names_better = NAMED_BY.index(payment.named_by) > _rank(purchase)
    if names_better:
        _rename(purchase, products.settle(payment.items, hint=payment.hint), payment.named_by)
    purchase.save()
    if names_better:
        _retag(purchase, now)


def _rank(purchase: Purchase) -> int:
    if not purchase.named_by and purchase.products:  # told by a program in its own words
        return len(NAMED_BY)
    return NAMED_BY.index(purchase.named_by) if purchase.named_by in NAMED_BY else 0


def _rename(purchase: Purchase, bought: Bought, named_by: str) -> None:
    purchase.products, purchase.named_by = bought.lines, named_by
    if any(bought.audience):
        purchase.audience_type, purchase.primary_audience = bought.audience


def _retag(purchase: Purchase, now: datetime) -> None:
    rows = claiming.hold([purchase.lead_id])
    tagging.apply(rows, tagging.newest(rows))
    flush_leads(rows.values(), now=now)


def _joined(known: list[Purchase], provider: str, now: datetime) -> Purchase:
    """One purchase of several that turn out to be one payment: the first stays, the others' money is taken back."""
    kept = known[0]
    for other in known[1:]:
        surplus = (other.amount or Decimal(0)) - other.refunded
        PurchaseReference.objects.filter(purchase=other).update(purchase=kept)
        of_both = list(Refund.objects.filter(purchase=kept).values_list("key", flat=True))
        Refund.objects.filter(purchase=other).exclude(key__in=of_both).update(purchase=kept)
        kept.subscription_id = kept.subscription_id or other.subscription_id
        kept.invoice_id = kept.invoice_id or other.invoice_id
        kept.is_renewal = kept.is_renewal or other.is_renewal
        if _rank(other) > _rank(kept):
            kept.products, kept.named_by = other.products, other.named_by
            kept.audience_type, kept.primary_audience = other.audience_type, other.primary_audience
        other.delete()
        kept.save()
        properties = {
            "order_id": other.key,
            "refund_id": "counted-twice",
            "amount": plain(surplus),
            "currency": other.currency,
            "reason": f"the same payment as {kept.key}",
            "human": False,
            "provider": provider,
        }
        tell(
            other.lead_id, "purchase.refunded", properties, provider=provider, key=f"{other.key}:twice", at=now, now=now
        )
        refunding.count(kept, provider, at=now, now=now)
    return kept
