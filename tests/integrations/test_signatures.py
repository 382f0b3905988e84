"""What a door answers to calls that are old, wrong, unsigned, damaged or too large: the same for every sender."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from lifecycle.integrations.models import InboxEvent, RefusedCall
from tests.factories import NOON
from tests.integrations.senders import SENDERS, Sender, send

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("sender", SENDERS, ids=lambda one: one.name)]


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def refused(answer: Any) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "fields"}
    assert error["message"]
    assert not InboxEvent.objects.exists()
    return answer.status_code, error["code"]


def test_a_call_that_is_signed_is_stored(client: Client, sender: Sender) -> None:
    with sender.having([sender.secret]):
        answer = sender.post(client, sender.body, at=NOON)
    row = InboxEvent.objects.get()
    assert (answer.status_code, answer.json()) == (200, {"status": "stored"})
    assert (bytes(row.body), row.copies) == (json.dumps(sender.body).encode(), 1)
    assert row.error == ""
    assert not RefusedCall.objects.exists()


def test_without_a_secret_the_door_is_closed(client: Client, sender: Sender) -> None:
    with sender.having([]):
        assert refused(sender.post(client, sender.body, at=NOON)) == (403, "no_secret")
    assert RefusedCall.objects.get().code == "no_secret"


def test_a_wrong_secret_is_refused(client: Client, sender: Sender) -> None:
    with sender.having([sender.secret]):
        assert refused(sender.post(client, sender.body, at=NOON, secret=sender.other)) == (401, "bad_signature")
    assert RefusedCall.objects.get().code == "bad_signature"


def test_a_signature_of_other_bytes_is_refused(client: Client, sender: Sender) -> None:
    raw = json.dumps(sender.body).encode()
    headers = sender.sign(raw, sender.secret, NOON)
    with sender.having([sender.secret]):
        assert refused(send(client, sender.path, raw + b" ", headers)) == (401, "bad_signature")


def test_no_signature_is_refused(client: Client, sender: Sender) -> None:
    with sender.having([sender.secret]):
        assert refused(send(client, sender.path, b"{}", {})) == (401, "no_signature")


def test_a_header_that_is_no_signature_is_refused(client: Client, sender: Sender) -> None:
    names = sender.sign(b"{}", sender.secret, NOON)
    with sender.having([sender.secret]):
        for nonsense in ("x", "=", ",", "t=,v1=", "v1,\xe4", "t=1e999,v1=00", "t=nan,v1=" + "0" * 64, "\xff" * 300):
            status, code = refused(send(client, sender.path, b"{}", dict.fromkeys(names, nonsense)))
            assert (status, code in ("bad_signature", "no_signature", "too_old")) == (401, True)


@pytest.mark.parametrize("sign", [-1, 1])
def test_an_old_signature_is_refused_and_one_of_the_future(client: Client, sender: Sender, sign: int) -> None:
    with sender.having([sender.secret]):
        late = NOON + sign * (sender.tolerance + timedelta(seconds=1))
        assert refused(sender.post(client, sender.body, at=late)) == (401, "too_old")
        in_time = NOON + sign * (sender.tolerance - timedelta(seconds=1))
        assert sender.post(client, sender.body, at=in_time).status_code == 200


def test_both_secrets_hold_while_one_is_changed(client: Client, sender: Sender) -> None:
    with sender.having([sender.other, sender.secret]):
        assert sender.post(client, sender.body, at=NOON).status_code == 200
        assert sender.post(client, sender.unknown, at=NOON, secret=sender.other).status_code == 200
    with sender.having([sender.secret]):
        assert sender.post(client, sender.body, at=NOON, secret=sender.other).status_code == 401


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[: len(raw) // 2],  # cut off, and signed like that
        lambda raw: raw.replace(b"e", b"\xff", 1),  # not UTF-8
        lambda raw: b"[" + raw + b"]",
        lambda raw: b"",
        lambda raw: b"null",
        lambda raw: b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    ],
    ids=["truncated", "non-UTF-8", "a list", "empty", "null", "deep"],
)
def test_a_body_that_cannot_be_read_is_refused(client: Client, sender: Sender, damage: Any) -> None:
    raw = damage(json.dumps(sender.body).encode())
    with sender.having([sender.secret]):
        assert refused(sender.post(client, raw, at=NOON)) == (400, "malformed")


def test_a_body_of_1_mib_is_taken_and_one_byte_more_is_not(client: Client, sender: Sender) -> None:
    raw = json.dumps(sender.body).encode()
    with sender.having([sender.secret]):
        assert refused(sender.post(client, raw.ljust(1024 * 1024 + 1), at=NOON)) == (413, "too_large")
        assert sender.post(client, raw.ljust(1024 * 1024), at=NOON).status_code == 200


def test_a_kind_that_means_nothing_is_kept(client: Client, sender: Sender) -> None:
    with sender.having([sender.secret]):
        answer = sender.post(client, sender.unknown, at=NOON)
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert InboxEvent.objects.get().state == "ignored"


def test_a_copy_is_counted(client: Client, sender: Sender) -> None:
    with sender.having([sender.secret]):
        told = [sender.post(client, sender.body, at=NOON).json()["status"] for _ in range(3)]
    assert told == ["stored", "duplicate", "duplicate"]
    assert InboxEvent.objects.get().copies == 3
