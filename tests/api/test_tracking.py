"""POST /v1/…: what Segment's SDKs send is taken once, each call by itself, and answered as they understand it."""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from leads import actions
from leads.identity.merging import merge
from leads.models import Event, EventName, Lead, PageRule, PendingEvent, PendingIdentity, Visitor
from leads.tracking.calls import CALLS
from lifecycle.api import keys, tasks
from lifecycle.api.limited import COUNTER
from lifecycle.api.models import RejectedCall, Scope
from tests.api.conftest import NOON
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SITE = "https://www.example.com"
# A call of each kind as it stands in the HTTP API's reference.
WORDS: dict[str, dict[str, Any]] = {
    "identify": {"userId": "u1", "traits": {"email": "grace@acme.com", "firstName": "Grace"}},
    "track": {"userId": "u1", "event": "Item Purchased", "properties": {"name": "Leap to Conclusions"}},
    "page": {"userId": "u1", "name": "Tooltips", "properties": {"url": f"{SITE}/tooltips", "path": "/tooltips"}},
    "screen": {"userId": "u1", "name": "Main", "properties": {"variation": "blue"}},
    "group": {"userId": "u1", "groupId": "g1", "traits": {"name": "Acme", "employees": 120}},
    "alias": {"userId": "u1", "previousId": "browser-1"},
}
KINDS = ["user.identified", "Item Purchased", "page.viewed", "screen.viewed", "account.joined", "user.aliased"]
Send = Callable[..., Any]


@pytest.fixture(autouse=True)
def noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def key() -> str:
    return keys.issue(name="The server", scopes=[Scope.TRACK_WRITE], now=NOON)[1]


@pytest.fixture
def public() -> str:
    return keys.issue(name="The site", scopes=[Scope.TRACK_WRITE], allowed_origins=[SITE], now=NOON)[1]


@pytest.fixture
def send(client: Client, key: str) -> Send:
    """Send a body with the key, as a server does."""

    def sending(path: str, body: object, **headers: str) -> Any:
        headers = {"Authorization": basic(key), **headers}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(f"/v1/{path}", raw, content_type="application/json", headers=headers)

    return sending


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(f"{text}:".encode()).decode()


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def track(**members: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "u1", "event": "Clicked", **members}


def happened(**members: Any) -> datetime:
    return Event.objects.get(**members).occurred_at


# --- what is taken


@pytest.mark.parametrize(("call", "kind"), list(zip(CALLS, KINDS, strict=True)))
@pytest.mark.parametrize("path", ["{0}", "{0}/", "{1}"])
def test_each_call_is_an_event_of_its_visitor(send: Send, call: str, kind: str, path: str) -> None:
    answer = send(path.format(call, call[0]), WORDS[call])
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert Event.objects.get(kind=kind).visitor == Visitor.objects.get(user_id="u1")


@pytest.mark.parametrize("path", ["batch", "b", "import", "import/"])
def test_a_batch_is_all_of_its_calls(send: Send, path: str) -> None:
    answer = send(path, {"batch": [{"type": call, **words} for call, words in WORDS.items()]})
    assert answer.json() == {"success": True}
    assert list(Event.objects.order_by("id").values_list("kind", flat=True)) == KINDS
    assert PendingIdentity.objects.count() == 3


def test_what_a_call_says_is_kept_and_the_network_address_is_not(send: Send) -> None:
    context = {
        "ip": "203.0.113.9",
        "device": {"id": "x"},
        "page": {"url": f"{SITE}/a?utm_source=x", "title": "A" * 3000},
        "campaign": {"source": "news", "name": "spring"},
        "locale": "de",
    }
    send("page", {**WORDS["page"], "category": "Docs", "context": context})
    event = Event.objects.get()
    assert event.properties == {
        "name": "Tooltips",
        "category": "Docs",
        "url": f"{SITE}/tooltips",
        "path": "/tooltips",
        "context": {
            "page": {"url": f"{SITE}/a?utm_source=x", "title": "A" * 1000},
            "campaign": {"source": "news", "name": "spring"},
            "locale": "de",
        },
    }


