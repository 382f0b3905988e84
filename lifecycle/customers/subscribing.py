"""Subscriptions: the newest telling by the sender's time is how one stands, and what ended never comes back.

The person is locked by the caller.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lifecycle.core.moments import iso
from lifecycle.customers import keeping, products
from lifecycle.customers.models import Subscription
from lifecycle.customers.products import Item, plain
from lifecycle.customers.telling import tell

State = Subscription.State
# When it was told of a subscription that is known by its bills alone.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """A subscription as the sender tells it at `told_at`. `is_first`: told because it was made, so nothing is older."""

    provider: str
    reference: str
    lead_id: int
    state: str
    told_at: datetime
    started_at: datetime
    items: tuple[Item, ...] = ()
    amount: Decimal | None = None
    currency: str = ""
    interval_months: int = 0
    trial_ends_at: datetime | None = None
    renews_at: datetime | None = None
    ends_at: datetime | None = None
    ended_at: datetime | None = None
    is_first: bool = False
    resumes: bool = False


@dataclass(frozen=True, slots=True)
class Renewal:
    """A paid bill that carried a subscription on."""

    invoice: str
    paid_at: datetime
    renews_at: datetime | None
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What changes are told of."""

    state: str
    what: tuple[tuple[str, int], ...]  # references (else names) with their quantities
    amount: Decimal | None
    interval_months: int
    ends_at: datetime | None


def record(told: Told, *, now: datetime) -> Subscription:
    """Keep what is told unless something newer is known, and tell of what it changes."""
    row = find(told.provider, told.reference)
    if row is None or row.told_at == NEVER:
        row = row or _new(told.provider, told.reference, told.lead_id, now)
        _describe(row, told)
        row.save()
        further = "ended" if row.state == State.ENDED else "canceling" if row.ends_at else ""
        _tell(row, ["started", *([further] if further else [])], told, now)
        return row
    before = _standing(row)
    if not _is_news(row, told):
        return row
    _describe(row, told)
    row.save()
    news = changes(before, _standing(row), resumes=told.resumes)
    _tell(row, news, told, now)
    if not news:
        keeping.settle([row.lead_id], now=now)  # a date that moves is nothing to tell of, but reminders follow it
    return row


def changes(before: Standing, after: Standing, *, resumes: bool = False) -> list[str]:
    """What to tell of the way from one standing to the next. Pure."""
    if after.state == State.ENDED:
        return [] if before.state == State.ENDED else ["ended"]
    found = []
    if (before.what, before.amount, before.interval_months) != (after.what, after.amount, after.interval_months):
        found.append("changed")
    if after.ends_at and not before.ends_at:
        found.append("canceling")
    elif resumes or (before.ends_at and not after.ends_at):
        found.append("resumed")
    return found


def expect(
    provider: str,
    reference: str,
    lead_id: int,
    *,
    items: tuple[Item, ...] = (),
    started_at: datetime,
    renews_at: datetime | None = None,
    now: datetime,
) -> Subscription:
    """The subscription that a payment belongs to; one that nobody told of yet is kept as active until it is told."""
    row = find(provider, reference) or _new(provider, reference, lead_id, now)
    if not row.plan:
        bought = products.settle([item for item in items if item.name])
        row.plan, row.products = _names(bought)[:200], row.products or _lines(bought)
    if row.told_at == NEVER:
        row.state = State.ACTIVE
        row.started_at = min(row.started_at, started_at) if row.pk else started_at
        row.renews_at = max((at for at in (row.renews_at, renews_at) if at), default=None)
    row.save()
    return row


def renewed(row: Subscription, renewal: Renewal, *, now: datetime) -> None:
    """Tell of a paid bill that carried it on, once."""
    given = _properties(row) | {
        "amount": plain(renewal.amount),
        "currency": renewal.currency,
        "renews_at": iso(renewal.renews_at or row.renews_at),
        "invoice": renewal.invoice,
    }
    key = f"{row.reference}:{renewal.invoice}"
    at = renewal.paid_at
    tell(row.lead_id, "subscription.renewed", given, provider=row.provider, key=key, at=at, now=now)


