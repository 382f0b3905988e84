"""The form door is for websites of any origin, or of those that FORM_ORIGINS names."""

from django.conf import settings
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type, idempotency-key",
    "Access-Control-Max-Age": "86400",
}


def headers(request: Request) -> dict[str, str]:
    """What lets the page that asks read the answer. No cookies are involved, so `*` gives nothing away."""
    exposed = {"Access-Control-Expose-Headers": "Retry-After"}
    if not settings.FORM_ORIGINS:
        return {"Access-Control-Allow-Origin": "*", **exposed}
    origin = request.META.get("HTTP_ORIGIN", "")
    allowed = {"Access-Control-Allow-Origin": origin, **exposed} if origin in settings.FORM_ORIGINS else {}
    return {"Vary": "Origin", **allowed}


def check(request: Request) -> None:
    """Refuse a page of an origin that is not allowed. Programs send no origin; they are not what this is about."""
    origin = request.META.get("HTTP_ORIGIN", "")
    if origin and settings.FORM_ORIGINS and origin not in (*settings.FORM_ORIGINS, settings.SITE_URL):
        raise PermissionDenied("Forms may not be posted from this website.", code="origin_refused")
