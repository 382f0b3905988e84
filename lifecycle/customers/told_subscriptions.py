"""Subscriptions and their bills, told by events: each event in turn, and older ones than the newest change nothing."""

from collections.abc import Iterable, Sequence

from django.db.models import Q

from leads.batch import Batch, EventRow, NewEvent
from lifecycle.customers import reading
from lifecycle.customers.models import Invoice, Subscription

LAPSED = "subscription.lapsed"
ENDS = frozenset({"subscription.ended", LAPSED})
LIVES = frozenset({"subscription.started", "subscription.renewed", "subscription.changed", "subscription.resumed"})
CANCELING = "subscription.canceling"
FAILED, RECOVERED = "payment.failed", "payment.recovered"
# What a subscription is called whose sender does not name it: after its person.
NAMELESS = "lead:"
KINDS = ENDS | LIVES | {CANCELING, FAILED, RECOVERED}

Key = tuple[int, str]


def keep(batch: Batch, events: Iterable[EventRow]) -> None:
    """Two reads and two writes for any number of people; none without such an event."""
    events = [event for event in events if event.kind in KINDS]
    if not events:
        return
    known, foreign = _known(events)
    changed: dict[Key, Subscription] = {}
    for event in events:
        key = (event.lead_id, reference(event))
        row = known.get(key)
        if row is None and (event.source[:30], key[1]) in foreign:
            continue  # somebody else's
        if row is not None and row.provider != event.source[:30]:
            continue  # its processor tells of it, and knows better
        folded = _fold(row, event, batch)
        if folded is not None:
            known[key] = changed[key] = folded
    _write(list(changed.values()))
    _bills([event for event in events if event.kind in (FAILED, RECOVERED)], known)
    _lapse(batch, events, known)


def reference(event: EventRow) -> str:
    """What its sender calls the subscription; who has only one may leave it out."""
    return reading.text(event.properties, "subscription") or f"{NAMELESS}{event.lead_id}"


def _known(events: Sequence[EventRow]) -> tuple[dict[Key, Subscription], set[tuple[str, str]]]:
    """The subscriptions of these people, and the names that other people's have."""
    leads, names = {event.lead_id for event in events}, {reference(event) for event in events}
    rows = list(Subscription.objects.filter(Q(lead__in=leads) | Q(reference__in=names)))
    known = {(row.lead_id, row.reference): row for row in rows if row.lead_id in leads}
    for row in list(known.values()):  # since two people were merged, one without a name may be called after the other
        if row.reference.startswith(NAMELESS):
            known.setdefault((row.lead_id, f"{NAMELESS}{row.lead_id}"), row)
    return known, {(row.provider, row.reference) for row in rows}


def _fold(row: Subscription | None, event: EventRow, batch: Batch) -> Subscription | None:
    """The subscription after the event; None if it changes nothing."""
    at = event.occurred_at
    if row is None:
        if event.kind in (FAILED, RECOVERED):
            return None
        row = Subscription(
            lead_id=event.lead_id,
            provider=event.source[:30],
            reference=reference(event),
            state=Subscription.State.ACTIVE,
            started_at=at,
            created_at=batch.now,
        )
    elif at < row.told_at:
        return None
    row.told_at = at
    _describe(row, event)
    _move(row, event)
    return row


def _describe(row: Subscription, event: EventRow) -> None:
    """What the event says of it; what it does not mention stays."""
    told = event.properties
    if event.kind in (FAILED, RECOVERED):
        return  # its amount is the bill's
    row.plan = reading.text(told, "plan", 200) or row.plan
    row.products = reading.products(told) or row.products
    amount, currency = reading.worth(told)
    if amount is not None:
        row.amount, row.currency = amount, currency
    months = reading.number(told, "interval_months")
    row.interval_months = row.interval_months if months is None else months
    row.renews_at = reading.moment(told, "renews_at") or row.renews_at
    row.ends_at = reading.moment(told, "ends_at") or row.ends_at


