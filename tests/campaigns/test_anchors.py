"""Dates that waits hang on: what is read as a date, in whose zone, and how far from it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from campaigns.engine import anchors
from campaigns.engine.anchors import Anchor
from lifecycle.core import durations

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-05T10:00:00Z", "2026-03-05 10:00"),
        ("2026-03-05T10:00:00+02:00", "2026-03-05 08:00"),
        ("2026-03-05 10:00", "2026-03-05 09:00"),  # a time without an offset is one of the person's clock
        ("2026-03-05", "2026-03-04 23:00"),  # a date is its midnight there
        (" 2026-07-05 ", "2026-07-04 22:00"),
        ("2026-03-29T02:30", "2026-03-29 01:00"),  # in the gap: its end
        ("2026-10-25T02:30", "2026-10-25 00:30"),  # in the fold: the first
        ("2028-02-29", "2028-02-28 23:00"),
        (date(2026, 3, 5), "2026-03-04 23:00"),
        (datetime(2026, 3, 5, 10, tzinfo=UTC), "2026-03-05 10:00"),
    ],
)
def test_a_date_is_read(value: Any, expected: str) -> None:
    assert anchors.read(value, BERLIN) == utc(expected)


@pytest.mark.parametrize(
    "value", [None, "", "soon", "2027-02-29", 1772704800, True, [], {}, "0001-01-01", "9999-12-31T23:59:59", "2026"]
)
def test_what_is_no_date_is_none(value: Any) -> None:
    assert anchors.read(value, BERLIN) is None


@pytest.mark.parametrize(
    ("at", "offset", "expected"),
    [
        ("2026-03-05 10:00", "-1h", "2026-03-05 09:00"),
        ("2026-03-05 10:00", "0d", "2026-03-05 10:00"),
        ("2026-03-29 08:00", "-1d", "2026-03-28 09:00"),  # 10:00 in summer time, 10:00 of the day before in winter time
        ("2026-03-29 08:00", "-25h", "2026-03-28 07:00"),  # hours are elapsed time
        ("2026-10-25 00:30", "0d", "2026-10-25 00:30"),
        ("2026-03-30 00:30", "-1d", "2026-03-29 01:00"),  # into the gap: its end
        ("2028-02-28 23:00", "-365d", "2027-02-28 23:00"),  # a year before the 29th of February there is no 29th
        ("2028-02-28 23:00", "1d", "2028-02-29 23:00"),
    ],
)
def test_whole_days_are_days_of_the_calendar_and_hours_are_elapsed(at: str, offset: str, expected: str) -> None:
    assert anchors.shifted(utc(at), durations.parse_signed(offset), BERLIN) == utc(expected)


def test_of_merged_events_the_newest_that_has_the_property_counts() -> None:
    starts = Anchor(event_property="starts_at", offset=timedelta(hours=-1))
    first, moved, other = {"starts_at": "2026-03-05T10:00Z"}, {"starts_at": "2026-03-06T10:00Z"}, {"seat": 4}
    context = {"event": first, "events": [first, moved, other]}
    assert starts.date({}, context, "UTC") == utc("2026-03-06 10:00")
    assert starts.date({}, {"event": first}, "UTC") == utc("2026-03-05 10:00")
    assert starts.date({}, {"event": other, "events": [other]}, "UTC") is None
    assert starts.date({}, {}, "UTC") is None
    assert starts.words() == "1 hour before starts_at"


def test_a_field_is_a_column_or_an_attribute() -> None:
    fields = {"created_at": utc("2026-03-02 12:00"), "attributes": {"renewal_date": "2026-04-01", "empty": ""}}
    assert Anchor("created_at").date(fields, {}, "UTC") == utc("2026-03-02 12:00")
    assert Anchor("attributes.renewal_date").date(fields, {}, "UTC") == utc("2026-04-01 00:00")
    assert Anchor("attributes.empty").date(fields, {}, "UTC") is None
    assert Anchor("attributes.renewal_date").date({"attributes": None}, {}, "UTC") is None