def test_names_and_pages_mean_what_the_tables_say(send: Send) -> None:
    EventName.objects.create(name="VIEWED_PRICING", kind="pricing.viewed")
    PageRule.objects.create(pattern="/docs*", kind="docs.viewed")
    send("track", track(event="VIEWED_PRICING"))
    send("page", {"anonymousId": "b1", "context": {"page": {"url": "https://x.example.com/Docs/start?x=1"}}})
    PageRule.objects.update(is_active=False)
    send("page", {"anonymousId": "b1", "context": {"page": {"url": "https://x.example.com/docs/start"}}})
    assert [event.kind for event in Event.objects.order_by("id")] == ["pricing.viewed", "docs.viewed", "page.viewed"]


def test_the_user_counts_before_the_browser(send: Send) -> None:
    send("track", track(anonymousId="b1"))
    send("track", {"anonymousId": "b1", "event": "Clicked"})
    assert [str(event.visitor) for event in Event.objects.order_by("id")] == ["u1", "b1"]


def test_a_known_user_is_reacted_to_at_once(send: Send) -> None:
    lead = Lead.objects.create(
        email="a@acme.com", email_normal="a@acme.com", email_domain="acme.com", stage_since=NOON,
        created_at=NOON, updated_at=NOON,
    )  # fmt: skip
    Visitor.objects.create(user_id="u1", lead=lead, created_at=NOON)
    send("track", track(event="page.viewed"))
    assert not PendingEvent.objects.exists()
    assert set(Event.objects.filter(lead=lead).values_list("kind", flat=True)) == {"page.viewed", "visit.started"}
    send("batch", {"batch": [track()]})
    assert PendingEvent.objects.get().lead == lead


def test_identify_makes_a_lead_with_its_history(send: Send) -> None:
    send("page", {"anonymousId": "b1", "properties": {"url": f"{SITE}/pricing"}})
    send("identify", {**WORDS["identify"], "anonymousId": "b1"})
    lead = Lead.objects.get(email="grace@acme.com")
    assert lead.first_name == "Grace"
    assert set(lead.visitors.values_list("anonymous_id", "user_id")) == {("b1", None), (None, "u1")}
    assert {"page.viewed", "user.identified"} <= set(lead.events.values_list("kind", flat=True))


# --- once


def test_a_message_id_counts_once_however_it_comes(send: Send) -> None:
    call = track(messageId="m-1")
    for body in ({"batch": [call, call]}, {"batch": [call]}):
        assert send("batch", body).json() == {"success": True}
    assert send("track", call).status_code == 200
    assert Event.objects.get().key == "m-1"


def test_calls_without_a_message_id_are_new_each_time_and_long_ones_stand_by_their_hash(send: Send) -> None:
    send("batch", {"batch": [track(), track(), track(messageId="x" * 201), track(messageId="x" * 201)]})
    assert Event.objects.count() == 3
    assert Event.objects.filter(key__startswith="sha256:").count() == 1


# --- when


def test_a_slow_clock_is_corrected_by_what_it_says_of_the_sending(send: Send) -> None:
    slow = NOON - timedelta(days=400)
    call = track(messageId="a", timestamp=(slow - 5 * MINUTE).isoformat())
    send("batch", {"batch": [call], "sentAt": slow.isoformat()})
    assert happened(key="a") == NOON - 5 * MINUTE


def test_nothing_happens_in_the_future_or_before_there_was_a_web(send: Send, settings: Settings) -> None:
    settings.SANDBOX = False
    for name, at in (("later", NOON + MINUTE), ("ancient", NOON - timedelta(days=20_000)), ("broken", "yesterday")):
        send("track", track(messageId=name, timestamp=str(at)))
        assert happened(key=name) == NOON
    settings.SANDBOX = True
    send("track", track(messageId="virtual", timestamp=(NOON + MINUTE).isoformat()))
    assert happened(key="virtual") == NOON + MINUTE


# --- what is not taken, by itself


