"""Headers that differ between the pages of staff and those of everyone."""

from collections.abc import Callable

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
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
