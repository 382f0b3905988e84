"""Whom a body names, however the address is written in it."""

import json
import time
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest

from lifecycle.integrations import naming

ADA = "ada@acme.com"


def found(body: Any) -> set[str]:
    return naming.addresses_in(body if isinstance(body, str) else json.dumps(body)) or set()


@pytest.mark.parametrize(
    "body",
    [
        {"email": ADA},
        {"email": "ADA@Acme.COM"},
        {ADA: 1},
        [[{"a": [f"Ada Ash <{ADA}>"]}]],
        {"text": f"Write to {ADA}."},
        {"text": f"Write\n{ADA}\tor call"},
        {"text": f"…wrote “{ADA}” and left"},
        {"text": f"(mailto:{ADA}?subject=hi)"},
        {"text": f"'{ADA}'"},
        {"text": f"{ADA}.Thanks for asking"},
        {"text": f"{ADA}-deleted"},
        {"text": f"key={ADA}"},
        {"text": f"--{ADA}"},
        {"url": f"https://acme.com/?email={quote(ADA)}&x=1"},
        {"url": f"https://acme.com/#{ADA}/edit"},
        {"form": urlencode({"name": "Ada Ash", "note": f"ask {ADA}"})},
        {"url": "https://acme.com/?next=" + quote_plus("https://b.example/?email=" + quote(ADA))},
        {"inner": json.dumps({"inner": json.dumps({"email": ADA})})},
        {"html": "<a href='x'>ada&#64;acme.com</a>"},
        {"html": "ada&commat;acme&period;com"},
        {"wide": "ada\uff20acme\uff0ecom"},
        '{"email": "\\u0061da\\u0040acme\\u002ecom"}',
        '{"email": "ada@acme.com", "email": "nobody"}',
        '\ufeff{"email": "ada\\u0040acme.com"}',
    ],
)
def test_an_address_is_found_in_every_spelling(body: Any) -> None:
    assert ADA in found(body)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("Ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada+news@acme.com", "ada+news@acme.com"),
        ("o'hara@acme.co.uk", "o'hara@acme.co.uk"),
        ('"ada..ash"@acme.com', '"ada..ash"@acme.com'),
        ("root@localhost", "root@localhost"),
    ],
)
@pytest.mark.parametrize("is_escaped", [True, False])
def test_it_is_found_as_leads_know_it(written: str, normal: str, is_escaped: bool) -> None:
    assert normal in found(json.dumps({"email": written}, ensure_ascii=is_escaped))


@pytest.mark.parametrize(
    "other", ["bada@acme.com", "x.ada@acme.com", "old-ada@acme.com", "ada@acme.com.br", "ada@acme.community"]
)
def test_a_longer_address_is_somebody_elses(other: str) -> None:
    assert other in found({"email": other})
    assert ADA not in found({"email": other, "text": f"line\nof {other}"})


def test_a_line_break_is_no_letter_of_the_address() -> None:
    assert found({"text": "hello\nada@acme.com"}) == {ADA}


def test_what_is_no_address_is_none() -> None:
    assert not found({"a": "@", "b": "a@", "c": "@b.example", "d": "a@b", "e": "1@2@3", "f": "\ud800@\ud800.com"})


def test_hashes_need_the_key_and_ids_are_no_addresses() -> None:
    body = json.dumps({"email": ADA}).encode()
    with_id = naming.hashes(body, "k", source="stripe", ids=["cus_1", ""])
    assert naming.hashes(body, "k") == [one for one in with_id if not one.startswith("id:")]
    assert naming.hashes(body, "other") != naming.hashes(body, "k")
    assert len(with_id) == 2
    assert naming.hashes(body, "k", source="zoom", ids=["cus_1"]) != naming.hashes(
        body, "k", source="stripe", ids=["cus_1"]
    )


def test_a_body_of_thousands_is_marked_and_still_read() -> None:
    body = json.dumps([f"a{number}@acme.com" for number in range(naming.MOST + 1)]).encode()
    assert naming.hashes(body, "k") == [naming.MANY]
    (last,) = naming.hashes(f'"a{naming.MOST}@acme.com"'.encode(), "k")
    assert naming.names_any(body, [last], "k")
    assert not naming.names_any(body, naming.hashes(b'"ada@acme.com"', "k"), "k")


@pytest.mark.parametrize(
    "unit", ["@", "a@", "=@", "a" * 254 + "@a.b", "%40", "\\\\", "&amp;", "%25", "a.-" * 80 + "@" + "b.-" * 80]
)
def test_no_body_takes_long(unit: str) -> None:
    body = f'"{unit * (1024 * 1024 // len(unit))}"'.encode()
    began = time.process_time()
    naming.hashes(body, "k")
    assert time.process_time() - began < 3
