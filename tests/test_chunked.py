"""Bodies sent in pieces, without a Content-Length, as the web server hands them over."""

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import time_machine
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from lifecycle import chunked
from lifecycle.integrations.bodies import LARGEST
from tests.factories import NOON
from tests.integrations import toy as toys
from tests.integrations.toy import SECRET, sign

DOOR = "/webhooks/toy/"


@pytest.fixture(autouse=True)
def toy() -> Iterator[None]:
    with toys.registered():
        yield


def send(body: bytes, **headers: str) -> tuple[str, Any]:
    """The answer to a body in pieces: its status and what it says."""
    environ = RequestFactory().post(DOOR, headers=headers).environ | {
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    environ.pop("CONTENT_LENGTH", None)
    said: list[str] = []

    def start(status: str, *_: object) -> Any:
        said.append(status)

    answer: Iterable[bytes] = chunked.with_length(WSGIHandler())(environ, start)
    return said[0], json.loads(b"".join(answer))


@pytest.mark.django_db(transaction=True)
@time_machine.travel(NOON, tick=False)
def test_a_webhook_in_pieces_is_read_whole() -> None:
    body = json.dumps({"id": 1, "kind": "met", "email": "ada@acme.com"}).encode()
    assert send(body, **sign(body, SECRET, NOON)) == ("200 OK", {"status": "stored"})


@pytest.mark.django_db
@pytest.mark.parametrize("size", [LARGEST + 1, 3 * LARGEST])
def test_a_body_in_pieces_has_the_limits_of_its_door(size: int) -> None:
    status, answer = send(b"x" * size)
    assert (status[:3], answer["error"]["code"]) == ("413", "too_large")


def test_a_body_without_an_end_is_refused_before_any_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "LARGEST", 1000)
    status, answer = send(b"x" * 100_000)
    assert (status[:3], answer["error"]["code"]) == ("413", "too_large")
