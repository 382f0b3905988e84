"""Signed tokens for links in mail: short, url-safe, without personal data, verifiable without a database.

A token is `payload || truncated HMAC-SHA256` in URL-safe base64. Every kind has a key of its own, derived from
SECRET_KEY, so that a token of one kind is never accepted as another. Old keys (SECRET_KEY_FALLBACKS) are accepted
when reading: links in mails that were sent before a rotation keep working.

Payload and signature together are a multiple of three bytes, so base64 has no padding and exactly one spelling.
"""

import binascii
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from django.conf import settings

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_ADDRESS_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class ClickToken:
    message_id: int
    link_index: int


@dataclass(frozen=True, slots=True)
class OpenToken:
    message_id: int


@dataclass(frozen=True, slots=True)
class UnsubscribeToken:
    """Carries the address hash itself, so that opting out works when the message or the lead is long gone."""

    message_id: int
    address_hash: str


@dataclass(frozen=True, slots=True)
class PreferencesToken:
    lead_id: int
    address_hash: str


@dataclass(frozen=True, slots=True)
class DownloadToken:
    """A file for one person, until a second of Unix time."""

    magnet_id: int
    lead_id: int
    expires: int


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A form as it was shown, at a millisecond of Unix time."""

    form_id: int
    milliseconds: int


@dataclass(frozen=True, slots=True)
class RegistrationToken:
    """A place at a webinar. `is_personal`: it came by mail, so whoever has it may see what is theirs, and cancel."""

    registration_id: int
    is_personal: bool


@dataclass(frozen=True, slots=True)
class LeavingToken:
    """A reason for leaving, as one person's answer to be; 0 leaves it open. Until a second of Unix time."""

    lead_id: int
    reason_id: int
    expires: int


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    layout: struct.Struct
    signature_bytes: int
    is_veiled: bool = False  # its payload cannot be read without the key

    @property
    def length(self) -> int:
        """Characters of a token of this kind."""
        return (self.layout.size + self.signature_bytes) // 3 * 4


_CLICK = _Kind("click", struct.Struct(">QH"), 11)
_OPEN = _Kind("open", struct.Struct(">Q"), 13)
_UNSUBSCRIBE = _Kind("unsubscribe", struct.Struct(f">Q{_ADDRESS_HASH_BYTES}s"), 12)
_PREFERENCES = _Kind("preferences", struct.Struct(f">Q{_ADDRESS_HASH_BYTES}s"), 12)
# Handed to whoever sends a form: the person's number in it would tell whether they were known before.
_DOWNLOAD = _Kind("download", struct.Struct(">QQQ"), 12, is_veiled=True)
_CONFIRM = _Kind("confirm", struct.Struct(">Q"), 16)
_SHOWN = _Kind("shown", struct.Struct(">QQ"), 11)
# Handed to whoever registers an address, as downloads are.
_REGISTRATION = _Kind("registration", struct.Struct(">Q?"), 15, is_veiled=True)
_LEAVING = _Kind("leaving", struct.Struct(">QIQ"), 16)

# Names nobody: what our own pages send tracking calls with, so that they need no key of the installation.
_SITE = _Kind("site", struct.Struct("2s"), 13)
SITE_KEY = "site_"

Signer = Callable[[bytes], bytes]


def click_token(message_id: int, link_index: int) -> str:
    """Token of one link of one message; it names a message, not the visitor."""
    return _write(_CLICK, _CLICK.layout.pack(message_id, link_index))


def open_token(message_id: int) -> str:
    return _write(_OPEN, _OPEN.layout.pack(message_id))


def unsubscribe_token(message_id: int, address_hash: str) -> str:
    """`address_hash` is the keyed hash of the address as 32 hexadecimal digits; ValueError for anything else."""
    return _write(_UNSUBSCRIBE, _UNSUBSCRIBE.layout.pack(message_id, _hash_bytes(address_hash)))


def preferences_token(lead_id: int, address_hash: str) -> str:
    """`address_hash` as for `unsubscribe_token`."""
    return _write(_PREFERENCES, _PREFERENCES.layout.pack(lead_id, _hash_bytes(address_hash)))


def download_token(magnet_id: int, lead_id: int, expires: int) -> str:
    """`expires` in seconds of Unix time. Reading does not look at it: a late visitor is told so, not refused."""
    return _write(_DOWNLOAD, _DOWNLOAD.layout.pack(magnet_id, lead_id, expires))


def confirm_token(confirmation_id: int) -> str:
    return _write(_CONFIRM, _CONFIRM.layout.pack(confirmation_id))


def shown_token(form_id: int, milliseconds: int) -> str:
    return _write(_SHOWN, _SHOWN.layout.pack(form_id, milliseconds))


def registration_token(registration_id: int, *, is_personal: bool) -> str:
    """Never `is_personal` for somebody who only typed the address into a form."""
    return _write(_REGISTRATION, _REGISTRATION.layout.pack(registration_id, is_personal))


