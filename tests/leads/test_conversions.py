"""The ledger of conversions: every stage, booking, deal, payment and refund once, however often it is told."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from leads import conversions
from leads.actions import move_stage, record
from leads.batch import EventRow, NewEvent
from leads.models import Conversion, Event, Lead, PendingEvent, Workspace
from leads.pipeline import drain
from lifecycle.core import money
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def ledger(**which: Any) -> list[tuple[str, str, Decimal | None, str]]:
    rows = Conversion.objects.filter(**which).order_by("kind", "key")
    return [(row.kind, row.key, row.amount, row.currency) for row in rows]


def bought(lead: Lead, **properties: Any) -> None:
    tell(lead, "purchase.completed", **properties)


def tell(lead: Lead, kind: str, source: str = "test", key: str | None = None, **properties: Any) -> None:
    record([NewEvent(lead.pk, kind, properties, occurred_at=NOON, source=source, key=key)], now=NOON)
    drain(now=NOON)
    assert not PendingEvent.objects.exists()


def test_every_kind_of_conversion_is_told_by_its_event(shipped, happen):
    ada = LeadFactory(ada=True)
    happen(ada, "form.submitted", NOON, form="contact")
    happen(ada, "meeting.booked", NOON + HOUR, booking_id="cal-7")
    happen(ada, "deal.won", NOON + 2 * HOUR, deal_id=12, amount=1188, currency="EUR")
    happen(ada, "purchase.completed", NOON + 3 * HOUR, order_id="A-1", amount="99.00", currency="eur")
    assert ledger() == [
        ("booking", "cal-7", None, ""),
        ("deal", "12", Decimal("1188.000"), "EUR"),
        ("mql", str(ada.pk), None, ""),
        ("purchase", "A-1", Decimal("99.000"), "EUR"),
        ("sql", str(ada.pk), None, ""),
    ]
    purchase = Conversion.objects.get(kind="purchase")
    assert (purchase.lead_id, purchase.occurred_at) == (ada.pk, NOON + 3 * HOUR)
    assert Event.objects.get(pk=purchase.event_id).kind == "purchase.completed"


def test_a_stage_counts_the_first_time_only(db):
    lead = LeadFactory()
    for stage in ("mql", "sql", "recycled", "mql", "sql"):
        move_stage(lead, stage, reason="by hand", now=NOON)
    assert [row[:2] for row in ledger()] == [("mql", str(lead.pk)), ("sql", str(lead.pk))]


def test_one_payment_told_by_three_events_is_one(db):
    lead = LeadFactory()
    for source in ("stripe", "track", "api"):
        tell(lead, "purchase.completed", source=source, order_id="A-1", amount=99, currency="EUR")
    bought(lead, order_id="A-2", amount=5)
    assert [row[1] for row in ledger()] == ["A-1", "A-2"]


def test_one_payment_told_three_times_in_one_batch_is_one(db):
    lead = LeadFactory()
    told = [{"order_id": "A-1"}, {"order_id": "A-1", "amount": 99}, {"order_id": "A-1", "amount": 98}]
    record([NewEvent(lead.pk, "purchase.completed", each, occurred_at=NOON) for each in told], now=NOON)
    drain(now=NOON)
    assert ledger() == [("purchase", "A-1", Decimal("99.000"), "EUR")]


def test_without_a_name_each_event_is_a_payment_of_its_own(db):
    lead = LeadFactory()
    bought(lead, key="one", amount=1)
    bought(lead, key="one", amount=1)
    bought(lead, key="two", amount=1)
    assert len(ledger()) == 2


def test_an_amount_that_was_missing_is_filled_in_once(db):
    lead = LeadFactory()
    bought(lead, order_id="A-1")
    assert ledger() == [("purchase", "A-1", None, "")]
    bought(lead, order_id="A-1", amount=99, currency="EUR")
    bought(lead, order_id="A-1", amount=12, currency="USD")
    assert ledger() == [("purchase", "A-1", Decimal("99.000"), "EUR")]


@pytest.mark.parametrize(
    "change", [{"amount": Decimal(1)}, {"currency": "USD"}, {"key": "other"}, {"occurred_at": NOON + HOUR}]
)
def test_the_database_itself_keeps_what_was_told(change):
    bought(LeadFactory(), order_id="A-1", amount=99, currency="EUR")
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Conversion.objects.update(**change)
    with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
        Conversion.objects.all().delete()


def test_processing_the_log_again_changes_nothing(db):
    lead = LeadFactory()
    move_stage(lead, "mql", reason="by hand", now=NOON)
    bought(lead, order_id="A-1", amount=99)
    bought(lead, amount=7)
    tell(lead, "purchase.refunded", order_id="A-1", refund_id="r1", amount=9)
    before = list(Conversion.objects.order_by("pk").values())
    for event in Event.objects.all():
        PendingEvent.objects.create(event=event, lead=lead)
    drain(now=NOON + HOUR)
    assert list(Conversion.objects.order_by("pk").values()) == before
    assert len(before) == 4


def test_a_refund_names_its_payment_whichever_comes_first(db):
    lead = LeadFactory()
    tell(lead, "purchase.refunded", order_id="A-1", refund_id="r1", amount=20)
    bought(lead, order_id="A-1", amount=99, currency="EUR")
    tell(lead, "purchase.refunded", order_id="A-1", refund_id="r1", amount=20, source="stripe")
    tell(lead, "purchase.refunded", order_id="A-1", refund_id="r2", amount="-9.50", currency="EUR")
    tell(lead, "purchase.refunded", order_id="A-1", refund_id="r3")
    refunds = Conversion.objects.filter(kind="refund").order_by("key").values_list("key", "payment", "amount")
    assert list(refunds) == [
        ("A-1:r1", "A-1", Decimal("-20.000")),
        ("A-1:r2", "A-1", Decimal("-9.500")),
        ("A-1:r3", "A-1", None),
    ]


def test_a_refund_that_does_not_read_takes_nothing_back_and_is_there_to_be_seen(db):
    tell(LeadFactory(), "purchase.refunded", order_id="A-1", amount="a lot")
    tell(LeadFactory(), "purchase.refunded", amount=5)
    refunds = Conversion.objects.order_by("amount").values_list("payment", "amount")
    assert list(refunds) == [("", Decimal(-5)), ("A-1", Decimal(0))]


BAD = [
    "NaN",
    "Infinity",
    float("1e300"),
    10**12,
    -5,
    "-5.00",
    "a lot",
    "",
    True,
    [99],
    {"value": 99},
    "1,234",
    "1e9",
    "٣",
]


@pytest.mark.parametrize("amount", BAD, ids=str)
def test_an_amount_that_does_not_read_is_none_and_the_event_stays(amount):
    lead = LeadFactory()
    bought(lead, order_id="A-1", amount=amount)
    assert ledger() == [("purchase", "A-1", None, "")]
    assert Event.objects.filter(kind="purchase.completed").count() == 1


@pytest.mark.parametrize("currency", ["EURO", "€", "XYZ", 978, {}])
def test_a_currency_that_is_none_makes_no_amount_of_another(currency):
    bought(LeadFactory(), order_id="A-1", amount=99, currency=currency)
    assert ledger() == [("purchase", "A-1", None, "")]


def test_an_amount_without_a_currency_is_in_the_workspaces(db):
    workspace = Workspace.load()
    workspace.currency = "JPY"
    workspace.save()
    bought(LeadFactory(), order_id="A-1", amount=980.4)
    assert ledger() == [("purchase", "A-1", Decimal("980.000"), "JPY")]


@pytest.mark.parametrize(
    ("sent", "currency", "stored"),
    [
        (99, "EUR", "99"), (99.9, "EUR", "99.9"), (0.1 + 0.2, "EUR", "0.3"), ("99.00", "EUR", "99"),
        (" 99,95 ", "EUR", "99.95"), ("1,234.50", "USD", "1234.5"), ("1.234,50", "EUR", "1234.5"),
        ("1 234 567.89", "EUR", "1234567.89"), ("1'234.50", "CHF", "1234.5"), (0, "EUR", "0"), (1e3, "EUR", "1000"),
        (99.995, "EUR", "100"), (1.005, "EUR", "1.01"), (980.5, "JPY", "981"), ("1.2345", "KWD", "1.235"),
        (1.5, "KWD", "1.5"), (999999999999, "IDR", "999999999999"),
    ],
)  # fmt: skip
def test_an_amount_is_read_without_noise_and_rounded_to_its_currencys_minor_unit(sent, currency, stored):
    amount = money.read_amount(sent)
    assert amount is not None
    assert money.rounded(amount, currency) == Decimal(stored)


@given(st.integers(0, 10**11), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_minor_units_go_there_and_back(minor, currency):
    assert money.to_minor(money.from_minor(minor, currency), currency) == minor
    assert money.to_minor(money.read_amount(float(money.from_minor(minor, currency))), currency) == minor


@given(st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.booleans(), st.lists(st.integers())))
def test_whatever_is_sent_reads_as_an_amount_in_bounds_or_as_none(value):
    amount = money.read_amount(value)
    assert amount is None or abs(amount) < money.TOO_MUCH


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(st.sampled_from(sorted(conversions.READERS)), st.dictionaries(st.sampled_from(
    ["order_id", "refund_id", "amount", "total", "currency", "after", "booking_id", "deal_id"]), JSON))  # fmt: skip
def test_no_event_can_be_worded_so_that_it_fails(kind, properties):
    event = EventRow(7, 1, kind, properties, NOON, NOON, "test", 0)
    for fact in conversions.facts_of([event], currency=lambda: "EUR"):
        assert 0 < len(fact.key) <= 200
        assert len(fact.payment) <= 200


def test_long_names_are_cut_without_becoming_anothers(db):
    lead = LeadFactory()
    for end in "ab":
        bought(lead, order_id="x" * 5_000 + end, amount=1)
        tell(lead, "purchase.refunded", order_id="x" * 5_000 + end)
    purchases = {row.key for row in Conversion.objects.filter(kind="purchase")}
    assert len(purchases) == 2
    assert {row.payment for row in Conversion.objects.filter(kind="refund")} == purchases


def test_a_wave_without_such_events_asks_nothing_and_one_with_many_writes_once(db):
    leads = [LeadFactory() for _ in range(20)]

    def statements(kind: str) -> list[str]:
        record([NewEvent(lead.pk, kind, {"amount": 5, "currency": "EUR"}) for lead in leads], now=NOON)
        with CaptureQueriesContext(connection) as captured:
            drain(now=NOON)
        return [query["sql"] for query in captured if "leads_conversion" in query["sql"]]

    assert statements("pricing.viewed") == []
    assert len(statements("purchase.completed")) == 1
