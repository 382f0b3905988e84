"""What senders' signatures have in common: HMACs compared in constant time, and times that must not be old. Pure."""

import hashlib
import hmac
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lifecycle.integrations.contract import Refused

# Of what is not a time at all: the furthest that a datetime reaches.
_LATEST = 253_402_300_000


def hex_digest(secret: str | bytes, signed: bytes) -> str:
    """HMAC-SHA256 as 64 hexadecimal digits."""
    return digest(secret, signed).hex()


def digest(secret: str | bytes, signed: bytes) -> bytes:
    """HMAC-SHA256 as 32 bytes."""
    return hmac.digest(secret.encode() if isinstance(secret, str) else secret, signed, hashlib.sha256)


def is_signed(signed: bytes, given: Iterable[str], secrets: Sequence[str]) -> bool:
    """Whether one of the hexadecimal signatures is that of one of the secrets; each comparison in constant time."""
    expected = [hex_digest(secret, signed).encode() for secret in secrets]
    found = [signature.encode("utf-8", "replace") for signature in given]
    return any(hmac.compare_digest(one, other) for one in expected for other in found)


def check_age(timestamp: str, *, at: datetime, tolerance: timedelta) -> datetime:
    """The moment of a signature, given in seconds of Unix time; Refused if it is none, too old, or in the future."""
    moment = read_time(timestamp)
    if moment is None:
        raise Refused(401, "bad_signature", "The signature's timestamp is not a number of seconds.")
    if at - moment > tolerance:
        minutes = f"{tolerance.total_seconds() / 60:g} minutes"
        raise Refused(401, "too_old", f"The call was signed more than {minutes} ago; check the clocks, then resend it.")
    if moment - at > tolerance:
        raise Refused(401, "too_old", "The call was signed in the future; check the clocks of both sides.")
    return moment


def read_time(timestamp: str) -> datetime | None:
    """Seconds of Unix time as a moment, None for anything else."""
    try:
        seconds = float(timestamp)
    except ValueError:
        return None
    if not math.isfinite(seconds) or not 0 <= seconds <= _LATEST:
        return None
    return datetime.fromtimestamp(seconds, tz=UTC)
