"""By which names parked events wait for what must be known before them."""

from collections.abc import Iterable
from datetime import timedelta

# Stripe itself tries for so long to tell what it has to tell.
PATIENCE = timedelta(days=3)


def name(reference: str) -> str:
    """For an object of Stripe's: a customer's address, a payment under one of its names."""
    return f"stripe:{reference}"


def payments_of(customer: str) -> str:
    """For any payment of a customer."""
    return f"stripe:payments:{customer}"


def settled(names: Iterable[str], *, customer: str = "") -> list[str]:
    """What a known payment settles, whose customer is known as well by now."""
    given = [name(each) for each in names if each]
    return [*given, payments_of(customer), name(customer)] if customer else given
