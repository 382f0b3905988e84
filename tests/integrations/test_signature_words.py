"""What all signatures share, by tables; and that each vendor that is installed is in the matrix of all of them."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.integrations import registry, signatures
from lifecycle.integrations.contract import Refused
from tests.factories import NOON
from tests.integrations.senders import SENDERS

FIVE = timedelta(minutes=5)


def test_every_vendor_is_in_the_matrix() -> None:
    assert {one.slug for one in registry.providers()} <= {one.name for one in SENDERS}


def test_any_of_the_secrets_and_any_of_the_signatures_will_do() -> None:
    right = signatures.hex_digest("b", b"text")
    assert signatures.is_signed(b"text", ["zz", right], ["a", "b"])
    assert not signatures.is_signed(b"text", ["zz", right], ["a", "c"])
    assert not signatures.is_signed(b"text", [], ["b"])
    assert not signatures.is_signed(b"text", [right], [])
    assert not signatures.is_signed(b"text", [right.upper(), right[:-1], "ä"], ["b"])


@pytest.mark.parametrize(("age", "taken"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_a_signature_holds_for_a_while(age: int, taken: bool) -> None:
    stamp = str(int((NOON - timedelta(seconds=age)).timestamp()))
    if taken:
        assert signatures.check_age(stamp, at=NOON, tolerance=FIVE) == NOON - timedelta(seconds=age)
        return
    with pytest.raises(Refused) as refused:
        signatures.check_age(stamp, at=NOON, tolerance=FIVE)
    assert (refused.value.status, refused.value.code) == (401, "too_old")


@given(st.text(max_size=30) | st.floats().map(str) | st.integers().map(str))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        assert isinstance(signatures.check_age(text, at=NOON, tolerance=FIVE), datetime)
    except Refused as refused:
        assert refused.status == 401  # noqa: PT017
