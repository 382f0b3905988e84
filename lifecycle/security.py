"""What we send to browsers and believe of them: headers by kind of page, and the address a request came from."""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

# Alpine, which the admin's theme is built on, evaluates expressions, and the theme writes styles and scripts in place.
STAFF_PATHS = ("/admin/", "/console/", "/mailbox/")
STAFF_POLICY = {"script-src": [SELF, UNSAFE_EVAL, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]}
# Swagger writes styles in place; its settings come as a script of their own.
DOCS_PATHS = ("/api/v1/docs/",)
DOCS_POLICY = {"style-src": [SELF, UNSAFE_INLINE]}


class AdminPolicyMiddleware:
    """Relaxes the Content-Security-Policy where the theme of the admin needs it, and nowhere else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if hasattr(response, "_csp_config"):  # a frame that shows mail brings a stricter policy of its own
            return response
        if request.path.startswith(STAFF_PATHS):
            response._csp_replace = STAFF_POLICY  # type: ignore[attr-defined]
        elif request.path.startswith(DOCS_PATHS):
            response._csp_replace = DOCS_POLICY  # type: ignore[attr-defined]
        return response


def client_address(request: HttpRequest) -> str:
    """Where a request came from: what the outermost of our own proxies saw, never what a client claims."""
    seen = [part for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if len(seen) >= settings.TRUSTED_PROXIES > 0:
        return str(seen[-settings.TRUSTED_PROXIES]).strip()
    return str(request.META.get("REMOTE_ADDR", ""))
