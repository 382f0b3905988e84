"""What renews, what could not be collected, and who left: the list that somebody looks through once a week."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from leads.models import Lead, Workspace
from lifecycle.core import money
from lifecycle.customers.leaving import COMMENT, REASON
from lifecycle.customers.models import Invoice, LeavingReason, Purchase, Subscription
from lifecycle.reports.hot_leads import person

AHEAD, BACK = timedelta(days=90), timedelta(days=90)
SHOWN = 50
NO_LABELS: Mapping[str, str] = {}
# A bill that was voided before anybody tried to collect it did not fail.
OPEN = Q(state=Invoice.State.FAILED) | Q(state=Invoice.State.GIVEN_UP, failed_at__isnull=False)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a list: somebody, what it is about, and how much."""

    lead_id: int
    name: str
    company: str
    owner: str
    what: str
    amount: Decimal | None
    currency: str
    at: datetime
    attempts: int = 0
    next_at: datetime | None = None
    pay_url: str = ""
    reason: str = ""
    comment: str = ""

    @property
    def worth(self) -> str:
        return money.written(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Part:
    """A list: its first lines, how many there are, and their sums by currency. `amounts` never mix currencies."""

    lines: list[Line]
    count: int
    amounts: list[tuple[str, Decimal]]

    @property
    def more(self) -> int:
        return self.count - len(self.lines)

    @property
    def sums(self) -> list[str]:
        return [money.written(amount, currency) for currency, amount in self.amounts]


@dataclass(frozen=True, slots=True)
class Customers:
    renewing: Part
    failed: Part
    leaving: Part
    lapsed: Part
    reasons: list[tuple[str, int]]
    clients: int
    long_months: int


def customers(*, owner_id: int | None = None, now: datetime) -> Customers:
    """Everybody's, or one rep's. A dozen queries for any number of customers.

    `reasons`: why those who left in this time say they did, the most frequent first; "" for who did not say.
    """
    workspace = Workspace.load()
    live = _of(Subscription.objects.exclude(state=Subscription.State.ENDED), owner_id)
    soon = {"renews_at__gte": now, "renews_at__lt": now + AHEAD, "interval_months__gte": workspace.renewal_from_months}
    failed = _of(Invoice.objects.filter(OPEN), owner_id).exclude(subscription__state="ended")
    lapsed = _of(Subscription.objects.filter(state=Subscription.State.ENDED, ended_at__gte=now - BACK), owner_id)
    clients = Lead.objects.filter(is_client=True)
    labels = dict(LeavingReason.objects.values_list("slug", "label"))
    return Customers(
        renewing=_part(live.filter(**soon).order_by("renews_at", "pk"), "renews_at"),
        failed=_part(failed.order_by("-failed_at", "-pk"), "failed_at"),
        leaving=_part(live.filter(renews_at=None, ends_at__gte=now).order_by("ends_at", "pk"), "ends_at"),
        lapsed=_part(lapsed.order_by("-ended_at", "-pk"), "ended_at", labels),
        reasons=_reasons(lapsed, labels),
        clients=(clients.filter(owner_id=owner_id) if owner_id else clients).count(),
        long_months=workspace.renewal_from_months,
    )


def _of(rows: "QuerySet", owner_id: int | None) -> "QuerySet":  # type: ignore[type-arg]
    return rows.filter(lead__owner_id=owner_id) if owner_id else rows


def _reasons(rows: "QuerySet", labels: Mapping[str, str]) -> list[tuple[str, int]]:  # type: ignore[type-arg]
    """Of people, not of their subscriptions; whoever has another one running has not left."""
    said = KeyTextTransform(REASON, "lead__attributes")
    gone = rows.filter(lead__is_client=False).order_by().annotate(said=said)
    counts = gone.values_list("said").annotate(people=Count("lead", distinct=True))
    found = [(labels.get(slug, slug) if slug else "", people) for slug, people in counts]
    return sorted(found, key=lambda each: (not each[0], -each[1], each[0]))


def _part(rows: "QuerySet", moment: str, labels: Mapping[str, str] = NO_LABELS) -> Part:  # type: ignore[type-arg]
    """Amounts are summed over all rows, the lines are the first of them."""
    worth = list(rows.order_by().values_list("currency", "amount"))
    related = ["lead__owner"] + (["subscription"] if rows.model is Invoice else [])
    lines = [_line(row, moment, labels) for row in rows.select_related(*related)[:SHOWN]]
    return Part(lines, len(worth), summed(worth))


def summed(worth: Iterable[tuple[str, Decimal | None]]) -> list[tuple[str, Decimal]]:
    """By currency, the largest sum first. Pure."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in worth:
        if amount is not None and currency:
            sums[currency] += amount
    return sorted(sums.items(), key=lambda each: (-each[1], each[0]))


def _line(row: Subscription | Invoice, moment: str, labels: Mapping[str, str]) -> Line:
    lead = row.lead
    said = str(lead.attributes.get(REASON) or "")
    bill = row if isinstance(row, Invoice) else None
    subscription = row.subscription if isinstance(row, Invoice) else row
    return Line(
        lead_id=lead.pk,
        name=lead.full_name or lead.email,
        company=lead.company_name,
        owner=person(lead.owner),
        what=(subscription.plan if subscription else "") or row.reference,
        amount=row.amount,
        currency=row.currency,
        at=getattr(row, moment) or row.told_at,
        attempts=bill.attempts if bill else 0,
        next_at=bill.next_attempt_at if bill else None,
        pay_url=bill.pay_url if bill else "",
        reason=labels.get(said, said),
        comment=str(lead.attributes.get(COMMENT) or ""),
    )


@dataclass(frozen=True, slots=True)
class Customer:
    """What one person bought, for their page."""

    subscriptions: Sequence[Subscription]
    purchases: Sequence[Purchase]
    failed: Sequence[Invoice]
    paid: list[tuple[str, Decimal]]
    next_renewal: datetime | None

    def __bool__(self) -> bool:
        return bool(self.subscriptions or self.purchases or self.failed)

    @property
    def sums(self) -> list[str]:
        return [money.written(amount, currency) for currency, amount in self.paid]

    @property
    def lines(self) -> list[tuple[str, str, datetime, bool]]:
        """The newest payments: what, how much, when, and whether something of it went back."""
        return [
            (
                ", ".join(str(item.get("name")) for item in row.products if isinstance(item, dict)) or row.key,
                money.written(row.amount, row.currency),
                row.purchased_at,
                row.refunded > 0,
            )
            for row in self.purchases[:10]
        ]

    @property
    def plans(self) -> list[tuple[Subscription, str]]:
        return [(row, money.written(row.amount, row.currency)) for row in self.subscriptions[:10]]

    @property
    def open_bills(self) -> list[tuple[Invoice, str]]:
        return [(row, money.written(row.amount, row.currency)) for row in self.failed[:10]]


def customer(lead_id: int) -> Customer:
    """Three queries, each bounded."""
    subscriptions = list(Subscription.objects.filter(lead=lead_id)[:SHOWN])
    purchases = list(Purchase.objects.filter(lead=lead_id)[:SHOWN])
    dates = [row.renews_at for row in subscriptions if row.renews_at and row.state != Subscription.State.ENDED]
    return Customer(
        subscriptions=subscriptions,
        purchases=purchases,
        failed=list(Invoice.objects.filter(OPEN, lead=lead_id)[:SHOWN]),
        paid=summed((row.currency, row.amount - row.refunded) for row in purchases if row.amount is not None),
        next_renewal=min(dates, default=None),
    )
