"""Webhooks against a real server: signed, retried, replayed, in order; and every address we do not post to."""

import base64
import hashlib
import hmac
import ipaddress
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from campaigns.models import WebhookCall
from campaigns.running import webhooks
from campaigns.running.webhooks import Call, judge
from lifecycle.core import gate, http
from tests.factories import NOON, LeadFactory


class Receiver:
    """A server of somebody else's. `answers`: (status, headers, body) in turn; after them 200."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers, answer = receiver.answers.pop(0) if receiver.answers else (200, {}, b"ok")
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?from=lifecycle"


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def call(url: str, key: str = "enrollment:7:tell", **changes: Any) -> WebhookCall:
    lead = changes.pop("lead", None) or LeadFactory()
    values = {"body": {"type": "t", "data": {"name": "Zoë"}}, "created_at": NOON, "due_at": NOON, **changes}
    return WebhookCall.objects.create(key=key, lead=lead, url=url, **values)


# --- delivering


@pytest.mark.django_db
def test_a_call_is_signed_so_that_the_receiver_can_verify_it(receiver: Receiver, settings: Settings) -> None:
    made = call(receiver.url)
    assert webhooks.drain(now=NOON) == 1
    headers, body = receiver.calls[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    secret = base64.b64decode(settings.WEBHOOK_SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (made.key, str(int(NOON.timestamp())))
    assert json.loads(body) == made.body
    made.refresh_from_db()
    assert (made.state, made.attempts, made.detail, made.done_at) == ("done", 1, "answered 200", NOON)


def test_the_signature_of_the_specification(settings: Settings) -> None:
    """The example of standardwebhooks.com."""
    settings.WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    found = webhooks.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.django_db
def test_a_failure_is_tried_again_with_the_same_id_until_it_works(receiver: Receiver) -> None:
    receiver.answers = [
        (500, {}, b""),
        (302, {"location": "http://127.0.0.1:1/"}, b""),
        (429, {"retry-after": "600"}, b""),
    ]
    made, now = call(receiver.url), NOON
    waits = []
    while made.state != "done":
        webhooks.drain(now=now)
        made.refresh_from_db()
        waits.append(made.due_at - now)
        now = made.due_at
    assert [headers["webhook-id"] for headers, _ in receiver.calls] == [made.key] * 4
    assert timedelta(seconds=4) <= waits[0] <= timedelta(seconds=6)
    assert timedelta(minutes=4) <= waits[1] <= timedelta(minutes=6)
    assert waits[2] >= timedelta(minutes=24), "the longer of what they ask and our own"
    assert made.attempts == 4


@pytest.mark.django_db
def test_after_about_three_days_it_is_given_up(receiver: Receiver) -> None:
    receiver.answers = [(503, {}, b"")] * 50
    made, now = call(receiver.url), NOON
    while made.state != "failed":
        webhooks.drain(now=now)
        made.refresh_from_db()
        now = max(now, made.due_at)
    assert made.attempts == webhooks.MOST_ATTEMPTS
    assert made.detail == "answered 503; gave up after 10 attempts"
    assert timedelta(days=2) < now - NOON < timedelta(days=4)


@pytest.mark.django_db
def test_a_server_that_is_not_there_is_tried_again(settings: Settings) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    made = call("http://127.0.0.1:9/")
    webhooks.drain(now=NOON)
    made.refresh_from_db()
    assert (made.state, made.detail) == ("ready", "no answer: ConnectionRefusedError")


@pytest.mark.django_db
def test_a_private_address_is_refused_for_good(receiver: Receiver, settings: Settings) -> None:
    settings.ALLOW_PRIVATE_WEBHOOKS = False
    made = call(receiver.url.replace("http:", "https:"))
    webhooks.drain(now=NOON)
    made.refresh_from_db()
    assert (made.state, made.detail) == ("failed", "refused: the address leads into a private network")
    assert receiver.calls == []


@pytest.mark.django_db
def test_calls_about_a_person_to_one_address_keep_their_order(receiver: Receiver) -> None:
    receiver.answers = [(500, {}, b"")]
    ada = LeadFactory()
    first, second = call(receiver.url, "one", lead=ada), call(receiver.url, "two", lead=ada)
    webhooks.drain(now=NOON)
    assert [headers["webhook-id"] for headers, _ in receiver.calls] == ["one"]
    for _ in range(2):
        webhooks.drain(now=NOON + timedelta(minutes=1))
    assert [headers["webhook-id"] for headers, _ in receiver.calls] == ["one", "one", "two"]
    assert {WebhookCall.objects.get(pk=each.pk).state for each in (first, second)} == {"done"}


@pytest.mark.django_db
def test_a_worker_that_died_leaves_a_call_that_is_made_again(receiver: Receiver) -> None:
    made = call(receiver.url)
    token, calls = webhooks.claim(now=NOON)
    assert webhooks.claim(now=NOON)[1] == [], "leased"
    WebhookCall.objects.update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    assert webhooks.drain(now=NOON) == 1
    webhooks.settle(token, [webhooks.Outcome(calls[0], "failed", "late")], now=NOON)
    made.refresh_from_db()
    assert (made.state, made.attempts) == ("done", 2), "the old worker's word does not count any more"


@pytest.mark.django_db
def test_a_call_is_made_again_by_hand(receiver: Receiver) -> None:
    receiver.answers = [(410, {}, b"")]
    made = call(receiver.url)
    webhooks.drain(now=NOON)
    assert webhooks.replay([made.pk], now=NOON) == 1
    webhooks.drain(now=NOON)
    made.refresh_from_db()
    assert (made.state, len(receiver.calls)) == ("done", 2)


@pytest.mark.django_db
def test_nothing_leaves_a_locked_database_or_a_demo(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(receiver.url)
    settings.DEMO = True
    assert webhooks.drain(now=NOON) == 0
    settings.DEMO = False
    monkeypatch.setattr(gate, "_objections", [lambda now: "a restored copy"])
    assert webhooks.drain(now=NOON) == 0
    assert receiver.calls == []


# --- what an answer means

CALL = Call(1, "k", "https://example.com", {}, attempts=0)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((status, "done") for status in (200, 201, 204)),
        *((status, "ready") for status in (301, 302, 307, 408, 425, 429, 500, 502, 503, 504)),
        *((status, "failed") for status in (400, 401, 403, 404, 410, 422)),
    ],
)
def test_what_an_answer_means(status: int, state: str) -> None:
    assert judge(CALL, http.Answer(status), NOON).state == state


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("Mon, 02 Mar 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 02 Mar 2026 11:05:00 GMT", None),
        ("9999999999999", timedelta(days=1)),
        ("999999999999999999999", None),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(text: str, wait: timedelta | None) -> None:
    assert http.retry_after(text, NOON) == wait


# --- where we do not post


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "192.168.1.1", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_private_ranges_however_they_are_written(address: str) -> None:
    assert not http.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses(address: str) -> None:
    assert http.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://example.com/", "must begin with https://"),
        ("ftp://example.com/", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://", "is no address of a server"),
        ("https://example.com:99999/", "is no address of a server"),
        ("https://user:pass@example.com/", "must not hold a user or password"),
        ("https://localhost/", "leads into a private network"),
        ("https://[::1]/", "leads into a private network"),
        ("https://169.254.169.254/latest/meta-data", "leads into a private network"),
    ],
)
def test_addresses_that_are_refused_unseen(url: str, says: str) -> None:
    with pytest.raises(http.Refused, match=says):
        http.check_address(url)


@pytest.mark.parametrize("host", ["localhost.localdomain", "127.1", "2130706433", "0x7f.1"])
def test_names_and_odd_spellings_that_lead_home_are_refused(host: str) -> None:
    with pytest.raises((http.Refused, http.Unreachable)):
        http.post(f"https://{host}/", b"", {})


def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    receiver.answers = [(200, {}, b"x" * 200_000)]
    assert len(http.post(receiver.url, b"{}", {}, allow_private=True).body) == http.MOST_ANSWER
