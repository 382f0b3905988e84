"""The secrets of sources: made here or given by the other side, sealed, and two of them valid during a change."""

import base64
import secrets

from lifecycle.core import sealing
from lifecycle.integrations.models import WebhookSource
from lifecycle.integrations.webhook.provider import PREFIX, key_of

BYTES = 32
SHORTEST = 16


def make() -> str:
    """A new secret: whsec_ and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def fault(text: str) -> str:
    """What is wrong with a secret that somebody typed, or ""."""
    if not text.strip().startswith(PREFIX):
        return "A secret begins with whsec_."
    key = key_of(text)
    if not key:
        return "After whsec_ a secret is base64."
    return "" if len(key) >= SHORTEST else f"A secret has at least {SHORTEST} bytes."


def give(source: WebhookSource, secret: str = "") -> str:
    """Set the source's secret, a new one without `secret`; the one it had stays valid as the former. Not saved."""
    text = secret.strip() or make()
    source.former_secret, source.secret = source.secret, sealing.seal(text)
    return text


def forget_former(source: WebhookSource) -> bool:
    """The other side is changed over: only the newest is valid. False if there was none. Saved."""
    return bool(WebhookSource.objects.filter(pk=source.pk).exclude(former_secret="").update(former_secret=""))
