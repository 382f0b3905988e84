"""The attribution page, by its address, as a marketer sees it."""

from datetime import timedelta
from html import unescape
from re import findall

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Conversion, Lead, Touch
from lifecycle.core import clock
from tests import staff
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
PATH = "/admin/reports/attribution/"
DAY = timedelta(days=1)


@pytest.fixture
def buyer(db: None) -> Lead:
    """Came by spring and by news last week, and paid 1,200 yesterday."""
    return bought("spring", "news", amount=1200)


def bought(*campaigns: str, amount: int, **fields: str) -> Lead:
    now = clock.now()
    lead = LeadFactory(ada=True) if not Lead.objects.exists() else LeadFactory()
    for number, campaign in enumerate(campaigns):
        at = now - (9 - number) * DAY
        Touch.objects.create(
            lead=lead, kind="visit", source="google", campaign=campaign, occurred_at=at, recorded_at=at
        )
    values = {"kind": "purchase", "key": f"A-{lead.pk}", "currency": "EUR", **fields}
    Conversion.objects.create(lead=lead, amount=amount, occurred_at=now - DAY, recorded_at=now, **values)
    return lead


def seen(path: str = PATH, role: str = "marketer", **asked: str) -> str:
    answer = staff.colleague(role).get(path, asked)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_all_models_stand_side_by_side_and_sum_to_what_was_paid(buyer):
    page = seen()
    for model in ("First touch", "Last touch", "Linear", "Position", "W-shaped", "Time decay"):
        assert model in page
    foot = page[page.index("<tfoot>") : page.index("</tfoot>")]
    assert foot.count("1,200.00") == 6
    assert "spring" in page
    assert "600.00" in page


def test_each_currency_has_a_table_of_its_own(buyer):
    bought("spring", amount=980, currency="JPY")
    page = seen()
    assert "Purchases in EUR" in page
    assert "Purchases in JPY" in page
    assert "980" in page


def test_nothing_won_says_what_to_do(db):
    page = seen()
    assert "Nothing was won in this period" in page
    assert "purchase.completed" in page
    assert "Nothing was won" in seen(conversion="deal")


def test_what_does_not_read_is_said_beside_its_field(buyer):
    page = seen(**{"from": "soon", "currency": "EURO"})
    assert "Write a day such as" in page
    assert "ISO 4217" in page
    assert "<tfoot>" not in page


def test_a_row_leads_to_the_conversions_behind_it(buyer):
    links = findall(r'href="(/admin/reports/attribution/behind/\?[^"]+)"', seen())
    behind = seen(links[0])
    for text in ("1,200.00 EUR", "Ada Ash", f"/console/leads/{buyer.pk}", "first touch", "last touch", "50.0 %"):
        assert text in behind
    assert "No conversion stands behind this row" in seen(f"{PATH}behind/", value="autumn")


def test_the_unattributed_have_a_row_and_are_found_behind_it(db):
    lead = bought(amount=5)
    page = seen()
    assert "Unattributed" in page
    link = findall(r'href="(/admin/reports/attribution/behind/\?[^"]*nobody[^"]*)"', page)[0]
    assert f"/console/leads/{lead.pk}" in seen(link)


def test_many_rows_are_cut_and_what_is_left_is_summed(db):
    for number in range(53):
        bought(f"campaign-{number:02}", amount=100)
    page = seen()
    assert "All others (3)" in page
    assert page.count("/admin/reports/attribution/behind/") == 50
    foot = page[page.index("<tfoot>") : page.index("</tfoot>")]
    assert "5,300.00" in foot


def test_the_same_rows_as_a_file(buyer):
    answer = staff.colleague("marketer").get(PATH, {"format": "csv", "model": "all"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.content.decode().startswith("campaign,currency,first_amount")
    assert "spring,EUR,1200.00,1.000000" in answer.content.decode()


def test_what_led_here_is_on_the_leads_own_page(buyer):
    page = seen(f"/console/leads/{buyer.pk}", role="sales")
    assert "What led here" in page
    assert "1,200.00 EUR" in page
    assert f"/admin/reports/attribution/leads/{buyer.pk}/" in page
    assert "spring" in seen(f"{PATH}leads/{buyer.pk}/", role="sales")
    assert staff.colleague("sales").get(f"{PATH}leads/0/").status_code == 404


@pytest.mark.parametrize("path", [PATH, f"{PATH}behind/", f"{PATH}leads/1/"])
def test_only_colleagues_who_may_see_conversions_come_in(path, client):
    assert client.get(path).headers["Location"].startswith("/admin/login/")
    assert staff.colleague("nobody-in-particular").get(path).status_code == 403


ODD = [{"page": "²"}, {"page": "-1"}, {"page": "99999999"}, {"value": "a\0b"}, {"by": "moon"}]


@pytest.mark.parametrize("asked", ODD)
def test_odd_addresses_never_fail(asked, buyer):
    assert staff.colleague("boss").get(f"{PATH}behind/", asked).status_code in (200, 404)
    assert staff.colleague("boss").get(PATH, asked).status_code == 200


def test_the_page_takes_the_same_queries_for_many_as_for_one(buyer):
    client = staff.colleague("boss")
    client.get(PATH)
    with CaptureQueriesContext(connection) as few:
        client.get(PATH)
    for _ in range(10):
        bought("spring", "news", amount=7)
    with CaptureQueriesContext(connection) as many:
        client.get(PATH)
    assert len(many) == len(few) <= 15
