"""Who sends tracking calls: a program with its key, or a page whose key everybody can read."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest

from lifecycle.api import keys
from lifecycle.api.limited import enforce, enforce_ip
from lifecycle.api.models import ApiKey, Scope
from lifecycle.api.tracking.answers import Refused
from lifecycle.core import tokens


@dataclass(frozen=True, slots=True)
class Caller:
    """`is_public`: the call comes from a page, or its key is one for pages; both can be forged by anybody.

    `key`: None for our own pages.
    """

    key: ApiKey | None
    is_public: bool


def of(request: HttpRequest, write_key: str | None, *, now: datetime) -> Caller:
    """Who calls, by the Authorization header, else by the body's writeKey. Refused, or Throttled, if they may not."""
    text = _in_header(request.META.get("HTTP_AUTHORIZATION", "")) or write_key
    if not text:
        raise _unknown("missing_key", "Send the key as the user of Basic authorization, or as writeKey in the body.")
    if tokens.is_site_key(text):
        return _our_page(request, now=now)
    key = keys.find(text, now=now)
    if key is None:
        raise _unknown("invalid_key", "This key is unknown, expired or revoked.")
    if Scope.TRACK_WRITE not in key.scopes:
        raise Refused(403, "missing_scope", f"This key lacks the scope {Scope.TRACK_WRITE.value}.")
    origin = request.META.get("HTTP_ORIGIN", "")
    if origin and key.allowed_origins and not _allows(key, origin):
        message = f"This key is not for pages of {origin[:200]}; add it to the key's allowed origins."
        raise Refused(403, "origin_refused", message)
    is_public = bool(origin or key.allowed_origins)
    enforce("track", key.prefix, now=now)
    if is_public:
        enforce_ip("track ip", request, now=now)  # type: ignore[arg-type]  # it looks at headers alone
    return Caller(key, is_public)


def _our_page(request: HttpRequest, *, now: datetime) -> Caller:
    """A hosted form or a landing page, which carries the snippet without a key of its own."""
    origin = request.META.get("HTTP_ORIGIN", "").lower()
    if origin and origin not in (settings.SITE_URL.lower(), f"{request.scheme}://{request.get_host()}".lower()):
        raise Refused(403, "origin_refused", f"This key is for our own pages, not for those of {origin[:200]}.")
    enforce("track", "our own pages", now=now)
    enforce_ip("track ip", request, now=now)  # type: ignore[arg-type]  # it looks at headers alone
    return Caller(None, is_public=True)


def _allows(key: ApiKey, origin: str) -> bool:
    """Our own pages carry keys too."""
    allowed = (*key.allowed_origins, settings.SITE_URL)
    return any(origin.lower() == one.lower().rstrip("/") for one in allowed)


def _in_header(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0].strip()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _unknown(code: str, message: str) -> Refused:
    """Bearer, though Basic is meant: on a page of ours a browser would ask its visitor for a password."""
    return Refused(401, code, message, WWW_Authenticate='Bearer realm="tracking"')