BAD: list[tuple[Any, str]] = [
    (3, "Expected `object`"),
    ({"userId": "u1"}, "type must be one of"),
    ({"type": "batch", "userId": "u1"}, "type must be one of"),
    (track(event=""), "event is missing"),
    (track(event="x" * 101), "event has at most 100"),
    ({"type": "track", "event": "x"}, "userId or anonymousId is missing"),
    (track(userId=True), "userId"),
    (track(userId="x" * 201), "userId has at most"),
    (track(properties="x"), "properties"),
    (track(properties=[1]), "properties must be an object"),
    (track(properties={"n": 2**70}), "64 bits"),
    (track(properties={"x": "y" * 33_000}), "at most 32 KB"),
    ({"type": "group", "userId": "u1"}, "groupId is missing"),
    ({"type": "alias", "userId": "u1"}, "previousId is missing"),
    ({"type": "alias", "previousId": "b1", "anonymousId": "b1"}, "userId is missing"),
    (track(event="email.sent"), "email.sent is ours to write"),
    (track(event="stage.changed"), "ours to write"),
    (track(event="form.confirmation_requested"), "ours to write"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_one_bad_call_is_rejected_alone(send: Send, bad: Any, reason: str) -> None:
    answer = send("batch", {"batch": [track(messageId="a"), bad, track(messageId="b")]})
    assert answer.status_code == 200
    (rejected,) = answer.json()["rejected"]
    assert (answer.json()["success"], rejected["index"]) == (True, 1)
    assert reason in rejected["reason"]
    assert set(Event.objects.values_list("key", flat=True)) == {"a", "b"}
    kept = RejectedCall.objects.get()
    assert (kept.reason, kept.at, kept.key.name) == (rejected["reason"], NOON, "The server")
    assert len(kept.body) <= 2_000


@pytest.mark.parametrize(("bad", "reason"), [(bad, reason) for bad, reason in BAD if "track" in str(bad)][2:])
def test_a_call_by_itself_gets_400_and_a_row(send: Send, bad: Any, reason: str) -> None:
    answer = send("track", bad)
    if answer.status_code != 413:
        assert code(answer) == (400, "invalid")
        assert reason in answer.json()["error"]["message"]
        assert RejectedCall.objects.get().call == "track"
    assert not Event.objects.exists()


def test_the_rejected_call_tells_who_it_was_without_its_key(client: Client, key: str) -> None:
    body = {"writeKey": key, "messageId": "m-1", "userId": "u1"}
    assert client.post("/v1/track", json.dumps(body), content_type="text/plain").status_code == 400
    kept = RejectedCall.objects.get()
    assert (kept.call, kept.message_id) == ("track", "m-1")
    assert key not in kept.body


def test_rejected_calls_are_forgotten_after_two_weeks_or_with_their_person(send: Send, ada: Lead) -> None:
    send("track", {"userId": "u1"})
    send("track", {"userId": "ada@acme.com"})
    with time_machine.travel(NOON + timedelta(days=15)):
        from_ada = RejectedCall.objects.get(body__contains="ada@")
        RejectedCall.objects.filter(pk=from_ada.pk).update(at=NOON + timedelta(days=10))
        assert tasks.forget_rejected_calls() == 1
    assert RejectedCall.objects.get() == from_ada
    actions.erase(ada, now=NOON)
    assert not RejectedCall.objects.exists()


def test_rejected_calls_are_kept_without_the_network_address(send: Send) -> None:
    send(
        "track", {"userId": "u1", "context": {"ip": "203.0.113.7", "locale": "de"}, "properties": {"ipAddress": "::1"}}
    )
    body = RejectedCall.objects.get().body
    assert "203.0.113.7" not in body
    assert "::1" not in body
    assert '"locale": "de"' in body


def test_erasing_forgets_rejected_calls_under_every_address_of_the_person(send: Send, ada: Lead) -> None:
    merge(ada, LeadFactory(email="ada@home.org"), now=NOON)
    send("track", {"userId": "ada@home.org"})
    actions.erase(ada, now=NOON)
    assert not RejectedCall.objects.exists()


# --- hostile bytes


def test_characters_that_the_database_refuses_are_left_out(send: Send) -> None:
    raw = rb'{"userId": "u\u0000", "event": "a\u0000b", "messageId": "\ud83d", "properties": {"t": "x\ud83d"}}'
    assert send("track", raw).status_code == 200
    event = Event.objects.get()
    assert (event.kind, event.properties, event.visitor.user_id) == ("ab", {"t": "x\ufffd"}, "u")


@pytest.mark.parametrize("depth", [500, 5_000])
@pytest.mark.parametrize("member", ["properties", "context", "traits", "userId", "nobody"])
def test_deep_nesting_is_no_failure(send: Send, depth: int, member: str) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    raw = b'{"userId":"u1","event":"x","%s":%s}' % (member.encode(), deep)
    assert send("track", raw).status_code in (200, 400)
    answer = send("batch", b'{"batch":[{"type":"track",%s,{"type":"track","userId":"u1","event":"y"}]}' % raw[1:])
    assert answer.status_code in (200, 400)


@pytest.mark.parametrize("number", [b"1e400", b"9" * 400, b"9" * 6_000, b"-0", b"1e308"])
def test_huge_numbers_are_no_failure(send: Send, number: bytes) -> None:
    for member in (b"userId", b"messageId", b"timestamp", b"groupId"):
        raw = b'{"anonymousId":"b","event":"x","%s":%s,"properties":{"n":%s}}' % (member, number, number)
        assert send("track", raw).status_code in (200, 400)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"batch": 3}', b'{"writeKey": 3}', b"{} {}"]
)
@pytest.mark.parametrize("path", ["track", "batch"])
def test_what_is_no_json_object_is_malformed(send: Send, path: str, raw: bytes) -> None:
    answer = send(path, raw)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


