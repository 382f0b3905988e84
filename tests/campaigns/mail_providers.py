"""Six mail providers as our door hears them: how each signs, and what it says of a mail."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.http import HttpResponse
from django.test import Client
from svix.webhooks import Webhook

from tests.campaigns.amazon import server, signed

BASIC = "hook:a-long-secret"
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SENDGRID_PUBLIC = "".join(
    SENDGRID_KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
    .splitlines()[1:-1]
)
SVIX_SECRET = "whsec_" + base64.b64encode(b"resend-signs-with-this").decode()
MAILGUN_KEY = "mailgun-signing-key"
NOON = 1772452800  # 2026-03-02 12:00 UTC

Headers = dict[str, str]


@dataclass(frozen=True)
class Said:
    """A report in the provider's own words, and the headers that belong to this very report."""

    body: Any
    headers: Headers = field(default_factory=dict)


def basic(body: bytes, secret: str = BASIC) -> Headers:
    return {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()}


@dataclass(frozen=True)
class Provider:
    slug: str
    settings: dict[str, Any]
    say: Callable[[str, str, str], Said]  # kind, address, our key → report
    sign: Callable[[bytes], Headers] = basic

    def report(self, client: Client, kind: str, address: str, key: str, **headers: str) -> HttpResponse:
        """Post a report: delivered, bounced, soft, complained or unsubscribed; `headers` replace the signed ones."""
        said = self.say(kind, address, key)
        body = json.dumps(said.body).encode()
        return self.post(client, body, **{**said.headers, **self.sign(body), **headers})

    def post(self, client: Client, body: bytes, **headers: str) -> HttpResponse:
        door = f"/webhooks/email/{self.slug}/tracking/"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(door, body, content_type="application/json", headers=sent)


def postmark(kind: str, address: str, key: str) -> Said:
    common = {"MessageID": "883953f4-6105", "Metadata": {"message_key": key}, "Recipient": address, "Email": address}
    bounce = {"RecordType": "Bounce", "BouncedAt": "2026-03-02T12:00:05Z", "Description": "No such mailbox", **common}
    change = {
        "RecordType": "SubscriptionChange",
        "ChangedAt": "2026-03-02T12:00:05Z",
        "SuppressSending": True,
        **common,
    }
    return Said(
        {
            "delivered": {"RecordType": "Delivery", "DeliveredAt": "2026-03-02T12:00:05Z", **common},
            "bounced": {**bounce, "ID": 41, "Type": "HardBounce"},
            "soft": {**bounce, "ID": 42, "Type": "SoftBounce"},
            "complained": {**bounce, "ID": 43, "RecordType": "SpamComplaint", "Type": "SpamComplaint"},
            "unsubscribed": {**change, "SuppressSending": True, "SuppressionReason": "ManualSuppression"},
        }[kind]
    )


def mailgun(kind: str, address: str, key: str) -> Said:
    event, more = {
        "delivered": ("delivered", {}),
        "bounced": ("failed", {"severity": "permanent", "reason": "bounce"}),
        "soft": ("failed", {"severity": "temporary", "reason": "generic"}),
        "complained": ("complained", {}),
        "unsubscribed": ("unsubscribed", {}),
    }[kind]
    data = {
        "id": f"mg-{kind}-{key}",
        "event": event,
        "timestamp": NOON + 5.25,
        "recipient": address,
        "message": {"headers": {"message-id": "20260302.1@mg.example.com"}},
        "user-variables": {"message_key": key},
        "delivery-status": {"code": 550, "description": "No such mailbox"},
        **more,
    }
    stamp, token = str(NOON + 6), "f" * 50
    signed = hmac.new(MAILGUN_KEY.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    return Said({"signature": {"timestamp": stamp, "token": token, "signature": signed}, "event-data": data})


def amazon_ses(kind: str, address: str, key: str) -> Said:
    named = [{"emailAddress": address, "diagnosticCode": "smtp; 550 5.1.1 no such user"}]
    event = {
        "delivered": {"eventType": "Delivery", "delivery": {"recipients": [address]}},
        "bounced": {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "General"}},
        "soft": {"eventType": "Bounce", "bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull"}},
        "complained": {"eventType": "Complaint", "complaint": {"complainedRecipients": named}},
        "unsubscribed": {"eventType": "Complaint", "complaint": {"complainedRecipients": named}},  # SES has none
    }[kind]
    if "bounce" in event:
        event["bounce"]["bouncedRecipients"] = named  # type: ignore[index]
    headers = [{"name": "X-Metadata", "value": json.dumps({"message_key": key})}]
    event["mail"] = {"messageId": "0100-ses", "destination": [address], "headers": headers}
    told = {
        "Type": "Notification",
        "MessageId": f"sns-{kind}-{key}",
        "Timestamp": "2026-03-02T12:00:05.000Z",
        "Message": json.dumps(event),
    }
    told = signed(told)
    return Said(told, {"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": told["MessageId"]})


