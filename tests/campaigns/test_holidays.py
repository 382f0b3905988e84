"""Whose holiday it is."""

from datetime import date

import pytest

from campaigns.sending.holidays import EVERYBODY, Holidays, code_of

CHRISTMAS, UNITY, NEW_YEAR = date(2026, 12, 25), date(2026, 10, 3), date(2027, 1, 1)


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("Germany", "DE"),
        (" germany ", "DE"),
        ("United States", "US"),
        ("United Kingdom", "GB"),
        ("Bavaria", ""),
        ("", ""),
    ],
)
def test_a_country_is_known_by_its_code_or_its_name(country: str, code: str) -> None:
    assert code_of(country) == code


def test_everybody_rests_on_some_days_and_a_country_on_its_own() -> None:
    days = Holidays([(NEW_YEAR, EVERYBODY), (UNITY, "DE"), (CHRISTMAS, "US")])
    assert days.of("Germany") == {NEW_YEAR, UNITY}
    assert days.of("US") == {NEW_YEAR, CHRISTMAS}
    assert days.of("") == days.of("Nowhere") == {NEW_YEAR}