def _move(row: Subscription, event: EventRow) -> None:
    state = Subscription.State
    if event.kind in ENDS:
        row.state, row.ended_at, row.renews_at = state.ENDED, row.ended_at or event.occurred_at, None
        row.ends_at = row.ended_at
    elif event.kind == CANCELING:
        row.ends_at, row.renews_at = row.ends_at or row.renews_at, None
    elif event.kind == FAILED:
        row.state = row.state if row.state == state.ENDED else state.PAST_DUE
    elif event.kind == RECOVERED:
        row.state = row.state if row.state == state.ENDED else state.ACTIVE
    else:
        row.state, row.ended_at, row.ends_at = state.ACTIVE, None, None


def _write(rows: list[Subscription]) -> None:
    given = "state plan products amount currency interval_months renews_at ends_at ended_at told_at".split()
    Subscription.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["provider", "reference"], update_fields=given
    )


def _bills(events: Sequence[EventRow], known: dict[Key, Subscription]) -> None:
    if not events:
        return
    rows = Invoice.objects.filter(reference__in={_bill_name(event) for event in events})
    bills = {(row.lead_id, row.reference): row for row in rows}
    foreign = {(row.provider, row.reference) for row in rows}
    changed: dict[Key, Invoice] = {}
    for event in events:
        key = (event.lead_id, _bill_name(event))
        if key not in bills and (event.source[:30], key[1]) in foreign:
            continue
        row = bills.get(key) or _new_bill(event, known.get((event.lead_id, reference(event))))
        if row.provider != event.source[:30] or (row.pk and event.occurred_at < row.told_at):
            continue
        bills[key] = changed[key] = _told(row, event)
    given = "state amount currency attempts next_attempt_at pay_url failed_at paid_at told_at".split()
    Invoice.objects.bulk_create(
        list(changed.values()), update_conflicts=True, unique_fields=["provider", "reference"], update_fields=given
    )


def _bill_name(event: EventRow) -> str:
    return reading.text(event.properties, "invoice") or f"{reference(event)}:bill"[-120:]


def _new_bill(event: EventRow, subscription: Subscription | None) -> Invoice:
    return Invoice(
        lead_id=event.lead_id,
        subscription=subscription if subscription and subscription.pk else None,
        provider=event.source[:30],
        reference=_bill_name(event),
        issued_at=event.occurred_at,
    )


def _told(row: Invoice, event: EventRow) -> Invoice:
    told, at = event.properties, event.occurred_at
    amount, currency = reading.worth(told)
    if amount is not None:
        row.amount, row.currency = amount, currency
    row.told_at = at
    row.next_attempt_at = None
    if event.kind == RECOVERED:
        row.state, row.paid_at = Invoice.State.PAID, at
    else:
        final = told.get("is_final") is True
        row.state, row.failed_at = (Invoice.State.GIVEN_UP if final else Invoice.State.FAILED), at
        row.attempts = max(row.attempts, reading.number(told, "attempt") or row.attempts + 1)
        row.next_attempt_at = reading.moment(told, "next_attempt_at")
        row.pay_url = reading.link(told, "pay_url") or row.pay_url
    return row


def _lapse(batch: Batch, events: Sequence[EventRow], known: dict[Key, Subscription]) -> None:
    """Who has no live subscription left lapsed, unless the sender says that itself."""
    said = {event.lead_id for event in events if event.kind == LAPSED}
    live = {lead_id for (lead_id, _), row in known.items() if row.state != Subscription.State.ENDED}
    for event in events:
        if event.kind == "subscription.ended" and event.lead_id not in said | live:
            said.add(event.lead_id)
            row = known.get((event.lead_id, reference(event)))
            plan = {"plan": row.plan, "interval_months": row.interval_months} if row else {}
            key = f"lapsed:{event.lead_id}:{event.id}"
            batch.raise_event(NewEvent(event.lead_id, LAPSED, {**plan, **event.properties}, key=key), event)
