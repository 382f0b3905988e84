"""Money that went back: each refund once, though a processor tells of it as a refund and as its payment's new total."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from lifecycle.core import money
from lifecycle.customers.models import Purchase, Refund
from lifecycle.customers.products import plain
from lifecycle.customers.telling import tell

REFUNDED = "purchase.refunded"
_TOTAL = ":total"


@dataclass(frozen=True, slots=True)
class Back:
    """`key` names the refund. With `is_total` it names the payment, and the amount is all that went back so far."""

    provider: str
    key: str
    amount: Decimal
    refunded_at: datetime
    is_total: bool = False


def record(purchase: Purchase, back: Back, *, now: datetime) -> Decimal:
    """Count a refund of a locked person's purchase; how much more has gone back than was known.

    What went back is the sum of the refunds or the largest total, whichever is more: either may lag behind the other.
    """
    if back.is_total:
        key = f"{back.key}{_TOTAL}"
        known = Refund.objects.filter(purchase=purchase, key=key).first()
        if known is None or known.amount < back.amount:
            given = {"amount": back.amount, "refunded_at": back.refunded_at}
            Refund.objects.update_or_create(purchase=purchase, key=key, defaults=given)
    else:
        Refund.objects.get_or_create(
            purchase=purchase, key=back.key, defaults={"amount": back.amount, "refunded_at": back.refunded_at}
        )
    return _count(purchase, back, now)


def _count(purchase: Purchase, back: Back, now: datetime) -> Decimal:
    total = _total(purchase)
    more = total - purchase.refunded
    if more <= 0:
        return Decimal(0)
    purchase.refunded = total
    purchase.save(update_fields=["refunded"])
    properties = {
        "order_id": purchase.key,
        # Named by the total that it makes, so that it is one refund whichever of its tellings comes first.
        "refund_id": f"to-{money.to_minor(total, purchase.currency)}",
        "amount": plain(more),
        "currency": purchase.currency,
        "provider": back.provider,
        "is_full": purchase.amount is not None and total >= purchase.amount,
        "human": False,
    }
    key = f"{purchase.key}:{properties['refund_id']}"
    tell(purchase.lead_id, REFUNDED, properties, provider=back.provider, key=key, at=back.refunded_at, now=now)
    return more


def _total(purchase: Purchase) -> Decimal:
    rows = Refund.objects.filter(purchase=purchase)
    single = rows.exclude(key__endswith=_TOTAL).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    told = sum((row.amount for row in rows.filter(key__endswith=_TOTAL)), Decimal(0))
    total = max(single, told)
    return min(total, purchase.amount) if purchase.amount is not None else total