# --- who


@pytest.mark.parametrize("path", ["track", "batch"])
def test_the_key_comes_in_the_header_or_in_the_body(client: Client, key: str, path: str) -> None:
    def post(body: dict[str, Any], **headers: str) -> Any:
        call = {"batch": [track()]} if path == "batch" else track()
        return client.post(f"/v1/{path}", json.dumps({**call, **body}), content_type="text/plain", headers=headers)

    for header in (basic(key), f"Bearer {key}"):
        assert post({}, Authorization=header).status_code == 200
    assert post({"writeKey": key}).status_code == 200
    assert code(post({})) == (401, "missing_key")
    for wrong in ("Basic !", "Basic " + base64.b64encode(b"\xff:").decode(), "Digest x"):
        assert code(post({}, Authorization=wrong)) == (401, "missing_key")
    assert code(post({"writeKey": "lck_a_b"})) == (401, "invalid_key")
    assert "password" not in post({})["WWW-Authenticate"].lower()
    other = keys.issue(name="x", scopes=[Scope.LEADS_READ], now=NOON)[1]
    assert code(post({"writeKey": other})) == (403, "missing_scope")


def test_a_key_in_a_batch_item_is_ignored(client: Client, key: str) -> None:
    body = {"batch": [track(writeKey=key)]}
    assert code(client.post("/v1/batch", json.dumps(body), content_type="text/plain")) == (401, "missing_key")
    body |= {"writeKey": key, "batch": [track(writeKey="another")]}
    assert client.post("/v1/batch", json.dumps(body), content_type="text/plain").json() == {"success": True}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["track", "b", "identify/"])
def test_only_post_is_known(client: Client, method: str, path: str) -> None:
    answer = client.generic(method, f"/v1/{path}")
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    assert method == "HEAD" or answer.json()["error"]["code"] == "method_not_allowed"


def test_other_addresses_are_nobodys(client: Client) -> None:
    assert code(client.post("/v1/nothing", b"{}", content_type="application/json")) == (404, "not_found")


# --- pages


def from_page(client: Client, text: str, origin: str, **members: Any) -> Any:
    body = json.dumps({"writeKey": text, **track(**members)})
    return client.post("/v1/t", body, content_type="text/plain", headers={"Origin": origin} if origin else None)


