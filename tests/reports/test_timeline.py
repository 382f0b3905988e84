"""How what happened to a person reads."""

from typing import Any

import pytest

from lifecycle.reports import updates
from lifecycle.reports.timeline import came, mail_act


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        ("-30d", "30d before renewal date, 2027-01-01"),
        ("2h", "2h after renewal date, 2027-01-01"),
        ("0d", "Renewal date, 2027-01-01"),
        ("", "Renewal date, 2027-01-01"),
    ],
)
def test_a_date_of_a_person_is_told_by_its_name(offset: str, said: str) -> None:
    assert came({"field": "attributes.renewal_date", "date": "2027-01-01", "offset": offset}) == said


PRO = {"fields": ["attributes"], "source": "customers", "plan": "Pro", "subscription_state": "active"}


@pytest.mark.parametrize(
    ("properties", "source", "said"),
    [
        ({"fields": ["is_client"], "source": "customers", "is_client": True}, "engine", ("Became a customer", "")),
        (
            {**PRO, "is_client": True, "renewal_day": "1 March 2027"},
            "engine",
            ("Became a customer", "Plan: Pro, renews 1 March 2027"),
        ),
        ({**PRO, "subscription_state": "canceling"}, "engine", ("Plan: Pro, canceled, runs until its end", "")),
        (
            {"is_client": False, "plan": "Pro", "subscription_state": "ended"},
            "engine",
            ("Is no customer any more", "Plan: Pro, ended"),
        ),
        (
            {"primary_audience": "Assisted Living", "audience_type": "b2b"},
            "engine",
            ("Audience: Assisted Living (B2B)", ""),
        ),
        ({"audience_type": "b2c", "primary_audience": ""}, "engine", ("Audience: B2C", "")),
        (
            {"fields": ["company_name", "job_title"]},
            "calendly",
            ("Details changed: company, job title", "said when booking"),
        ),
        (
            {"fields": ["is_client"], "source": "customers"},
            "engine",
            ("Details changed: customer or not", "by what they bought"),
        ),
        ({"fields": ["country"]}, "api", ("Details changed: country", "")),
        ({}, "webhook:shop", ("Details changed", "webhook:shop")),
    ],
)
def test_a_change_says_what_changed(properties: dict[str, Any], source: str, said: tuple[str, str]) -> None:
    assert updates.told(properties, source) == said


def test_an_open_or_a_click_says_whose_it_was() -> None:
    mail = {"message": 7, "step": "mail-2", "sequence": "hot-track", "human": True, "reason": "a person's pace"}
    click = {**mail, "link": 0, "url": "https://app.example.com", "device": "desktop"}
    assert mail_act("email.clicked", click) == ("Clicked in a mail", "Hot track · https://app.example.com")
    scanner = {**mail, "human": False, "reason": "a known scanner or proxy"}
    assert mail_act("email.opened", scanner) == ("A machine opened a mail", "Hot track · a known scanner or proxy")
