"""Who somebody is to a payment processor: its customers' references, and the people they are."""

from datetime import datetime

from lifecycle.core import sql
from lifecycle.customers.models import BillingAccount

_ATTACH = """
    INSERT INTO customers_billingaccount (provider, reference, lead_id, created_at) VALUES (%b, %b, %b, %b)
    ON CONFLICT (provider, reference) DO NOTHING
"""


def lead_of(provider: str, reference: str) -> int | None:
    """The lead that the processor's customer is, None while nobody knows."""
    if not reference:
        return None
    found = BillingAccount.objects.filter(provider=provider, reference=reference)
    return found.values_list("lead_id", flat=True).first()


def attach(provider: str, reference: str, lead_id: int, *, now: datetime) -> None:
    """Note whose account it is. The first telling counts: an account does not wander from person to person."""
    if reference:
        sql.execute(_ATTACH, [provider, reference, lead_id, now])


def of_lead(provider: str, lead_id: int) -> list[str]:
    """The references of a person's accounts."""
    found = BillingAccount.objects.filter(provider=provider, lead_id=lead_id).order_by("pk")
    return list(found.values_list("reference", flat=True))