def trial_ends(row: Subscription, *, at: datetime, now: datetime) -> None:
    """Tell that its trial ends soon, once for each end."""
    given = _properties(row) | {"ends_at": iso(row.trial_ends_at)}
    key = f"{row.reference}:{given['ends_at']}"
    tell(row.lead_id, "subscription.trial_ending", given, provider=row.provider, key=key, at=at, now=now)


def find(provider: str, reference: str) -> Subscription | None:
    return Subscription.objects.filter(provider=provider, reference=reference).first()


def _is_news(row: Subscription, told: Told) -> bool:
    """Of two tellings of one second the one that is further along counts, so that their order makes no difference."""
    if row.state == State.ENDED:
        return False
    if told.state == State.ENDED:
        return True
    if told.told_at != row.told_at:
        return told.told_at > row.told_at
    return not told.is_first and _how_far(told.renews_at, told.ends_at) >= _how_far(row.renews_at, row.ends_at)


def _how_far(renews_at: datetime | None, ends_at: datetime | None) -> tuple[datetime, bool]:
    return renews_at or ends_at or NEVER, ends_at is not None


def _new(provider: str, reference: str, lead_id: int, now: datetime) -> Subscription:
    return Subscription(lead_id=lead_id, provider=provider, reference=reference, told_at=NEVER, created_at=now)


def _describe(row: Subscription, told: Told) -> None:
    bought = products.settle(told.items)
    is_the_same = row.told_at == NEVER or _what(bought.lines) == _what(row.products)
    row.plan, row.products = _names(bought)[:200] or (row.plan if is_the_same else ""), _lines(bought)
    row.state, row.told_at, row.started_at = told.state, told.told_at, told.started_at
    row.quantity = max(1, sum(item.quantity for item in told.items))
    row.amount, row.currency, row.interval_months = told.amount, told.currency, told.interval_months
    row.trial_ends_at, row.renews_at, row.ends_at = told.trial_ends_at, told.renews_at, told.ends_at
    row.ended_at = told.ended_at


def _tell(row: Subscription, kinds: list[str], told: Told, now: datetime) -> None:
    """Started and ended once each; the others once for each telling. Who has no live one left has lapsed."""
    moments = {"started": row.started_at, "ended": row.ended_at or told.told_at}
    for kind in kinds:
        once = row.reference if kind in moments else f"{row.reference}:{told.told_at.timestamp():.0f}"
        at = moments.get(kind, told.told_at)
        tell(row.lead_id, f"subscription.{kind}", _properties(row), provider=row.provider, key=once, at=at, now=now)
    if "ended" in kinds and not Subscription.objects.filter(lead=row.lead_id).exclude(state=State.ENDED).exists():
        at = moments["ended"]
        given = _properties(row)
        tell(row.lead_id, "subscription.lapsed", given, provider=row.provider, key=row.reference, at=at, now=now)


def _properties(row: Subscription) -> dict[str, Any]:
    return {
        "subscription": row.reference,
        "plan": row.plan,
        "products": row.products,
        "amount": plain(row.amount),
        "currency": row.currency,
        "interval_months": row.interval_months,
        "renews_at": iso(row.renews_at),
        "ends_at": iso(row.ends_at),
        "state": row.state,
    }


def _names(bought: products.Bought) -> str:
    """What is subscribed to, "" where billing gives no name."""
    return ", ".join(dict.fromkeys(line["name"] for line in bought.lines if line["name"] != products.NAMELESS))


def _lines(bought: products.Bought) -> list[dict[str, Any]]:
    return [{name: line[name] for name in ("name", "reference", "quantity")} for line in bought.lines]


def _standing(row: Subscription) -> Standing:
    return Standing(row.state, _what(row.products), row.amount, row.interval_months, row.ends_at)


def _what(lines: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((str(line["reference"] or line["name"]), int(line["quantity"] or 1)) for line in lines)
