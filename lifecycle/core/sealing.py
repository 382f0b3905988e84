"""Secrets of others, encrypted at rest: a copy of the database alone gives none of them away.

The keys are made of SECRET_KEY and its fallbacks, so a rotation keeps what was sealed readable.
"""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def seal(text: str) -> str:
    return _box().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str | None:
    """The text, or None if it was sealed with a key that is not ours any more."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _box() -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str | bytes) -> bytes:
    master = secret.encode() if isinstance(secret, str) else secret
    return base64.urlsafe_b64encode(hmac.digest(master, b"lifecycle.sealed", hashlib.sha256))