def leaving_token(lead_id: int, reason_id: int, expires: int) -> str:
    """`expires` in seconds of Unix time, as for downloads."""
    return _write(_LEAVING, _LEAVING.layout.pack(lead_id, reason_id, expires))


def read_click_token(token: str) -> ClickToken | None:
    """None for anything malformed or forged; so do all readers."""
    payload = _read(_CLICK, token)
    return None if payload is None else ClickToken(*_CLICK.layout.unpack(payload))


def read_open_token(token: str) -> OpenToken | None:
    payload = _read(_OPEN, token)
    return None if payload is None else OpenToken(*_OPEN.layout.unpack(payload))


def read_unsubscribe_token(token: str) -> UnsubscribeToken | None:
    payload = _read(_UNSUBSCRIBE, token)
    if payload is None:
        return None
    message_id, digest = _UNSUBSCRIBE.layout.unpack(payload)
    return UnsubscribeToken(message_id, digest.hex())


def read_preferences_token(token: str) -> PreferencesToken | None:
    payload = _read(_PREFERENCES, token)
    if payload is None:
        return None
    lead_id, digest = _PREFERENCES.layout.unpack(payload)
    return PreferencesToken(lead_id, digest.hex())


def read_download_token(token: str) -> DownloadToken | None:
    payload = _read(_DOWNLOAD, token)
    return None if payload is None else DownloadToken(*_DOWNLOAD.layout.unpack(payload))


def read_confirm_token(token: str) -> int | None:
    """The confirmation's id."""
    payload = _read(_CONFIRM, token)
    return None if payload is None else int(_CONFIRM.layout.unpack(payload)[0])


def read_shown_token(token: str) -> ShownToken | None:
    payload = _read(_SHOWN, token)
    return None if payload is None else ShownToken(*_SHOWN.layout.unpack(payload))


def read_registration_token(token: str) -> RegistrationToken | None:
    payload = _read(_REGISTRATION, token)
    return None if payload is None else RegistrationToken(*_REGISTRATION.layout.unpack(payload))


def read_leaving_token(token: str) -> LeavingToken | None:
    payload = _read(_LEAVING, token)
    return None if payload is None else LeavingToken(*_LEAVING.layout.unpack(payload))


def site_key() -> str:
    """The key that the tracking snippet carries on our own pages. Public, and good for nothing but their own calls."""
    return SITE_KEY + _write(_SITE, b"v1")


def is_site_key(text: str) -> bool:
    return text.startswith(SITE_KEY) and _read(_SITE, text.removeprefix(SITE_KEY)) == b"v1"


def _write(kind: _Kind, payload: bytes) -> str:
    signature = _signer(settings.SECRET_KEY, kind.name)(payload)[: kind.signature_bytes]
    if kind.is_veiled:
        payload = _veil(kind, payload, signature, settings.SECRET_KEY)
    return binascii.b2a_base64(payload + signature, newline=False).translate(_TO_URL).decode("ascii")


def _read(kind: _Kind, token: str) -> bytes | None:
    if len(token) != kind.length or not token.isascii() or "+" in token or "/" in token:
        return None
    try:
        raw = binascii.a2b_base64(token.encode("ascii").translate(_FROM_URL), strict_mode=True)
    except binascii.Error:
        return None
    found, signature = raw[: kind.layout.size], raw[kind.layout.size :]
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        payload = _veil(kind, found, signature, secret) if kind.is_veiled else found
        if hmac.compare_digest(_signer(secret, kind.name)(payload)[: kind.signature_bytes], signature):
            return payload
    return None


def _veil(kind: _Kind, payload: bytes, signature: bytes, secret: str | bytes) -> bytes:
    """Put on or taken off: the payload under a pad of its own, which the signature chooses. At most 32 bytes."""
    pad = _signer(secret, f"{kind.name}.veil")(signature)
    return bytes(byte ^ cover for byte, cover in zip(payload, pad, strict=False))


def _hash_bytes(address_hash: str) -> bytes:
    digest = bytes.fromhex(address_hash)
    if len(digest) != _ADDRESS_HASH_BYTES:
        raise ValueError(f"An address hash has {2 * _ADDRESS_HASH_BYTES} hexadecimal digits, not {len(address_hash)}.")
    return digest


@lru_cache(maxsize=64)
def _signer(secret: str | bytes, kind: str) -> Signer:
    """HMAC-SHA256 with the padded keys hashed once: a third of the time of `hmac.digest` on the send path."""
    master = secret.encode() if isinstance(secret, str) else secret
    key = hmac.digest(master, b"lifecycle.token." + kind.encode(), "sha256").ljust(64, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in key))
    outer = sha256(bytes(byte ^ 0x5C for byte in key))

    def sign(payload: bytes) -> bytes:
        first = inner.copy()
        first.update(payload)
        second = outer.copy()
        second.update(first.digest())
        return second.digest()

    return sign
