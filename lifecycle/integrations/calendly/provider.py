"""How Calendly signs its calls, and how its events are told apart."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from lifecycle.integrations import signatures
from lifecycle.integrations.calendly import handlers, reading
from lifecycle.integrations.contract import Call, Envelope, Handler, Refused

HEADER = "calendly-webhook-signature"
TOLERANCE = timedelta(seconds=180)


class Calendly:
    slug = "calendly"
    title = "Calendly"
    handlers: Mapping[str, Handler] = handlers.HANDLERS

    def secrets(self) -> Sequence[str]:
        return tuple(settings.CALENDLY_WEBHOOK_SECRETS)

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        """`t=…,v1=hex`: HMAC-SHA256 over `t.body`."""
        header = call.headers.get(HEADER, "")
        if not header:
            raise Refused(401, "no_signature", "The header Calendly-Webhook-Signature is missing.")
        parts = [part.strip().partition("=") for part in header.split(",")]
        moments = [value for name, _, value in parts if name == "t"]
        given = [value for name, _, value in parts if name == "v1"]
        if len(moments) != 1 or not given:
            raise Refused(401, "bad_signature", "Calendly-Webhook-Signature must read t=SECONDS,v1=HEX.")
        signed = moments[0].encode("utf-8", "replace") + b"." + call.body
        if not signatures.is_signed(signed, given, secrets):
            raise Refused(401, "bad_signature", "The signature is not that of this body and one of the signing keys.")
        signatures.check_age(moments[0], at=call.received_at, tolerance=TOLERANCE)

    def read(self, call: Call, payload: Mapping[str, Any]) -> Envelope:
        return reading.envelope(payload)

    def answer(self, call: Call, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None


PROVIDER = Calendly()