def sendgrid(kind: str, address: str, key: str) -> Said:
    event = {"delivered": "delivered", "bounced": "bounce", "soft": "bounce", "complained": "spamreport"}
    more = {"type": "blocked"} if kind == "soft" else {"type": "bounce"} if kind == "bounced" else {}
    told = {
        "event": event.get(kind, "unsubscribe"),
        "email": address,
        "timestamp": NOON + 5,
        "sg_event_id": f"sg-{kind}-{key}",
        "smtp-id": "<1@mail.example.com>",
        "message_key": key,
        "reason": "550 5.1.1 no such user",
        "status": "5.1.1",
        **more,
    }
    return Said([told])


def signed_by_sendgrid(body: bytes) -> Headers:
    stamp = str(NOON + 6)
    signature = SENDGRID_KEY.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "x-twilio-email-event-webhook-timestamp": stamp,
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
    }


def brevo(kind: str, address: str, key: str) -> Said:
    event = {
        "delivered": "delivered",
        "bounced": "hard_bounce",
        "soft": "soft_bounce",
        "complained": "spam",
        "unsubscribed": "unsubscribe",
    }
    told = {"event": event[kind], "email": address, "ts_epoch": (NOON + 5) * 1000, "message-id": "<1@brevo>"}
    return Said({**told, "X-Mailin-custom": json.dumps({"message_key": key}), "reason": "550 no such user"})


def resend(kind: str, address: str, key: str) -> Said:
    event = {"delivered": "email.delivered", "bounced": "email.bounced", "soft": "email.bounced"}
    data: dict[str, Any] = {
        "email_id": "56761188-7520",
        "to": [address],
        "headers": [{"name": "X-Metadata", "value": json.dumps({"message_key": key})}],
    }
    if kind in ("bounced", "soft"):
        kinds = {"bounced": "Permanent", "soft": "Transient"}
        data["bounce"] = {"type": kinds[kind], "message": "The recipient's provider sent a bounce message."}
    told = {"type": event.get(kind, "email.complained"), "created_at": "2026-03-02T12:00:05.000Z", "data": data}
    return Said(told)  # an opt-out is no event of Resend


def signed_by_resend(body: bytes) -> Headers:
    name, at = f"msg_{hashlib.sha256(body).hexdigest()[:20]}", datetime.now(UTC)
    signature = Webhook(SVIX_SECRET).sign(name, at, body.decode())
    return {"svix-id": name, "svix-timestamp": str(int(at.timestamp())), "svix-signature": signature}


PROVIDERS = [
    Provider("postmark", {"WEBHOOK_SECRET": BASIC}, postmark),
    Provider("mailgun", {"MAILGUN_WEBHOOK_SIGNING_KEY": MAILGUN_KEY}, mailgun, lambda body: {}),
    Provider("amazon_ses", {"WEBHOOK_SECRET": BASIC, "AMAZON_SES_CERTIFICATES_URL": server().url}, amazon_ses),
    Provider("sendgrid", {"SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": SENDGRID_PUBLIC}, sendgrid, signed_by_sendgrid),
    Provider("brevo", {"WEBHOOK_SECRET": BASIC}, brevo),
    Provider("resend", {"RESEND_SIGNING_SECRET": SVIX_SECRET}, resend, signed_by_resend),
]
