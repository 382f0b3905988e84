"""What all meetings of a person mean, and how a meeting reads. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from lifecycle.sales import bookings
from lifecycle.sales.bookings import Demo, demo_of, when

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Row:
    pk: int
    state: str
    event_name: str = "Demo"
    starts_at: datetime | None = NOON
    ends_at: datetime | None = None
    time_zone: str = ""
    location: str = ""

    @property
    def booked_at(self) -> datetime:
        return NOON + timedelta(minutes=self.pk)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], Demo()),
        (["moved"], Demo()),
        (["scheduled"], Demo(True, NOON, "Demo", "scheduled")),
        (["scheduled", "canceled"], Demo(True, NOON, "Demo", "scheduled")),
        (["moved", "scheduled"], Demo(True, NOON, "Demo", "scheduled")),
        (["held", "canceled"], Demo(False, NOON, "Demo", "canceled")),
        (["canceled", "held"], Demo(True, NOON, "Demo", "held")),
        (["moved", "no_show"], Demo(True, NOON, "Demo", "no_show")),
    ],
)
def test_the_demo_is_what_the_newest_active_meeting_says(states: list[str], expected: Demo) -> None:
    rows = [Row(place, state) for place, state in enumerate(states)]
    assert {demo_of(order) for order in permutations(rows)} == {expected}


@pytest.mark.parametrize(
    ("at", "zone", "words"),
    [
        (NOON, "Europe/Berlin", "Monday, 2 March 2026 at 13:00 (Europe/Berlin)"),
        (NOON, "America/New_York", "Monday, 2 March 2026 at 07:00 (America/New York)"),
        (NOON, "", "Monday, 2 March 2026 at 12:00 (UTC)"),
        (NOON, "../etc/passwd", "Monday, 2 March 2026 at 12:00 (UTC)"),
        (NOON, "Nowhere/Town", "Monday, 2 March 2026 at 12:00 (UTC)"),
        (None, "Europe/Berlin", ""),
    ],
)
def test_a_time_reads_on_the_invitees_clock(at: datetime | None, zone: str, words: str) -> None:
    assert when(at, zone) == words


def test_an_event_says_whether_there_is_something_to_come() -> None:
    facts = bookings.Facts("b1", Demo())
    later = Row(1, "scheduled", starts_at=NOON + timedelta(days=1))
    assert bookings.properties(later, facts, now=NOON)["upcoming"] is True
    assert bookings.properties(Row(1, "scheduled"), facts, now=NOON + timedelta(hours=2))["upcoming"] is False
    assert bookings.properties(Row(1, "scheduled", starts_at=None), facts, now=NOON)["upcoming"] is True
