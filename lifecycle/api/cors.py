"""The form door is for websites of any origin, or of those that the form or FORM_ORIGINS names."""

from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from leads import forms
from leads.models import Form

PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type, idempotency-key",
    "Access-Control-Max-Age": "86400",
}


def headers(request: Request, form: Form | None) -> dict[str, str]:
    """What lets the page that asks read the answer. No cookies are involved, so `*` gives nothing away."""
    exposed = {"Access-Control-Expose-Headers": "Retry-After"}
    origins = forms.origins(form)
    if not origins:
        return {"Access-Control-Allow-Origin": "*", **exposed}
    origin = request.META.get("HTTP_ORIGIN", "")
    allowed = {"Access-Control-Allow-Origin": origin, **exposed} if origin in origins else {}
    return {"Vary": "Origin", **allowed}


def check(request: Request, form: Form) -> None:
    """Refuse a page of an origin that is not allowed. Programs name no origin; they are not what this is about.

    A browser that hides its origin ("null") is asked for its Referer, and refused without one.
    """
    allowed = forms.origins(form)
    origin = origin_of(request)
    if allowed and origin and origin not in (*allowed, settings.SITE_URL, own(request)):
        raise PermissionDenied("This form may not be posted from this website.", code="origin_refused")


def origin_of(request: Request) -> str:
    """The website whose page posts: by Origin, else by Referer; "" for a program, "null" for one that hides it."""
    origin = str(request.META.get("HTTP_ORIGIN", ""))
    if origin and origin != "null":
        return origin
    try:
        referrer = urlsplit(str(request.META.get("HTTP_REFERER", "")))
    except ValueError:
        return "null"
    return f"{referrer.scheme}://{referrer.netloc}" if referrer.scheme and referrer.netloc else origin


def own(request: Request) -> str:
    """The origin of our own pages, as this browser knows us."""
    return f"{request.scheme}://{request.get_host()}"
