"""How what happened to a person reads."""

import pytest

from lifecycle.reports.timeline import came


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
