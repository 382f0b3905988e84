"""What a signed body may hold all the same: a sender passes on what its own users wrote."""

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
import standardwebhooks
import time_machine
from django.test import Client

from leads import pipeline
from leads.models import Event, PendingEvent
from lifecycle.integrations import inbound
from lifecycle.integrations.models import InboxEvent, WebhookSource
from tests.factories import NOON
from tests.integrations.senders import HOOK, send, source
from tests.integrations.test_webhook_sources import BODY, Shop

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.mark.parametrize(
    "at",
    [
        "9999-12-31T23:59:59-10:00",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        -62135596800,
        10**400,
    ],
)
def test_a_moment_beyond_all_calendars_holds_up_nobody(client: Client, at: Any) -> None:
    """One row that cannot be read back would stop every webhook behind it, and the log with it."""
    shop = Shop(client)
    shop.rule(occurred_at_path="at")
    assert shop.tell({**BODY, "at": at}).status_code == 200
    assert shop.tell(key="msg_2").status_code == 200
    inbound.sweep(now=NOON + timedelta(hours=1))
    pipeline.process_pending(now=NOON + timedelta(hours=1))
    assert set(InboxEvent.objects.values_list("state", flat=True)) == {"done"}
    assert Event.objects.filter(kind="plan.upgraded").count() == 2
    assert all(event.occurred_at.year == 2026 for event in Event.objects.filter(kind="plan.upgraded"))


@pytest.mark.parametrize("key", ["k" * 500, int("9" * 4000), 10**308, "a\u0000b\ud800"])
def test_a_key_of_any_length_names_one_fact(client: Client, key: Any) -> None:
    shop = Shop(client)
    shop.rule(key_path="data.id")
    body = json.loads(json.dumps(BODY))
    body["data"]["id"] = key
    assert shop.tell(body).status_code == 200
    assert shop.tell(body, key="msg_2").status_code == 200
    assert [row.state for row in InboxEvent.objects.all()] == ["done", "done"]
    assert Event.objects.filter(kind="plan.upgraded").count() == 1


def test_a_source_with_the_longest_slug_fits_the_log(client: Client) -> None:
    shop = Shop(client)
    WebhookSource.objects.update(slug="s" * 60)
    shop.rule()
    text = json.dumps(BODY)
    signed = standardwebhooks.Webhook(shop.secret).sign("m1", NOON.astimezone(UTC), text)
    headers = {"webhook-id": "m1", "webhook-timestamp": str(int(NOON.timestamp())), "webhook-signature": signed}
    assert send(client, f"/webhooks/in/{'s' * 60}/", text.encode(), headers).status_code == 200
    assert InboxEvent.objects.get().state == "done"


@pytest.mark.parametrize("value", [1e308, 10**308, "x" * 500_000, list(range(100_000)), "a\u0000b\ud800"])
def test_values_of_any_size_become_properties(client: Client, value: Any) -> None:
    shop = Shop(client)
    told = dict.fromkeys(("amount", "order_id", "products", "currency"), "data.plan.name")
    said = dict.fromkeys(("attributes.x", "first_name", "company_size", "phone", "timezone"), "data.plan.name")
    shop.rule(event_kind="purchase.completed", properties=told, fields=said)
    body = json.loads(json.dumps(BODY))
    body["data"]["plan"]["name"] = value
    assert shop.tell(body).status_code == 200
    assert InboxEvent.objects.get().state == "done"
    assert not PendingEvent.objects.exists()
    assert len(json.dumps(Event.objects.get(kind="purchase.completed").properties)) < 64_000


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/webhooks/nobody/", "/webhooks/in/%00/", "/webhooks/a%20b/", "/webhooks/webhook:shop/"]
)
def test_no_such_sender_is_said_in_the_envelope(client: Client, path: str) -> None:
    """Whatever it is called, and also when the name inside is that of a source."""
    with source([HOOK]):
        answer = client.post(path, b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
