"""Which reference must be heard of before it is clear where a booking belongs."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.sales import chains
from lifecycle.sales.bookings import Booking
from tests.factories import NOON


def meeting(name: str, minutes: int, **said: Any) -> SimpleNamespace:
    at = NOON + timedelta(minutes=minutes)
    known = {"pk": name, "provider": "calendly", "reference": name, "replaces_id": None, "state": "scheduled"}
    more = {"event_name": "Demo", "booked_at": at, "created_at": at, "is_named_only": False, "new_reference": ""}
    return SimpleNamespace(**known | more | said)


def named(name: str, minutes: int, **said: Any) -> SimpleNamespace:
    return meeting(name, minutes, state="moved", event_name="", is_named_only=True, **said)


A = meeting("a", 0)
A_MOVES_TO_B = meeting("a", 0, new_reference="b")
B_BY_NAME = named("b", 20)
C = meeting("c", 20, replaces_id="b")


@pytest.mark.parametrize(
    ("booking", "known", "expected"),
    [
        (Booking("calendly", "c", "Demo", booked_at=C.booked_at, replaces="b"), [], ""),
        (Booking("calendly", "c", "Demo", booked_at=C.booked_at, replaces="b"), [A], "b"),
        (Booking("calendly", "c", "Review", booked_at=C.booked_at, replaces="b"), [A], ""),
        (Booking("zoho", "c", "Demo", booked_at=C.booked_at, replaces="b"), [A], ""),
        (Booking("calendly", "b", "Demo", booked_at=C.booked_at, replaces="a"), [A], ""),
        (Booking("calendly", "c", "Demo", booked_at=C.booked_at, replaces="b"), [A_MOVES_TO_B], ""),
        (Booking("calendly", "a", "Demo", booked_at=A.booked_at), [B_BY_NAME, C], "b"),
        (Booking("calendly", "d", "Demo", booked_at=NOON + timedelta(hours=1)), [B_BY_NAME, C], ""),
        (Booking("calendly", "a", "Demo", booked_at=A.booked_at), [named("b", -30), C], ""),
        (Booking("calendly", "a", "Demo", booked_at=A.booked_at), [A, B_BY_NAME, C], ""),
        (Booking("calendly", "a", "Demo"), [B_BY_NAME, C], ""),
    ],
    ids=[
        "nobody-else", "a-link-is-missing", "another-kind", "another-calendar", "what-it-replaces-is-known",
        "promised", "maybe-the-first", "booked-later", "named-long-ago", "known", "when-is-not-said",
    ],
)  # fmt: skip
def test_what_is_missing(booking: Booking, known: list[Any], expected: str) -> None:
    assert chains.missing(booking, known, named_since=NOON) == expected


def test_a_chain_is_the_same_from_each_of_its_meetings_and_ends_in_a_circle() -> None:
    chain = [A, meeting("b", 10, replaces_id="a"), meeting("c", 20, replaces_id="b")]
    for one in chain:
        assert [each.pk for each in chains.chain_of(one, chain[::-1])] == ["a", "b", "c"]
    circle = [meeting("a", 0, replaces_id="b"), meeting("b", 0, replaces_id="a")]
    assert len(chains.chain_of(circle[0], circle)) == 2
