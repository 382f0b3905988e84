"""What was won, and what is left of it after refunds. Pure, in minor units."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from lifecycle.core import money


class Refund(NamedTuple):
    """A refund as it was told: a negative amount, or none for all that is left; "" for its payment's currency.

    A positive amount is that of a refund which failed after it was counted.
    """

    amount: Decimal | None
    currency: str


class Net(NamedTuple):
    """A payment in minor units. `beyond`: refunds past it; `foreign`: how many were in another currency."""

    paid: int
    refunded: int = 0
    beyond: int = 0
    foreign: int = 0

    @property
    def left(self) -> int:
        return self.paid - self.refunded


class Won(NamedTuple):
    """A conversion. `at` and `became_sql` in seconds; `net` None without an amount, whose currency is then ""."""

    id: int
    lead_id: int
    at: float
    currency: str
    net: Net | None
    became_sql: float | None


def net(paid: int, currency: str, refunds: Iterable[Refund] = ()) -> Net:
    """Refunds in their order, never more than was paid, nor less than nothing.

    One in another currency cannot be subtracted.
    """
    total = foreign = 0
    for refund in refunds:
        if refund.currency not in ("", currency):
            foreign += 1
        elif refund.amount is None:
            total = max(total, paid)
        else:
            total -= money.to_minor(refund.amount, currency)
    return Net(paid, min(max(total, 0), paid), max(total - paid, 0), foreign)
