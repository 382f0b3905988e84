"""The pure parts of tracking: reading calls, correcting clocks, naming what happened, keeping what is needed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.attribution import anonymous_id
from leads.tracking import calls, keeping, kinds, mended, times
from leads.tracking.calls import BadCall

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def read(kind: str | None = None, **members: Any) -> calls.Call:
    return calls.read(json.dumps(members).encode(), kind)


# --- times

ELEVEN = NOON - timedelta(hours=1)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-02T11:00:00.000Z",  # JavaScript
        "2026-03-02T11:00:00+00:00",  # Python
        "2026-03-02T11:00:00.000000000Z",  # Go
        "2026-03-02T12:00:00.000+01:00",  # Java, Ruby
        "2026-03-02T11:00:00",  # without a zone
        "20260302T110000Z",
        " 2026-03-02 11:00:00 ",
        ELEVEN.timestamp(),
        int(ELEVEN.timestamp()) * 1000,
    ],
)
def test_times_as_sdks_write_them(written: object) -> None:
    assert times.moment(written) == ELEVEN


@pytest.mark.parametrize(
    "written",
    ["", "now", "2026-13-01", "0001-01-01T00:00:00+23:59", None, True, [], {}, 1e300, -(2**70), "9" * 40, float("inf")],
)
def test_what_is_no_time(written: object) -> None:
    assert times.moment(written) is None


DAY, YEAR = timedelta(days=1), timedelta(days=365)


@pytest.mark.parametrize(
    ("at", "sent_at", "happened"),
    [
        (None, None, NOON),
        (NOON - DAY, None, NOON - DAY),  # believed without a sending time
        (NOON - DAY, NOON - DAY, NOON),  # sent when it happened, by a clock a day behind
        (NOON + YEAR, NOON + YEAR + DAY, NOON - DAY),  # waited a day, by a clock a year ahead
        (datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC), NOON - DAY),  # a clock that was never set
        (NOON + DAY, None, NOON),
        (NOON, NOON - DAY, NOON),  # sent before it happened
        (NOON - 2 * YEAR, NOON, NOON - 2 * YEAR),  # history that is imported
        (NOON - 20 * YEAR, NOON, NOON),
        ("nonsense", NOON, NOON),
        (NOON - DAY, "nonsense", NOON - DAY),
    ],
)
def test_when_it_happened(at: Any, sent_at: Any, happened: datetime) -> None:
    written = [one.isoformat() if isinstance(one, datetime) else one for one in (at, sent_at)]
    assert times.occurred(*written, now=NOON) == happened


@given(
    st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.datetimes().map(str)),
    st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.datetimes().map(str)),
    st.booleans(),
)
def test_it_happened_within_ten_years_whatever_clocks_say(at: object, sent_at: object, future: bool) -> None:
    happened = times.occurred(at, sent_at, now=NOON, future=future)
    assert NOON - times.OLDEST <= happened <= (NOON + times.OLDEST if future else NOON)


# --- kinds

RULES = kinds.Pages(
    [
        ("/pricing*", "pricing.viewed"),
        ("docs.*/*", "docs.viewed"),
        ("www.example.com/press/*/kit", "press.viewed"),
        ("/Help", "help.viewed"),
        ("/[x]?", "odd.viewed"),
    ]
)


@pytest.mark.parametrize(
    ("url", "path", "kind"),
    [
        ("https://example.com/pricing", "", "pricing.viewed"),
        ("https://example.com/Pricing/?plan=pro#top", "", "pricing.viewed"),
        ("https://docs.example.com/", "", "docs.viewed"),
        ("https://docs.example.com/pricing", "", "pricing.viewed"),  # the first that fits
        ("https://example.com/docs.html", "", ""),
        ("https://www.example.com/press/2026/kit", "", "press.viewed"),
        ("https://other.com/press/2026/kit", "", ""),
        ("", "/help/", "help.viewed"),
        ("", "help?x=1", "help.viewed"),
        ("/help", "", "help.viewed"),
        ("https://example.com/[x]?", "", ""),
        ("", "/[x]", ""),
        ("https://[broken/pricing", "", ""),
        ("", "", ""),
    ],
)
def test_the_first_rule_that_fits_a_page_names_it(url: str, path: str, kind: str) -> None:
    assert [RULES.kind_of(url, path) for _ in range(2)] == [kind, kind]


def test_a_page_is_named_by_address_then_by_name() -> None:
    known = kinds.Known({"Plans": "pricing.viewed"}, kinds.pages('[["/docs*","docs.viewed"]]'))
    page = {"page": {"url": "https://x.example/docs"}}
    assert kinds.of_page("Plans", {}, page, known) == "docs.viewed"
    assert kinds.of_page("Plans", {"path": "/plans"}, page, known) == "pricing.viewed"
    assert kinds.of_page("Other", {}, {}, known) == "page.viewed"


@pytest.mark.parametrize(
    ("kind", "server", "page"),
    [
        ("pricing.viewed", True, True),
        ("Order Shipped", True, True),
        ("form.submitted", True, True),
        ("purchase.completed", True, False),
        ("subscription.lapsed", True, False),
        ("meeting.booked", True, False),
        ("deal.won", True, False),
        ("invoice.failed", True, False),
        ("stage.changed", False, False),
        ("email.clicked", False, False),
        ("sequence.entered", False, False),
        ("lead.updated", False, False),
        ("segment.entered", False, False),
    ],
)
def test_whom_we_believe_what(kind: str, server: bool, page: bool) -> None:
    assert kinds.refusal(kind, is_public=False) is not server
    assert kinds.refusal(kind, is_public=True) is not page


# --- calls


@pytest.mark.parametrize(
    ("given", "user"), [("u", "u"), (7, "7"), (7.0, "7"), (1.5, "1.5"), (" u\n", "u"), ("é\0", "é"), (0, "0")]
)
def test_ids_are_texts(given: Any, user: str) -> None:
    assert read("track", userId=given, event="x").user == user


def test_a_browser_has_the_id_that_forms_give_it() -> None:
    sent = "b" * 130
    assert read("track", anonymousId=sent, event="x").browser == anonymous_id({"anonymous_id": sent}) == "b" * 120


@pytest.mark.parametrize("empty", [None, "", "  ", "\0"])
def test_somebody_must_be_named(empty: Any) -> None:
    with pytest.raises(BadCall, match="userId or anonymousId is missing"):
        read("track", userId=empty, anonymousId=empty, event="x")


def test_what_php_calls_an_empty_object_is_one() -> None:
    assert read("track", userId="u", event="x", properties=[]).facts == {}


def test_the_type_of_the_address_wins() -> None:
    assert read("track", type="page", userId="u", event="x").type == "track"
    assert read(type="screen", userId="u", name="Main").name == "Main"


def test_what_is_kept_by_call() -> None:
    traits = {"email": "a@b.com", "ip": "203.0.113.9"}
    assert read("identify", userId="u", traits=traits).facts == {"traits": {"email": "a@b.com"}}
    assert read("group", userId="u", groupId=5, traits={"name": "Acme"}).facts == {
        "group_id": "5",
        "traits": {"name": "Acme"},
    }
    assert read("alias", userId="u", previousId="b").facts == {"previous_id": "b"}
    page = read("page", userId="u", name="Home", category="Top", properties={"name": "Start"})
    assert page.facts == {"name": "Start", "category": "Top"}
    assert read("track", userId="u", event="x", properties={"ip": "1", "a": 1}).facts == {"a": 1}


def test_the_original_timestamp_is_the_one_to_correct() -> None:
    call = read("track", userId="u", event="x", timestamp="a", originalTimestamp="b", sentAt="c")
    assert (call.at, call.sent_at) == ("b", "c")


def test_depth_has_an_end_far_before_the_readers() -> None:
    deep: Any = 1
    for _ in range(calls.DEEPEST):
        deep = {"a": deep}
    read("track", userId="u", event="x", properties=deep)
    with pytest.raises(BadCall, match="nested deeper"):
        read("track", userId="u", event="x", properties={"a": deep})


# --- keeping and mending


def test_the_context_is_what_somebody_reads() -> None:
    sent = {
        "ip": "203.0.113.9",
        "page": {"url": "u" * 2_000, "n": [1]},
        "library": {"name": "x", "version": 3},
        "locale": "de",
        "timezone": 3,
        "userAgent": "",
        "referrer": ["x"],
        "active": True,
    }
    assert keeping.context(sent) == {"page": {"url": "u" * 1_000}, "library": {"name": "x"}, "locale": "de"}
    assert keeping.context("x") == keeping.context(None) == keeping.context([]) == {}


@pytest.mark.parametrize(
    ("raw", "whole"),
    [
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\ude00x"', rb'"\ufffdx"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\ud83d"', rb'"\\ud83d"'),
        (rb'"\\\uD83D\n"', rb'"\\\ufffd\n"'),
        (b'"plain"', b'"plain"'),
    ],
)
def test_halves_of_characters_are_mended_and_nothing_else(raw: bytes, whole: bytes) -> None:
    assert mended(raw) == whole


@given(st.text(alphabet=st.characters(codec=None)))
def test_mended_json_is_utf_8(text: str) -> None:
    back = json.loads(mended(json.dumps(text).encode()))
    back.encode()
    assert len(back) == len(json.loads(json.dumps(text)))
