"""The attribution report over the API: the flow from the ad to the euro as a program sees it, and what is refused."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from leads.actions import record
from leads.batch import NewEvent
from leads.models import Lead, Touch, Workspace
from leads.pipeline import drain
from lifecycle.api.models import Scope
from lifecycle.reports.attribution import MODELS
from tests.api.conftest import Calling
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
PATH = "/api/v1/reports/attribution"
DAY = timedelta(days=1)


@pytest.fixture
def buyer(db: None) -> Lead:
    """Came by the spring campaign, came again by the newsletter, paid 99.99 on the third day and got 9.99 back."""
    lead = LeadFactory()
    for days, campaign in ((0, "spring"), (1, "news")):
        at = NOON + days * DAY
        Touch.objects.create(
            lead=lead, kind="visit", source="google", campaign=campaign, occurred_at=at, recorded_at=at
        )
    buys(lead, order_id="A-1", amount="99.99", currency="EUR")
    tell(lead, "purchase.refunded", order_id="A-1", amount=9.99)
    return lead


def buys(lead: Lead, **properties: Any) -> None:
    tell(lead, "purchase.completed", **properties)


def tell(lead: Lead, kind: str, **properties: Any) -> None:
    record([NewEvent(lead.pk, kind, properties, occurred_at=NOON + 3 * DAY)], now=NOON + 3 * DAY)
    drain(now=NOON + 3 * DAY)


def report(program: APIClient, **asked: Any) -> dict[str, Any]:
    answer = program.get(PATH, asked)
    assert answer.status_code == 200, answer.content
    return answer.json()  # type: ignore[no-any-return]


def test_nothing_to_report_is_empty_and_says_by_which_rules(program: APIClient) -> None:
    assert report(program) == {
        "settings": {
            "conversion": "purchase", "by": "campaign", "models": list(MODELS), "from": None, "to": None,
            "currency": "", "lookback_days": 90, "half_life_days": 7, "direct": "count", "audience_type": "",
            "primary_audience": "",
        },
        "totals": [],
        "rows": [],
        "notes": [],
    }  # fmt: skip


def test_the_euro_lands_on_the_campaigns_in_every_model(program: APIClient, buyer: Lead) -> None:
    found = report(program)
    assert found["totals"] == [
        {"currency": "EUR", "conversions": 1, "paid": "99.99", "refunded": "9.99", "net": "90.00"}
    ]
    rows = {row["value"]: row["credits"] for row in found["rows"]}
    assert rows["spring"]["first"] == {"amount": "90.00", "conversions": "1.000000"}
    assert rows["news"]["first"] == {"amount": "0.00", "conversions": "0.000000"}
    assert rows["news"]["last"]["amount"] == "90.00"
    assert rows["spring"]["linear"] == {"amount": "45.00", "conversions": "0.500000"}


def test_one_model_alone_and_another_view(program: APIClient, buyer: Lead) -> None:
    found = report(program, model="linear", by="source", lookback=0, direct="skip")
    assert [(row["label"], row["credits"]) for row in found["rows"]] == [
        ("google", {"linear": {"amount": "90.00", "conversions": "1.000000"}})
    ]
    assert found["settings"]["lookback_days"] is None
    assert found["settings"]["direct"] == "skip"


def test_unattributed_is_a_row(program: APIClient) -> None:
    buys(LeadFactory(), amount=5, currency="USD")
    (row,) = report(program)["rows"]
    assert (row["value"], row["label"], row["currency"]) == (None, "Unattributed", "USD")
    assert {credit["amount"] for credit in row["credits"].values()} == {"5.00"}


def test_days_are_the_workspaces_and_the_last_one_is_whole(program: APIClient, buyer: Lead) -> None:
    Workspace.objects.update(time_zone="Asia/Tokyo")
    found = report(program, **{"from": "2026-03-05", "to": "2026-03-05"})
    assert (found["settings"]["from"], found["settings"]["to"]) == ("2026-03-04T15:00:00Z", "2026-03-05T15:00:00Z")
    assert found["totals"]
    assert report(program, to="2026-03-05T12:00:00Z")["totals"] == []
    assert report(program, **{"from": "2026-03-06"})["totals"] == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"model": "best"}, "model"), ({"by": "moon"}, "by"), ({"conversion": "refund"}, "conversion"),
        ({"from": "yesterday"}, "from"), ({"from": "2026-02-30"}, "from"), ({"to": "9999-12-31"}, "to"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "to"), ({"currency": "EURO"}, "currency"),
        ({"lookback": "-1"}, "lookback"), ({"lookback": "soon"}, "lookback"), ({"direct": "no"}, "direct"),
        ({"format": "xml"}, "format"), ({"compaign": "x"}, "compaign"),
        ({"primary_audience": "a\0"}, "primary_audience"),
    ],
)  # fmt: skip
def test_what_does_not_read_is_refused_by_name(program: APIClient, asked: dict[str, str], field: str) -> None:
    answer = program.get(PATH, asked)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


def test_the_file_has_the_same_rows_and_no_formulas(program: APIClient) -> None:
    lead = LeadFactory()
    at = NOON - DAY
    Touch.objects.create(lead=lead, kind="visit", campaign='=HYPERLINK("x")', occurred_at=at, recorded_at=at)
    buys(lead, amount="7", currency="EUR")
    answer = program.get(PATH, {"format": "csv", "model": "first"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert list(csv.reader(answer.content.decode().splitlines())) == [
        ["campaign", "currency", "first_amount", "first_conversions"],
        ['\'=HYPERLINK("x")', "EUR", "7.00", "1.000000"],
    ]


def test_it_needs_the_scope_of_reports(key: Calling) -> None:
    assert APIClient().get(PATH).status_code == 401
    assert key(Scope.LEADS_READ).get(PATH).status_code == 403
    assert key(Scope.REPORTS_READ).get(PATH).status_code == 200


def test_the_number_of_queries_does_not_grow(program: APIClient, buyer: Lead) -> None:
    report(program)  # the key's last use is noted once
    with CaptureQueriesContext(connection) as few:
        report(program)
    for _ in range(15):
        buys(LeadFactory(), amount=5, currency="EUR")
    with CaptureQueriesContext(connection) as many:
        report(program)
    assert len(many) == len(few)
