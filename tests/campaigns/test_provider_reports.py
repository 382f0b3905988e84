"""The door through which a mail provider reports: closed without a secret, and acting at once with it."""

import base64
import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from campaigns.models import ProviderEvent, Suppression
from leads.models import Lead
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
DOOR = "/webhooks/email/postmark/tracking/"
BOUNCE = {
    "RecordType": "Bounce",
    "ID": 42,
    "Type": "HardBounce",
    "TypeCode": 1,
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Email": "ana@acme.com",
    "BouncedAt": "2026-03-02T12:00:00Z",
    "Description": "The server was unable to deliver your message",
    "Metadata": {},
}


@pytest.fixture
def ana() -> Lead:
    return LeadFactory(email="ana@acme.com")


@pytest.fixture
def secret(settings: Settings) -> str:
    settings.ANYMAIL = {"WEBHOOK_SECRET": "hook:long-secret"}
    return "Basic " + base64.b64encode(b"hook:long-secret").decode()


def post(client: Client, body: Any = BOUNCE, door: str = DOOR, **headers: str) -> int:
    return client.post(door, body, content_type="application/json", headers=headers).status_code


def test_without_a_secret_nobody_may_report(client: Client, ana: Lead, settings: Settings) -> None:
    settings.ANYMAIL = {}
    assert post(client) == 403
    assert not ProviderEvent.objects.exists()


def test_a_hard_bounce_blocks_the_address_at_once_and_once(client: Client, ana: Lead, secret: str) -> None:
    assert [post(client, authorization=secret) for _ in range(2)] == [200, 200]
    assert ProviderEvent.objects.count() == 1
    assert Suppression.objects.get().scope == "everything"
    assert Suppression.objects.get().address_hash == ana.address_hash


@pytest.mark.parametrize("given", ["", "Basic " + base64.b64encode(b"hook:wrong").decode()])
def test_a_wrong_secret_changes_nothing(client: Client, ana: Lead, secret: str, given: str) -> None:
    assert post(client, authorization=given) == 401
    assert not Suppression.objects.exists()


def test_a_provider_nobody_knows_is_not_found(client: Client, secret: str) -> None:
    assert post(client, door="/webhooks/email/nobody/tracking/", authorization=secret) == 404


def test_nor_is_it_without_a_secret(client: Client, settings: Settings) -> None:
    settings.ANYMAIL = {}
    assert post(client, door="/webhooks/email/nobody/tracking/") == 404


@pytest.mark.parametrize("body", ["{", "[]", '"text"', '{"RecordType": "Bounce", "BouncedAt": 5}'])
def test_a_body_that_is_no_report_is_refused(client: Client, secret: str, body: str) -> None:
    assert post(client, body, authorization=secret) == 400


@pytest.mark.parametrize("field", ["Description", "MessageID", "Email"])
def test_a_character_that_no_database_holds_does_not_keep_a_report_out(
    client: Client, ana: Lead, secret: str, field: str
) -> None:
    """A server's own words come along in a bounce; refused for ever, it would never block anybody."""
    said = {**BOUNCE, field: f"{BOUNCE[field]}\ud800\0"}
    assert post(client, json.dumps(said), Authorization=secret) == 200
    assert Suppression.objects.count() == 1
