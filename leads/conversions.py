"""What events add to the ledger of conversions: each stage, booking, deal, payment, refund, failed refund once."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from leads.batch import Batch, EventRow
from leads.models import Workspace
from leads.models.conversion import OF_PAYMENTS
from lifecycle.core import keys, money, sql

# Under which names programs send what a payment was worth; the first that is there counts.
AMOUNTS = ("amount", "total", "revenue", "value")

# An amount that nobody had told before is filled in; apart from that, what is there stays as it is.
_WRITE = """
    INSERT INTO leads_conversion
        (recorded_at, lead_id, kind, key, amount, currency, payment, event_id, occurred_at)
    SELECT %b::timestamptz, * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::numeric[], %b::text[], %b::text[],
                                          %b::bigint[], %b::timestamptz[])
    ON CONFLICT (kind, key) DO UPDATE SET amount = EXCLUDED.amount, currency = EXCLUDED.currency
    WHERE leads_conversion.amount IS NULL AND EXCLUDED.amount IS NOT NULL
"""


class Worth(NamedTuple):
    amount: Decimal | None
    currency: str


class Fact(NamedTuple):
    """A row of Conversion to be."""

    lead_id: int
    kind: str
    key: str
    amount: Decimal | None
    currency: str
    payment: str
    event_id: int
    occurred_at: datetime


def derive(batch: Batch) -> None:
    """Write the conversions that the wave's events tell of: one statement, and none for a wave without any."""
    told = [event for event in batch.events if event.kind in READERS]
    if told:
        write(facts_of(told, currency=lambda: Workspace.load().currency), now=batch.now)


def facts_of(events: Iterable[EventRow], *, currency: Callable[[], str]) -> list[Fact]:
    """The conversions in these events, in the order of their keys. `currency` is asked when an amount has none."""
    facts: dict[tuple[str, str], Fact] = {}
    for event in events:
        fact = READERS[event.kind](event)
        if fact is None:
            continue
        known = facts.get((fact.kind, fact.key))
        if known is None:
            facts[fact.kind, fact.key] = fact
        elif known.amount is None:
            facts[fact.kind, fact.key] = known._replace(amount=fact.amount, currency=fact.currency)
    return [_priced(facts[key], currency) for key in sorted(facts)]


def write(facts: list[Fact], *, now: datetime) -> None:
    """Append these to the ledger. They are in the order of their keys, so that no two writers wait for each other."""
    if facts:
        sql.execute(_WRITE, [now, *(list(column) for column in zip(*facts, strict=True))])


def _stage(event: EventRow) -> Fact | None:
    """The first time somebody becomes MQL or SQL, so the person names it."""
    stage = event.properties.get("after")
    return _fact(event, str(stage), str(event.lead_id)) if stage in ("mql", "sql") else None


def _booking(event: EventRow) -> Fact:
    return _fact(event, "booking", _named(event, "booking_id"))


def _deal(event: EventRow) -> Fact:
    return _fact(event, "deal", _named(event, "deal_id"), _worth(event.properties))


def _purchase(event: EventRow) -> Fact:
    return _fact(event, "purchase", _named(event, "order_id"), _worth(event.properties))


def _refund(event: EventRow) -> Fact:
    """Without an amount it takes back all that is left, without a currency it has its payment's.

    One whose amount does not read takes back nothing, and is there to be seen.
    """
    order, refund = _text(event.properties.get("order_id")), _text(event.properties.get("refund_id"))
    worth = Worth(None, "")
    if _told(event.properties) is not None:
        read = _worth(event.properties, takes_back=True)
        worth = Worth(Decimal(0), "") if read.amount is None else Worth(-abs(read.amount), read.currency)
    key = keys.fitting(f"{order}:{refund}") if refund else _of_its_own(event)
    return _fact(event, "refund", key, worth)._replace(payment=keys.fitting(order))


def _reversal(event: EventRow) -> Fact:
    """A refund that failed gives its amount back. Without one that reads it gives nothing, and is there to be seen."""
    back = _refund(event)
    amount = abs(back.amount) if back.amount is not None else Decimal(0)
    return back._replace(kind="reversal", amount=amount)


READERS: Mapping[str, Callable[[EventRow], Fact | None]] = {
    "stage.changed": _stage,
    "meeting.booked": _booking,
    "deal.won": _deal,
    "purchase.completed": _purchase,
    "purchase.refunded": _refund,
    "purchase.refund_failed": _reversal,
}


def _fact(event: EventRow, kind: str, key: str, worth: Worth | None = None) -> Fact:
    amount, currency = worth or Worth(None, "")
    return Fact(event.lead_id, kind, key, amount, currency, "", event.id, event.occurred_at)


def _told(properties: Mapping[str, Any]) -> object:
    """What the event says the amount is; None if it says nothing."""
    return next((properties[name] for name in AMOUNTS if properties.get(name) is not None), None)


def _worth(properties: Mapping[str, Any], *, takes_back: bool = False) -> Worth:
    """The amount and its currency, "" where none is given. What does not read is no amount; the event keeps it."""
    currency = money.read_currency(properties.get("currency"))
    amount = money.read_amount(_told(properties))
    if currency is None or amount is None or (amount < 0 and not takes_back):
        return Worth(None, "")
    return Worth(amount, currency)


def _priced(fact: Fact, currency: Callable[[], str]) -> Fact:
    if fact.amount is None:
        return fact
    code = fact.currency or ("" if fact.kind in OF_PAYMENTS else currency())
    return fact._replace(amount=money.rounded(fact.amount, code), currency=code)


def _named(event: EventRow, name: str) -> str:
    """What the sender calls it; without that each event is one of its own."""
    return keys.fitting(_text(event.properties.get(name))) or _of_its_own(event)


def _of_its_own(event: EventRow) -> str:
    return f"event:{event.id}"


def _text(value: object) -> str:
    """A name as text: order numbers are often numbers."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
