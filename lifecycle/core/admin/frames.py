"""Answers for frames that show mail, and for dialogs of the admin."""

from csp.constants import NONE, UNSAFE_INLINE
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

# A mail may bring styles and pictures, and nothing that runs, sends or navigates.
FRAME_POLICY = {
    "default-src": [NONE],
    "style-src": [UNSAFE_INLINE],
    "img-src": ["https:", "http:", "data:"],
    "font-src": ["data:"],
    "form-action": [NONE],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


def framed(html: str | bytes, *, status: int = 200) -> HttpResponse:
    """HTML we do not trust, under a policy of its own that allows no script."""
    response = HttpResponse(html, status=status)
    response._csp_config = FRAME_POLICY  # type: ignore[attr-defined]
    response["Referrer-Policy"] = "no-referrer"
    return response


def reload_page(request: HttpRequest, row: Model) -> HttpResponse:
    """The answer to a dialog: show the row's page again, with its messages."""
    meta = row._meta
    return reload_at(reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk]))


def reload_at(url: str) -> HttpResponse:
    """The answer to a dialog: go to `url`."""
    return HttpResponse(headers={"HX-Redirect": url})
