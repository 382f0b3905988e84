"""Each mail provider's own reports, signed as it signs: what they do at once, once, and not at all."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from campaigns.models import Message, ProviderEvent, Suppression
from leads.models import Lead
from leads.pipeline import processed_later
from tests.campaigns.mail_providers import BASIC, PROVIDERS, Provider, basic
from tests.cast import kinds, letters
from tests.factories import LeadFactory

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


@pytest.fixture(params=PROVIDERS, ids=[provider.slug for provider in PROVIDERS])
def provider(request: pytest.FixtureRequest, settings: Settings) -> Provider:
    found: Provider = request.param
    settings.ANYMAIL = found.settings
    return found


@pytest.fixture
def ana() -> Lead:
    return LeadFactory(email="ana@acme.com")


@pytest.fixture
def mail(ana: Lead) -> Message:
    """A mail whose fate is unknown: the connection broke while it was handed over."""
    (message,) = letters([ana])
    Message.objects.filter(pk=message.pk).update(state="unknown", reason="lease: …", settled_at=ana.created_at)
    return message


def test_a_hard_bounce_blocks_the_address_at_once_and_once(provider: Provider, client: Client, mail: Message) -> None:
    for _ in range(2):
        assert provider.report(client, "bounced", "ana@acme.com", mail.key).status_code == 200
    block = Suppression.objects.get()
    assert (block.scope, block.reason) == ("everything", "hard bounce")
    assert ProviderEvent.objects.get().message == mail
    assert kinds(mail.lead).count("email.bounced") == 1


def test_a_bounce_for_now_says_nothing_about_the_address(provider: Provider, client: Client, mail: Message) -> None:
    assert provider.report(client, "soft", "ana@acme.com", mail.key).status_code == 200
    assert ProviderEvent.objects.count() == 1
    assert not Suppression.objects.exists()


def test_a_complaint_blocks_everything_at_once(provider: Provider, client: Client, mail: Message) -> None:
    assert provider.report(client, "complained", "ana@acme.com", mail.key).status_code == 200
    assert Suppression.objects.get().reason == "complaint"


def test_an_opt_out_there_is_one_here(provider: Provider, client: Client, mail: Message) -> None:
    if provider.slug in ("amazon_ses", "resend"):
        pytest.skip("this provider tells of no opt-outs: they come by our own link")
    assert provider.report(client, "unsubscribed", "ana@acme.com", mail.key).status_code == 200
    assert Suppression.objects.get().scope == "marketing"


def test_a_delivery_resolves_a_mail_whose_fate_was_unknown(provider: Provider, client: Client, mail: Message) -> None:
    assert provider.report(client, "delivered", "ana@acme.com", mail.key).status_code == 200
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("sent", "")
    assert mail.sent_at is not None
    assert mail.sent_at.replace(microsecond=0) == datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC)


def test_without_our_key_the_providers_own_id_finds_the_mail(client: Client, ana: Lead, settings: Settings) -> None:
    settings.ANYMAIL = PROVIDERS[0].settings
    (message,) = letters([ana])
    Message.objects.filter(pk=message.pk).update(provider_id="883953f4-6105")
    PROVIDERS[0].report(client, "bounced", "ana@acme.com", "")
    assert ProviderEvent.objects.get().message == message


def test_a_report_about_a_stranger_blocks_them_too(provider: Provider, client: Client) -> None:
    assert provider.report(client, "complained", "who@example.net", "").status_code == 200
    assert Suppression.objects.count() == 1


def test_without_a_secret_the_door_is_closed(provider: Provider, client: Client, settings: Settings) -> None:
    settings.ANYMAIL = {}
    answer = provider.report(client, "complained", "ana@acme.com", "")
    assert answer.status_code == 403
    assert "WEBHOOK_SECRET" in answer.json()["error"]["message"]
    assert not ProviderEvent.objects.exists()


def test_a_wrong_or_missing_signature_is_401_and_stores_nothing(provider: Provider, client: Client, ana: Lead) -> None:
    said = provider.say("complained", "ana@acme.com", "")
    said_by_another = json.dumps(said.body).replace('"signature": "', '"signature": "0').encode()
    wrong = {
        **said.headers,
        "authorization": basic(b"", "hook:wrong")["authorization"],
        "x-twilio-email-event-webhook-timestamp": "1",
        "x-twilio-email-event-webhook-signature": "AAAA",
        "svix-id": "msg_1",
        "svix-timestamp": "1",
        "svix-signature": "v1,AAAA",
    }
    assert provider.post(client, said_by_another, **wrong).status_code == 401
    assert provider.post(client, said_by_another, **said.headers).status_code == 401
    assert not ProviderEvent.objects.exists()
    assert not Suppression.objects.exists()


def test_a_secret_may_be_changed_while_both_are_valid(client: Client, settings: Settings) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": ["hook:the-next-one", BASIC]}
    assert PROVIDERS[0].report(client, "complained", "ana@acme.com", "").status_code == 200
    new = basic(b"", "hook:the-next-one")
    assert PROVIDERS[0].report(client, "bounced", "ana@acme.com", "", **new).status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b'{"RecordType": "Bounce", "BouncedAt": 5}', b"[" * 100_000],
)
def test_what_is_no_report_is_refused(client: Client, settings: Settings, body: bytes) -> None:
    settings.ANYMAIL = PROVIDERS[0].settings
    answer = PROVIDERS[0].post(client, body, **basic(body))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


def test_amazon_is_asked_for_its_password(client: Client, settings: Settings) -> None:
    ses = next(provider for provider in PROVIDERS if provider.slug == "amazon_ses")
    settings.ANYMAIL = ses.settings
    said = ses.say("delivered", "ana@acme.com", "")
    answer = ses.post(client, json.dumps(said.body).encode(), **said.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "no_signature")
    assert answer["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(("path", "code"), [("postmark", "method_not_allowed"), ("no%00body", "not_found")])
def test_whoever_only_looks_hears_it_in_the_envelope(client: Client, settings: Settings, path: str, code: str) -> None:
    settings.ANYMAIL = PROVIDERS[0].settings
    answer = client.get(f"/webhooks/email/{path}/tracking/")
    assert answer.json()["error"]["code"] == code
    assert answer.status_code == {"method_not_allowed": 405, "not_found": 404}[code]


@pytest.mark.parametrize(
    ("said", "status"), [({"ts_epoch": 1e300}, 400), ({"ts_event": 253402300799}, 200), ({"email": {"a": 1}}, 200)]
)
def test_a_report_with_an_odd_time_or_address_breaks_nothing(
    client: Client, ana: Lead, settings: Settings, said: dict[str, Any], status: int
) -> None:
    brevo = next(provider for provider in PROVIDERS if provider.slug == "brevo")
    settings.ANYMAIL = brevo.settings
    body = json.dumps({**brevo.say("bounced", ana.email, "x").body, **said}).encode()
    assert brevo.post(client, body, **basic(body)).status_code == status
    assert all(event.at.year < 3000 for event in ProviderEvent.objects.all())


def test_more_than_a_mebibyte_is_refused(client: Client, settings: Settings) -> None:
    settings.ANYMAIL = PROVIDERS[0].settings
    answer = PROVIDERS[0].post(client, b'{"a": "' + b"x" * 1024 * 1024 + b'"}', **basic(b""))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_a_thousand_deliveries_in_one_call_cost_what_ten_do(
    client: Client, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sendgrid = next(provider for provider in PROVIDERS if provider.slug == "sendgrid")
    settings.ANYMAIL = sendgrid.settings
    messages = letters(LeadFactory.create_batch(40))
    for part in (messages[:10], messages[10:]):
        told = [sendgrid.say("delivered", message.lead.email, message.key).body[0] for message in part]
        body = json.dumps(told).encode()
        with processed_later(), django_assert_num_queries(8):
            assert sendgrid.post(client, body, **sendgrid.sign(body)).status_code == 200
    assert ProviderEvent.objects.filter(processed_at__isnull=False).count() == 40
