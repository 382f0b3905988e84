"""Making, finding and revoking keys. A key reads `lck_PREFIX_SECRET`."""

import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from lifecycle.api.models import ApiKey, Scope, hash_of
from lifecycle.core import sql

MARK = "lck"
LONGEST = 200
_KEY = re.compile(rf"{MARK}_(\w{{1,20}})_\w+")


class UnknownScope(ValueError):
    """The message names the scope and those that exist."""


def issue(
    *,
    name: str,
    scopes: Sequence[str],
    allowed_origins: Sequence[str] = (),
    expires_at: datetime | None = None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """A new key, and its text, which cannot be had again. With `allowed_origins` it is a public one, for pages."""
    unknown = [scope for scope in scopes if scope not in Scope.values]
    if unknown or not scopes:
        what = f"There is no scope {unknown[0]!r}." if unknown else "A key needs a scope."
        raise UnknownScope(f"{what} Scopes are: {', '.join(Scope.values)}.")
    prefix = secrets.token_hex(5)
    text = f"{MARK}_{prefix}_{secrets.token_hex(24)}"
    key = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        hash=hash_of(text),
        scopes=sorted(set(scopes)),
        allowed_origins=origins(allowed_origins),
        expires_at=expires_at,
        created_at=now,
    )
    return key, text


def origins(written: Iterable[str]) -> list[str]:
    """Origins as browsers send them; ValidationError for one that is no website's."""
    found = []
    for text in written:
        parts = urlsplit(text.strip().rstrip("/").lower())
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment:
            raise ValidationError(f"“{text}” is not a website's origin; write one like https://www.example.com.")
        found.append(f"{parts.scheme}://{parts.netloc}")
    return sorted(set(found))


def find(text: str, *, now: datetime) -> ApiKey | None:
    """The key that `text` is, if it is in force. One query; notes the use."""
    parts = text.split("_")
    if len(text) > LONGEST or len(parts) != 3 or parts[0] != MARK or "\0" in text:
        return None
    key = sql.one(ApiKey, "prefix = %b", [parts[1]])
    if key is None or not key.is_the_key(text) or key.is_over(now):
        return None
    key.note_use(now)
    return key


def hidden(text: str) -> str:
    """A text without the secret part of the keys in it."""
    return _KEY.sub(rf"{MARK}_\1_…", text)


def revoke(keys: QuerySet[ApiKey], *, now: datetime) -> int:
    """Put keys out of force for good; how many were in force."""
    return keys.filter(revoked_at__isnull=True).update(revoked_at=now)
