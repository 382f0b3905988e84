"""How Stripe signs its calls, and how its events are told apart."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import stripe
from django.conf import settings

from lifecycle.integrations import signatures
from lifecycle.integrations.contract import Call, Envelope, Handler, Refused
from lifecycle.integrations.stripe import handlers, reading
from lifecycle.integrations.stripe.people import customer_of

HEADER = "stripe-signature"
TOLERANCE = timedelta(seconds=300)


class Stripe:
    slug = "stripe"
    title = "Stripe"
    handlers: Mapping[str, Handler] = handlers.HANDLERS

    def secrets(self) -> Sequence[str]:
        return tuple(settings.STRIPE_WEBHOOK_SECRETS)

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        """By the `stripe` library; the age by the time at which the call came, as the library only knows its own."""
        header = call.headers.get(HEADER, "")
        if not header:
            raise Refused(401, "no_signature", "The header Stripe-Signature is missing.")
        try:
            body = call.body.decode()
        except UnicodeDecodeError as problem:
            raise Refused(400, "malformed", f"The body is not UTF-8 (byte {problem.start}).") from None
        if not any(_signed(body, header, secret) for secret in secrets):
            raise Refused(401, "bad_signature", "The signature is not that of this body and one of the secrets.")
        signatures.check_age(_moment(header), at=call.received_at, tolerance=TOLERANCE)

    def read(self, call: Call, payload: Mapping[str, Any]) -> Envelope:
        key, kind = payload.get("id"), payload.get("type")
        found = reading.part(payload.get("data")).get("object")
        if not isinstance(key, str) or not key or not isinstance(kind, str) or not kind:
            raise Refused(400, "malformed", "An event of Stripe has an id and a type.")
        if kind in self.handlers and not isinstance(found, Mapping):
            raise Refused(400, "malformed", "An event of Stripe has an object in data.object.")
        told = reading.part(found)
        at = reading.moment(payload.get("created"))
        return Envelope(key, kind, at, reading.email_of(told), ids=[customer_of(told)])

    def answer(self, call: Call, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None


def _signed(body: str, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, None))
    except stripe.SignatureVerificationError:
        return False


def _moment(header: str) -> str:
    """`t` of a header whose signature holds."""
    return next(part.strip()[2:] for part in header.split(",") if part.strip().startswith("t="))


PROVIDER = Stripe()