def test_a_page_may_read_the_answer_if_its_origin_is_allowed(client: Client, public: str) -> None:
    answer = from_page(client, public, SITE)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"], answer["Vary"]) == (200, SITE, "Origin")
    refused = from_page(client, public, "https://evil.example")
    assert code(refused) == (403, "origin_refused")
    assert "Access-Control-Allow-Origin" not in refused
    assert Event.objects.count() == 1


def test_our_own_pages_are_always_allowed(client: Client, public: str, settings: Settings) -> None:
    assert from_page(client, public, settings.SITE_URL).status_code == 200


def test_a_preflight_is_answered(client: Client) -> None:
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = client.options("/v1/b", headers=asked)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, SITE)
    assert answer["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert answer["Access-Control-Allow-Headers"] == "content-type"


@pytest.mark.parametrize(
    "kind", ["purchase.completed", "deal.won", "meeting.booked", "invoice.paid", "Order Completed"]
)
def test_a_public_key_is_not_believed_about_money(client: Client, public: str, key: str, kind: str) -> None:
    EventName.objects.create(name="Order Completed", kind="purchase.completed")
    for text, origin in ((public, SITE), (public, ""), (key, SITE)):
        answer = from_page(client, text, origin, event=kind)
        assert code(answer) == (400, "invalid")
        assert "not believed from a web page" in answer.json()["error"]["message"]
    assert from_page(client, key, "", event=kind).status_code == 200
    assert RejectedCall.objects.count() == 3


def test_nobody_makes_our_mail_lead_elsewhere_with_the_key_of_a_page(client: Client, public: str) -> None:
    """The mail that delivers a file goes out whatever was switched off, and leads where form.submitted says."""
    evil = {"form": "contact", "magnet": "x", "magnet_name": "Your prize", "magnet_url": "https://evil.example"}
    answer = from_page(client, public, SITE, event="form.submitted", properties=evil)
    assert code(answer) == (400, "invalid")
    assert not Event.objects.filter(kind="form.submitted").exists()


# --- limits


def test_large_deliveries_are_refused_and_large_batches_too(send: Send) -> None:
    assert code(send("track", track(properties={"x": "y" * 33_000}))) == (413, "too_large")
    assert code(send("batch", {"batch": [track(properties={"x": "y" * 30_000})] * 18})) == (413, "too_large")
    few = {"type": "track", "userId": 1, "event": "e"}
    assert code(send("batch", {"batch": [few] * 2_501})) == (413, "too_large")
    assert send("batch", {"batch": [few] * 2_500}).json() == {"success": True}
    assert Event.objects.count() == 2_500


def test_too_many_requests_of_a_key_wait(send: Send, settings: Settings) -> None:
    settings.LIMITS = {**settings.LIMITS, "track": (2, 60)}
    COUNTER.clear()
    assert [send("track", track()).status_code for _ in range(3)] == [200, 200, 429]
    answer = send("batch", {"batch": []})
    assert code(answer) == (429, "throttled")
    assert answer["Retry-After"] == answer["X-RateLimit-Reset"] == "60"


def test_gzip_bodies_are_unpacked_within_limits(send: Send) -> None:
    packed = {"Content-Encoding": "gzip"}
    raw = json.dumps(track()).encode()
    assert send("track", gzip.compress(raw), **packed).status_code == 200
    assert code(send("track", raw, **packed)) == (400, "malformed")
    assert code(send("track", gzip.compress(raw)[:-10], **packed)) == (400, "malformed")
    assert code(send("batch", gzip.compress(b" " * 50_000_000), **packed)) == (413, "too_large")
    assert code(send("track", raw, **{"Content-Encoding": "br"})) == (415, "unsupported_encoding")


@pytest.mark.parametrize("size", [1, 50, 500])
def test_a_batch_costs_the_same_queries_whatever_its_size(
    send: Send, size: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    send("track", track())
    calls = [track(userId=n % 7, messageId=f"m{n}") for n in range(size)]
    with django_assert_num_queries(5):  # the key, a savepoint, visitors and names, events
        assert send("batch", {"batch": calls}).json() == {"success": True}
    assert Event.objects.count() == size + 1
