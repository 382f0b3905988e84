"""How Zoom signs, how it makes sure of an address, and how its events are told apart."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from lifecycle.integrations import signatures
from lifecycle.integrations.contract import Call, Envelope, Handler, Refused
from lifecycle.integrations.zoom.handlers import HANDLERS
from lifecycle.integrations.zoom.reading import Told, text, told_at

TOLERANCE = timedelta(minutes=5)
VALIDATION = "endpoint.url_validation"


class Zoom:
    slug = "zoom"
    title = "Zoom"
    handlers: Mapping[str, Handler] = HANDLERS

    def secrets(self) -> Sequence[str]:
        return list(settings.ZOOM_WEBHOOK_SECRETS)

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        signature = call.headers.get("x-zm-signature", "")
        timestamp = call.headers.get("x-zm-request-timestamp", "")
        if not signature or not timestamp:
            raise Refused(401, "no_signature", "x-zm-signature and x-zm-request-timestamp are needed.")
        if not signatures.is_signed(_signed(call), [signature.removeprefix("v0=")], secrets):
            raise Refused(401, "bad_signature", "The signature is not that of this body under a secret token we know.")
        signatures.check_age(timestamp, at=call.received_at, tolerance=TOLERANCE)

    def read(self, call: Call, payload: Mapping[str, Any]) -> Envelope:
        """Zoom numbers no events. When it tries again it sends the same bytes, so they are what makes copies one."""
        kind = payload.get("event")
        if not isinstance(kind, str) or not kind:
            raise Refused(400, "malformed", "The body names no event.")
        key = f"{kind}:{hashlib.sha256(call.body).hexdigest()[:40]}"
        told = Told.of(payload)
        email = (told.participant or told.registrant).get("email")
        ids = [text(told.participant.get("registrant_id")), text(told.registrant.get("id"))]
        return Envelope(key, kind, told_at(payload), email if isinstance(email, str) else "", ids)

    def answer(self, call: Call, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The proof that we hold the secret token of this address: made with the one that signed the question."""
        if payload.get("event") != VALIDATION:
            return None
        inner = payload.get("payload")
        token = inner.get("plainToken") if isinstance(inner, dict) else None
        if not isinstance(token, str) or not token:
            raise Refused(400, "malformed", "There is no payload.plainToken to answer.")
        given = call.headers.get("x-zm-signature", "").removeprefix("v0=")
        secret = next(one for one in self.secrets() if signatures.is_signed(_signed(call), [given], [one]))
        return {"plainToken": token, "encryptedToken": signatures.hex_digest(secret, token.encode())}


def _signed(call: Call) -> bytes:
    timestamp = call.headers.get("x-zm-request-timestamp", "")
    return b":".join([b"v0", timestamp.encode("utf-8", "replace"), call.body])


PROVIDER = Zoom()
