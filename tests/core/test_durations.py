"""Offsets from a date, as people write them; the spans without a sign are tested beside the rules."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core import durations

minutes = st.integers(-9_999_999, 9_999_999).filter(lambda count: abs(count) <= durations.LONGEST.days * 24 * 60)


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("-1h", timedelta(hours=-1), "1 hour before starts_at"),
        ("3d", timedelta(days=3), "3 days after starts_at"),
        ("+2w", timedelta(weeks=2), "14 days after starts_at"),
        ("0d", timedelta(0), "at starts_at"),
        ("-0m", timedelta(0), "at starts_at"),
    ],
)
def test_an_offset_is_read_and_told(text: str, offset: timedelta, words: str) -> None:
    assert durations.parse_signed(text) == offset
    assert durations.words_signed(offset, "starts_at") == words


@given(minutes)
def test_an_offset_is_written_as_it_is_read(count: int) -> None:
    offset = timedelta(minutes=count)
    assert durations.parse_signed(durations.format_signed(offset)) == offset


@pytest.mark.parametrize("text", ["", "1", "h", "- 1h", "--1h", "1h ago", "-1.5h", "-99999w", None, -3600, "−1h"])
def test_other_spellings_of_offsets_are_refused(text: object) -> None:
    with pytest.raises(durations.DurationError):
        durations.parse_signed(text)
