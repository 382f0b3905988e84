"""Renewals and payments as a page, and the customer on the lead's page."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Lead
from lifecycle.customers.models import Invoice, Product, Purchase, Subscription
from lifecycle.reports.customers import customers
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def subscribes(lead: Lead, name: str, **fields: Any) -> Subscription:
    values = {"provider": "stripe", "reference": name, "plan": "Team", "state": "active", "amount": Decimal("1188")}
    values |= {"currency": "EUR", "interval_months": 12, "started_at": NOON, "told_at": NOON, "created_at": NOON}
    return Subscription.objects.create(lead=lead, **{**values, **fields})


def fails(subscription: Subscription, name: str) -> Invoice:
    values = {"provider": "stripe", "reference": name, "state": "failed", "attempts": 2, "amount": Decimal("99.5")}
    values |= {"currency": "EUR", "issued_at": NOON, "failed_at": NOON, "told_at": NOON}
    return Invoice.objects.create(lead=subscription.lead, subscription=subscription, **values)


def test_the_list_has_what_renews_what_failed_and_who_left() -> None:
    ada, ben = LeadFactory(first_name="Ada", is_client=True), LeadFactory(first_name="Ben")
    yearly = subscribes(ada, "sub_1", renews_at=NOON + 30 * DAY)
    subscribes(ada, "sub_2", renews_at=NOON + 20 * DAY, currency="USD", amount=500)
    subscribes(ada, "sub_3", renews_at=NOON + 20 * DAY, interval_months=1)
    subscribes(ada, "sub_4", renews_at=NOON + 91 * DAY)
    subscribes(ben, "sub_5", state="ended", ended_at=NOON - DAY)
    subscribes(ben, "sub_6", ends_at=NOON + 5 * DAY)
    fails(yearly, "in_1")
    found = customers(now=NOON)
    assert [line.at - NOON for line in found.renewing.lines] == [20 * DAY, 30 * DAY]
    assert found.renewing.sums == ["1,188.00 EUR", "500.00 USD"]
    assert (found.failed.count, found.failed.sums) == (1, ["99.50 EUR"])
    assert (found.lapsed.count, found.leaving.count, found.clients) == (1, 1, 1)


def test_a_rep_sees_the_own_customers() -> None:
    rep = staff.colleague("sales")
    subscribes(LeadFactory(first_name="Mine", owner=staff.of(rep)), "sub_1", renews_at=NOON + 9 * DAY)
    subscribes(LeadFactory(first_name="Theirs"), "sub_2", renews_at=NOON + 9 * DAY)
    everybody, mine = (rep.get(f"/console/customers?whose={whose}").content.decode() for whose in ("all", "mine"))
    assert "Mine" in everybody
    assert "Theirs" in everybody
    assert "Theirs" not in mine


def test_the_page_takes_the_same_queries_however_many_there_are() -> None:
    boss = staff.colleague("boss")

    def fill(number: int) -> None:
        lead = LeadFactory(owner=staff.of(boss))
        fails(subscribes(lead, f"sub_{number}", renews_at=NOON + DAY), f"in_{number}")

    fill(1)
    boss.get("/console/customers")
    with CaptureQueriesContext(connection) as few:
        assert boss.get("/console/customers").status_code == 200
    for number in range(2, 60):
        fill(number)
    with CaptureQueriesContext(connection) as many:
        assert "and 9 more" in boss.get("/console/customers").content.decode()
    assert len(many) == len(few) <= 17


def test_with_nobody_yet_it_says_what_comes_here() -> None:
    page = staff.colleague("marketer").get("/console/customers").content.decode()
    for words in ("Every payment came through", "Nothing renews", "Nobody left"):
        assert words in page


def test_the_leads_page_shows_what_they_bought() -> None:
    lead = LeadFactory(is_client=True)
    fails(subscribes(lead, "sub_1", renews_at=NOON + 30 * DAY), "in_1")
    Purchase.objects.create(
        lead=lead,
        provider="stripe",
        key="pi_1",
        amount=250,
        currency="EUR",
        products=[{"name": "Onboarding", "quantity": 1}],
        purchased_at=NOON,
        recorded_at=NOON,
    )
    page = staff.colleague("sales").get(f"/console/leads/{lead.pk}").content.decode()
    for words in ("Client</span>", "Payment failed: 99.50 EUR", "1,188.00 EUR a year", "Onboarding", "250.00 EUR paid"):
        assert words in page, words
    assert "card customer" not in staff.colleague("sales").get(f"/console/leads/{LeadFactory().pk}").content.decode()


def test_products_are_placed_by_hand_line_by_line() -> None:
    product = Product.objects.create(name="Team", references=["prod_1"], is_active=False)
    boss = staff.colleague("marketer")
    listed = boss.get("/admin/customers/product/?placed=no").content.decode()
    assert "Not mapped yet (1)" in listed
    assert "Team" in listed
    answers = {"name": "Team", "references": "prod_1\n price_2 \n\nprod_1", "audience_type": "b2b", "is_active": "on"}
    assert boss.post(f"/admin/customers/product/{product.pk}/change/", answers).status_code == 302
    product.refresh_from_db()
    assert (product.references, product.audience_type) == (["prod_1", "price_2"], "b2b")


def test_lists_of_money_have_their_sums() -> None:
    lead = LeadFactory()
    for number, (amount, currency) in enumerate([(100, "EUR"), (50.5, "EUR"), (7, "USD")]):
        Purchase.objects.create(
            lead=lead,
            provider="stripe",
            key=f"pi_{number}",
            amount=Decimal(str(amount)),
            currency=currency,
            refunded=1,
            purchased_at=NOON,
            recorded_at=NOON,
        )
    page = staff.colleague("boss").get("/admin/customers/purchase/").content.decode()
    for words in ("150.50 EUR", "2.00 EUR", "7.00 USD"):
        assert words in page
