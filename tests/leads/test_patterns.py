"""Patterns of answers: the same verdict as Python's own, and never a hang."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads.questions.patterns import Pattern, PatternError


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        (r"[A-Z]{2}-\d{4,6}", ["AB-1234", "AB-123456"], ["ab-1234", "AB-123", "AB-1234567", "xAB-1234"]),
        (r"^\+?[0-9 ()/-]+$", ["+49 (30) 123/45-6", "1"], ["", "+", "1a"]),
        (r"(?:red|green|)", ["red", "green", ""], ["re", "blue"]),
        (r"a.c", ["abc", "a€c"], ["ac", "a\nc"]),
        (r"[^0-9]+", ["abc", "ü"], ["a1", ""]),
        (r"\w+@\w+\.(com|de)", ["a_1@b.de"], ["a@b.dex", "a@bxde"]),
        (r"[\w.-]+", ["a.b-c"], ["a b"]),
        (r"\d٣?", ["1"], ["٣"]),
        (r"a{0}b", ["b"], ["ab"]),
        (r"(ab?)*c", ["c", "abac"], ["abb"]),
        ("", [""], ["a"]),
    ],
)
def test_whole_answers_fit(pattern, fits, fails):
    read = Pattern(pattern)
    assert [text for text in fits if not read.fits(text)] == []
    assert [text for text in fails if read.fits(text)] == []


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(a)\1", "At character 5: \\1 is not available"),
        (r"(?=a)", "look-ahead"),
        (r"(?P<n>a)", "names"),
        ("(a", "not closed"),
        ("a)", "At character 2"),
        ("[a", "ends too early"),
        ("[z-a]", "range"),
        ("[]", "empty"),
        ("*a", "At character 1: “*” has no meaning"),
        ("^*a", "At character 2"),
        ("a**", "quantifier"),
        ("a{2", "write {2}"),
        ("a{3,2}", "not lower"),
        ("a{9999}", "at most 500"),
        ("(((a{99}){99}){99})", "too long"),
        ("(" * 50 + "a" + ")" * 50, "nested deeper"),
        ("a" * 201, "At most 200"),
        (r"\p{L}", "\\p is not available"),
        ("a$b", "“$” has no meaning"),
    ],
)
def test_what_does_not_read_says_where_and_why(pattern, says):
    with pytest.raises(PatternError) as refused:
        Pattern(pattern)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|a)*b", "(a*)*b", "(a?){100}a{100}", r"(\w+\s?)*!", "(.*)*x", "(.*a){20}"]
)
def test_a_hostile_pattern_cannot_hang(pattern):
    """Python's own would go over these texts for longer than the universe."""
    began = time.process_time()
    Pattern(pattern).fits("a" * 500 + "!")
    assert time.process_time() - began < 3


pieces = st.recursive(
    st.sampled_from(["a", "b", "-", r"\d", r"\w", r"\s", "[ab]", "[^a]", "[a-c1]", r"\.", "."]),
    lambda inside: st.one_of(
        st.lists(inside, min_size=1, max_size=3).map("".join),
        st.lists(inside, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inside, st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "{0,}"])).map(lambda p: f"(?:{p[0]}){p[1]}"),
    ),
    max_leaves=6,
)


@given(pieces, st.text("ab1.- \n", max_size=8))
@settings(max_examples=400, deadline=None)
def test_the_verdict_is_that_of_pythons_own_and_of_what_browsers_get(pattern, text):
    read = Pattern(pattern)
    assert read.fits(text) == bool(re.fullmatch(pattern, text, re.ASCII))
    if read.browser:
        theirs = re.sub(r"\\u\{([0-9A-F]+)\}", lambda code: f"\\U{int(code[1], 16):08x}", read.browser)
        assert read.fits(text) == bool(re.fullmatch(theirs, text))
