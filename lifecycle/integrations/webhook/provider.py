"""Senders that people set up in the admin: they sign as Standard Webhooks says (standardwebhooks.com)."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from lifecycle.core import sealing
from lifecycle.integrations import signatures
from lifecycle.integrations.contract import Call, Envelope, Handler, Refused
from lifecycle.integrations.models import WebhookRule, WebhookSource
from lifecycle.integrations.webhook import meaning, paths
from lifecycle.integrations.webhook.handlers import handle

FAMILY = "webhook"
# So that FAMILY:SLUG fits the log's column of sources.
LONGEST_SLUG = 50
LONGEST_SOURCE = 60
TOLERANCE = timedelta(minutes=5)
PREFIX = "whsec_"
UNNAMED = "(unnamed)"
# The specification's headers, and those of its first implementation, which some senders still use.
_HEADERS = (
    ("webhook-id", "webhook-timestamp", "webhook-signature"),
    ("svix-id", "svix-timestamp", "svix-signature"),
)


class SourceProvider:
    """One source with its active rules, as the inbox sees it."""

    def __init__(self, source: WebhookSource, rules: Sequence[WebhookRule]) -> None:
        self.slug = f"{FAMILY}:{source.slug}"
        self.title = source.name
        self._source = source
        self._rules = {rule.kind: rule for rule in rules}
        told_by = self.slug[:LONGEST_SOURCE]
        self.handlers: Mapping[str, Handler] = {rule.kind: Handler(partial(handle, rule, told_by)) for rule in rules}

    def secrets(self) -> Sequence[str]:
        """The secret, and the former one while the other side is changed over."""
        if not self._source.is_active:
            raise Refused(403, "inactive", f"{self.title} is switched off here.")
        return secrets_of(self._source)

    def verify(self, call: Call, secrets: Sequence[str]) -> None:
        """One of the signatures must be that of one of the secrets, over the id, the time and the raw bytes."""
        key, stamp, given = signed_parts(call.headers)
        signed = b".".join([key.encode(), stamp.encode(), call.body])
        expected = [digest for secret in secrets if (digest := signature(secret, signed))]
        if not any(hmac.compare_digest(one, other) for one in expected for other in given):
            raise Refused(401, "bad_signature", "No signature of these bytes is ours; compare the secrets.")
        signatures.check_age(stamp, at=call.received_at, tolerance=TOLERANCE)

    def read(self, call: Call, payload: Mapping[str, Any]) -> Envelope:
        kind = kind_of(self._source.kind_path, payload)
        rule = self._rules.get(kind)
        found = meaning.read(rule, payload) if rule else None
        key, _, _ = signed_parts(call.headers)
        return Envelope(key, kind, found.occurred_at if found else None, found.email if found else "")

    def answer(self, call: Call, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return None


def find(slug: str) -> SourceProvider | None:
    """The source of this slug; None if there is none."""
    source = WebhookSource.objects.filter(slug=slug).first()
    return SourceProvider(source, list(source.rules.filter(is_active=True))) if source else None


def secrets_of(source: WebhookSource) -> list[str]:
    """The secrets that are valid now."""
    sealed = [text for text in (source.secret, source.former_secret) if text]
    return [secret for text in sealed if (secret := sealing.unseal(text))]


def kind_of(path: str, payload: Mapping[str, Any]) -> str:
    """How the sender names the event, or UNNAMED."""
    try:
        kind = paths.look(paths.parse(path), payload)
    except (paths.PathError, paths.Missing):
        return UNNAMED
    return str(kind) if isinstance(kind, str | int) and not isinstance(kind, bool) and kind != "" else UNNAMED


def signed_parts(headers: Mapping[str, str]) -> tuple[str, str, list[bytes]]:
    """Id, timestamp and the signatures of version 1; Refused if one of the headers is missing."""
    for names in _HEADERS:
        key, stamp, signed = (headers.get(name, "") for name in names)
        if key and stamp and signed:
            given = [part[3:].encode("utf-8", "replace") for part in signed.split() if part.startswith("v1,")]
            return key, stamp, given
    raise Refused(401, "no_signature", f"The headers {', '.join(_HEADERS[0])} are needed.")


def signature(secret: str, signed: bytes) -> bytes:
    """Base64 of the HMAC under the secret's bytes; nothing for what is no secret."""
    key = key_of(secret)
    return base64.b64encode(signatures.digest(key, signed)) if key else b""


def key_of(secret: str) -> bytes:
    """The bytes of a secret: base64 after whsec_, with or without padding; nothing if it is not that."""
    text = secret.strip().removeprefix(PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
