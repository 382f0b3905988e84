"""Whatever bytes come in, the tracking doors answer 200 or 4xx, and account for every call of a batch exactly once."""

import json
import os
from itertools import count
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Event
from leads.tracking.calls import CALLS, message_key
from lifecycle.api import keys
from lifecycle.api.limited import COUNTER
from lifecycle.api.models import RejectedCall, Scope
from tests.api.conftest import NOON

pytestmark = pytest.mark.django_db
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
thoroughly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
_numbers = count()

# Any character JSON can name: NUL, controls, halves of surrogate pairs.
text = st.text(st.characters(codec=None), max_size=30)
number = st.one_of(
    st.integers(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), st.just(10**400)
)
scalar = st.one_of(st.none(), st.booleans(), number, text)
anything = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)
some_id = st.one_of(st.sampled_from(["u1", "b1", 7, "", " "]), text, anything)
moment = st.one_of(
    st.sampled_from(["2026-03-02T11:00:00Z", "0001-01-01", "9999-12-31T23:59:59-12:00", 0, 1e300]), scalar
)
url = st.one_of(st.sampled_from(["https://a.example/pricing?utm_source=x", "https://[x/", "/docs"]), text)
context = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "page": st.one_of(st.dictionaries(st.sampled_from(["url", "path", "title"]), url), anything),
            "campaign": anything,
            "ip": text,
            "userAgent": text,
        },
    ),
    anything,
)
facts = st.one_of(
    st.dictionaries(st.one_of(st.sampled_from(["email", "url", "name"]), text), anything, max_size=4), scalar
)
near_call = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(CALLS), st.sampled_from(CALLS), anything)},
    optional={
        "userId": some_id,
        "anonymousId": some_id,
        "messageId": st.one_of(st.integers(0, 5).map(lambda n: f"m{n}"), text, anything),
        "event": st.one_of(st.sampled_from(["Clicked", "email.sent", "purchase.completed", "a.b"]), text, anything),
        "name": st.one_of(text, anything),
        "properties": facts,
        "traits": facts,
        "context": context,
        "timestamp": moment,
        "originalTimestamp": moment,
        "sentAt": moment,
        "previousId": some_id,
        "groupId": some_id,
        "integrations": anything,
        "writeKey": anything,
    },
)


@pytest.fixture
def knock(client: Client) -> Any:
    key = keys.issue(name="Fuzz", scopes=[Scope.TRACK_WRITE], now=NOON)[1]
    client.raise_request_exception = False

    def knocking(path: str, raw: bytes, **headers: str) -> Any:
        COUNTER.clear()
        answer = client.post(
            f"/v1/{path}", raw, content_type="text/plain", headers={"Authorization": f"Bearer {key}", **headers}
        )
        assert answer.status_code < 500, answer.content
        body = answer.json()
        assert body["success"] is True if answer.status_code == 200 else set(body) == {"error"}
        return answer

    return knocking


def known_and_rejected() -> tuple[int, int]:
    return Event.objects.filter(source="track").count(), RejectedCall.objects.count()


def marked(calls: list[Any]) -> list[Any]:
    """The same calls with messageIds that no other example uses; those that repeat go on repeating."""
    mark = f"{next(_numbers)}:"
    for call in calls:
        if isinstance(call, dict) and isinstance(call.get("messageId"), str) and message_key(call["messageId"]):
            call["messageId"] = mark + call["messageId"]
    return calls


@thoroughly
@given(calls=st.lists(st.one_of(near_call, near_call, anything), max_size=8), sent_at=moment, as_ascii=st.booleans())
def test_every_call_of_a_batch_is_in_the_log_once_or_among_the_rejected(
    knock: Any, calls: list[Any], sent_at: Any, as_ascii: bool
) -> None:
    raw = json.dumps({"batch": marked(calls), "sentAt": sent_at}, ensure_ascii=as_ascii).encode(errors="surrogatepass")
    known, rejected = known_and_rejected()
    answer = knock("batch", raw)
    if answer.status_code == 400:  # the body as a whole does not read
        assert known_and_rejected() == (known, rejected)
        return
    refused = [no["index"] for no in answer.json().get("rejected", [])]
    assert refused == sorted(set(refused))
    taken = [call for place, call in enumerate(calls) if place not in refused]
    ids = [message_key(mended(call.get("messageId"))) for call in taken]
    own = {one for one in ids if ":" in one}  # the others may be of an earlier example
    now_known, now_rejected = known_and_rejected()
    assert Event.objects.filter(source="track", key__in=own).count() == len(own)
    assert len(own) <= now_known - known <= len(own) + sum(":" not in one for one in ids)
    assert now_rejected - rejected == len(refused)
    assert all(isinstance(event.properties, dict) for event in Event.objects.order_by("-id")[: len(calls)])


def mended(message_id: object) -> object:
    return message_id.encode("utf-8", "replace").decode() if isinstance(message_id, str) else message_id


@thoroughly
@given(call=near_call, path=st.sampled_from([*CALLS, "t", "p"]))
def test_a_call_by_itself_is_taken_or_rejected(knock: Any, call: dict[str, Any], path: str) -> None:
    (call,), (_, rejected) = marked([call]), known_and_rejected()
    answer = knock(path, json.dumps(call).encode())
    was_invalid = answer.status_code == 400 and answer.json()["error"]["code"] == "invalid"
    assert known_and_rejected()[1] - rejected == was_invalid
    own = message_key(mended(call.get("messageId")))
    if answer.status_code == 200 and own:
        assert Event.objects.filter(source="track", key=own).count() == 1


@thoroughly
@given(body=anything, path=st.sampled_from(["batch", "track", "identify", "alias"]))
def test_any_json_is_answered(knock: Any, body: Any, path: str) -> None:
    knock(path, json.dumps(body).encode())


@thoroughly
@given(calls=st.lists(near_call, min_size=1, max_size=3), data=st.data())
def test_damaged_bytes_are_answered(knock: Any, calls: list[Any], data: st.DataObject) -> None:
    raw = bytearray(json.dumps({"batch": calls}).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    knock("batch", bytes(raw[: data.draw(st.integers(1, len(raw)))]))
    knock("batch", bytes(raw), **{"Content-Encoding": "gzip"})
