"""What comes by Amazon's SNS is believed only if Amazon signed it, and only about our topic."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from campaigns.consent import amazon
from campaigns.consent.amazon import NotAmazon, Unsure
from campaigns.models import Suppression
from tests.campaigns.amazon import TOPIC, AmazonServer, certificate, server, signed
from tests.campaigns.mail_providers import BASIC, PROVIDERS, basic

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOLD = {"Type": "Notification", "MessageId": "m1", "Timestamp": "2026-03-02T12:00:05.000Z", "Message": "Grüße\n"}
ASKED = {**TOLD, "Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.example/", "Token": "t1"}


def check(message: dict[str, Any], **given: Any) -> None:
    amazon.check(message, now=NOW, certificates=server().url, **given)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "message", [TOLD, {**TOLD, "Subject": "News"}, ASKED, {**ASKED, "Type": "UnsubscribeConfirmation"}]
)
def test_what_amazon_signed_is_amazons(message: dict[str, Any], version: str) -> None:
    check(signed(message, version), topics=[TOPIC])


@pytest.mark.parametrize(
    "changed",
    [
        {"Message": "{}"},
        {"MessageId": "m2"},
        {"Subject": "added"},
        {"TopicArn": "arn:aws:sns:eu-west-1:666666666666:mail"},
        {"Type": "SubscriptionConfirmation"},
        {"Type": "Other"},
        {"Timestamp": None},
        {"Signature": "AAAA"},
        {"Signature": None},
        {"Signature": "é"},
        {"SignatureVersion": "1"},
        {"SignatureVersion": "3"},
        {"SignatureVersion": None},
    ],
)
def test_what_was_changed_is_not(changed: dict[str, Any]) -> None:
    with pytest.raises(NotAmazon):
        check(signed(TOLD, **changed))


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://s3.eu-west-1.amazonaws.com/a.pem",
        "https://mine.s3.sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://sns.eu-west-1.amazonaws.com/../a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem?b",
        "https://[/a.pem",
    ],
)
def test_certificates_are_fetched_from_amazons_hosts_alone(url: object) -> None:
    with pytest.raises(NotAmazon, match="hosts"):
        check(signed(TOLD, SigningCertURL=url))


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "ap-southeast-2"])
def test_every_region_has_its_host(region: str) -> None:
    url = f"https://sns.{region}.amazonaws.com/SimpleNotificationService-9.pem"
    assert amazon.place_of(url) == url


def test_another_topic_is_not_ours() -> None:
    with pytest.raises(NotAmazon, match="topic"):
        check(signed(TOLD), topics=["arn:aws:sns:eu-west-1:123456789012:other"])


@pytest.mark.parametrize(
    ("place", "held"),
    [
        ("/old.pem", certificate(until=datetime(2026, 3, 1, tzinfo=UTC))),
        ("/ec.pem", certificate(ec.generate_private_key(ec.SECP256R1()))),
        ("/none.pem", b"<html>"),
    ],
)
def test_a_certificate_must_be_one_in_force(place: str, held: bytes) -> None:
    server().holds[place] = held
    with pytest.raises(NotAmazon):
        check(signed(TOLD, place=place))


def test_without_its_certificate_nobody_knows_and_the_next_time_it_is_asked_again() -> None:
    with pytest.raises(Unsure):
        check(signed(TOLD, place="/late.pem"))
    server().holds["/late.pem"] = certificate()
    check(signed(TOLD, place="/late.pem"))
    check(signed(TOLD, place="/late.pem"))
    assert server().asked.count("/late.pem") == 2


SES = next(provider for provider in PROVIDERS if provider.slug == "amazon_ses")


def post(client: Client, message: dict[str, Any]) -> HttpResponse:
    named = {"x-amz-sns-message-type": message["Type"], "x-amz-sns-message-id": message["MessageId"]}
    return SES.post(client, json.dumps(message).encode(), **named, **basic(b""))


@pytest.fixture
def there(settings: Settings) -> AmazonServer:
    settings.ANYMAIL = {
        **SES.settings,
        "AMAZON_SES_CLIENT_PARAMS": {
            "endpoint_url": server().url,
            "aws_access_key_id": "a",
            "aws_secret_access_key": "b",
        },
    }
    server().confirmed.clear()
    return server()


@pytest.mark.django_db
def test_a_forged_report_blocks_nobody_even_with_the_password(client: Client, there: AmazonServer) -> None:
    told = SES.say("complained", "ana@acme.com", "").body
    forged = {**told, "Message": told["Message"].replace("ana@", "ben@")}
    answer = post(client, forged)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad_signature")
    assert not Suppression.objects.exists()


@pytest.mark.django_db
def test_only_a_signed_subscription_of_our_topic_is_confirmed(
    client: Client, there: AmazonServer, settings: Settings
) -> None:
    assert post(client, signed(ASKED, Token="t2")).status_code == 401
    assert post(client, signed(ASKED)).status_code == 200
    assert there.confirmed == ["t1"]
    settings.ANYMAIL = {**settings.ANYMAIL, "AMAZON_SES_TOPIC_ARN": ["arn:aws:sns:eu-west-1:123456789012:other"]}
    assert post(client, signed({**ASKED, "Token": "t3"})).status_code == 401
    assert there.confirmed == ["t1"]


@pytest.mark.django_db
def test_while_amazon_does_not_answer_it_is_asked_to_come_again(client: Client, there: AmazonServer) -> None:
    answer = post(client, signed(TOLD, place="/away.pem"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "try_again")


@pytest.mark.django_db
def test_without_the_password_no_certificate_is_fetched(client: Client, there: AmazonServer) -> None:
    message = signed(TOLD, place="/unasked.pem")
    named = {"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": "m1"}
    wrong = basic(b"", f"{BASIC}-wrong")
    assert SES.post(client, json.dumps(message).encode(), **named, **wrong).status_code == 401
    assert "/unasked.pem" not in there.asked
