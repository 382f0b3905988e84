"""The path language: what it finds, what it says when it finds nothing, and that it never surprises."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.integrations.webhook.paths import Missing, PathError, look, parse, write

BODY = {
    "type": "user.upgraded",
    "data": {
        "user": {"email": "ada@acme.com", "name": None},
        "items": [{"name": "Pro", "price": 99}, {"name": "Seat"}],
        "a.b": {"c\\d": 1},
        "0": "by name",
        "ok": True,
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("type", "user.upgraded"),
        ("data.user.email", "ada@acme.com"),
        ("data.user.name", None),
        ("data.items.0.name", "Pro"),
        ("data.items.-1.name", "Seat"),
        ("data.a\\.b.c\\\\d", 1),
        ("data.0", "by name"),
        ("data.items", BODY["data"]["items"]),  # type: ignore[index]
    ],
)
def test_what_is_there_is_found(path: str, found: Any) -> None:
    assert look(parse(path), BODY) == found


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("kind", "the body has no “kind”; there is type, data"),
        ("data.user.mail", "“data.user” has no “mail”; there is email, name"),
        ("data.items.name", "“data.items” is a list: write a position in it instead of “name”, like 0"),
        ("data.items.2", "“data.items” is a list of 2, without position 2"),
        ("data.items.-3", "“data.items” is a list of 2, without position -3"),
        ("type.name", "“type” is a text, with nothing inside"),
        ("data.user.name.first", "“data.user.name” is null, with nothing inside"),
        ("data.items.0.price.net", "“data.items.0.price” is a number, with nothing inside"),
        ("data.ok.x", "“data.ok” is true or false, with nothing inside"),
        ("data.a\\.b.x", "“data.a\\.b” has no “x”; there is c\\d"),
    ],
)
def test_what_is_not_there_is_said_with_its_place(path: str, says: str) -> None:
    with pytest.raises(Missing) as problem:
        look(parse(path), BODY)
    assert str(problem.value) == says


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", "Write where it is"),
        ("data..email", "no name before character 6"),
        (".data", "no name before character 1"),
        ("data.", "no name before character 6"),
        ("da\\ta", "backslash at character 3"),
        ("data\\", "backslash at character 5"),
        ("x" * 201, "at most 200 characters"),
        (".".join("x" * 21), "at most 20 parts"),
    ],
)
def test_a_path_that_cannot_be_read_says_where(path: str, says: str) -> None:
    with pytest.raises(PathError, match=says):
        parse(path)


names = st.text(min_size=1, max_size=8).filter(lambda name: name.strip())
bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(names, min_size=1, max_size=8))
def test_what_is_written_is_read_back(path: list[str]) -> None:
    text = write(path)
    if len(text) <= 200:
        assert parse(text) == tuple(path)


@given(st.text(max_size=40), bodies)
def test_any_text_on_any_body_finds_or_says_why(text: str, body: Any) -> None:
    with suppress(PathError, Missing):
        look(parse(text), body)


@given(bodies)
def test_everything_in_a_body_has_a_path(body: Any) -> None:
    for path, value in places(body):
        text = write(path)
        if path and len(text) <= 200:
            assert look(parse(text), body) is value or look(parse(text), body) == value


def places(body: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = [(path, body)]
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inside:
        found += places(value, (*path, str(name)))
    return found
