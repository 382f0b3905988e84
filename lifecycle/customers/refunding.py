"""Money that went back: each refund once, though a processor tells of it as a refund and as its payment's new total.

A refund may fail after it had succeeded: then its money is not back after all, however late, early or often it is told.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lifecycle.core import money
from lifecycle.customers.models import Purchase, Refund
from lifecycle.customers.products import plain
from lifecycle.customers.telling import tell

REFUNDED, FAILED = "purchase.refunded", "purchase.refund_failed"
_TOTAL = ":total"


@dataclass(frozen=True, slots=True)
class Back:
    """`key` names the refund. With `is_total` it names the payment, and the amount is all that had gone back then.

    `failed_at`: when it was told that it did not go back after all.
    """

    provider: str
    key: str
    amount: Decimal
    refunded_at: datetime
    is_total: bool = False
    failed_at: datetime | None = None


class Row(NamedTuple):
    """What counts of a refund that is kept."""

    key: str
    amount: Decimal
    refunded_at: datetime
    failed_at: datetime | None


def record(purchase: Purchase, back: Back, *, now: datetime) -> Decimal:
    """Count a refund of a locked person's purchase; how much more has gone back than was known, negative for less."""
    key = f"{back.key}{_TOTAL}:{back.refunded_at.timestamp():.0f}" if back.is_total else back.key
    given = {"amount": back.amount, "refunded_at": back.refunded_at, "failed_at": back.failed_at}
    row, is_new = Refund.objects.get_or_create(purchase=purchase, key=key[-200:], defaults=given)
    if not is_new and _adds(row, back):
        row.save()
    return count(purchase, back.provider, at=back.failed_at or back.refunded_at, name=back.key, now=now)


def count(purchase: Purchase, provider: str, *, at: datetime, name: str = "", now: datetime) -> Decimal:
    """Bring a purchase in line with its refunds, and tell of the difference: money that went back, or did not."""
    more = bring(purchase)
    if not more:
        return more
    total = purchase.refunded
    failures = Refund.objects.filter(purchase=purchase, failed_at__isnull=False).count()
    # Named by the total that it makes, so that it is one refund whichever of its tellings comes first.
    made = f"to-{money.to_minor(total, purchase.currency)}" + (f"-after-{failures}" if failures else "")
    properties = {
        "order_id": purchase.key,
        "refund_id": made if more > 0 else f"{name or made}-failed",
        "amount": plain(abs(more)),
        "currency": purchase.currency,
        "provider": provider,
        "is_full": purchase.amount is not None and total >= purchase.amount,
        "human": False,
    }
    key = f"{purchase.key}:{properties['refund_id']}"
    kind = REFUNDED if more > 0 else FAILED
    tell(purchase.lead_id, kind, properties, provider=provider, key=key, at=at, now=now)
    return more


def bring(purchase: Purchase) -> Decimal:
    """Set what went back of a purchase by its refunds; how much more that is than was known."""
    rows = [Row(*row) for row in Refund.objects.filter(purchase=purchase).values_list(*Row._fields)]
    before, purchase.refunded = purchase.refunded, gone(rows, purchase.amount)
    if purchase.refunded != before:
        purchase.save(update_fields=["refunded"])
    return purchase.refunded - before


def gone(rows: Iterable[Row], most: Decimal | None) -> Decimal:
    """What is not with us any more: the sum of the refunds or the largest total, as either may lag. Pure.

    A total still holds the refunds that were made before it was told and failed since. `most`: what was paid.
    """
    singles, failed, totals = Decimal(0), [], defaultdict(list)
    for row in rows:
        charge, is_total, _ = row.key.partition(_TOTAL)
        if is_total:
            totals[charge].append(row)
        elif row.failed_at:
            failed.append(row)
        else:
            singles += row.amount
    told = sum((max(_since(total, failed) for total in each) for each in totals.values()), Decimal(0))
    found = max(singles, told, Decimal(0))
    return min(found, most) if most is not None else found


def _since(total: Row, failed: Iterable[Row]) -> Decimal:
    """What is left of a total after the failures that it could not know."""
    held = (row for row in failed if row.failed_at and row.refunded_at <= total.refunded_at <= row.failed_at)
    return total.amount - sum((row.amount for row in held), Decimal(0))


def _adds(row: Refund, back: Back) -> bool:
    """Note what a further telling knows better: a failure, as early as it was told; the larger of two totals."""
    before = (row.amount, row.failed_at)
    row.failed_at = min(filter(None, [row.failed_at, back.failed_at]), default=None)
    if back.is_total:
        row.amount = max(row.amount, back.amount)
    return (row.amount, row.failed_at) != before
