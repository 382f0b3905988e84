"""The Content-Security-Policy of a landing page: our own files, its own pictures, its own form, and nothing else."""

from collections.abc import Iterable
from typing import Any

from csp.constants import NONE, SELF
from django.http import HttpResponse

from leads.doors.policy import after
from leads.models import Form


def guard(response: HttpResponse, *, images: Iterable[str], form: Form | None, framed: bool = False) -> None:
    """Set the policy. `images`: web origins of the page's pictures; `framed`: shown in the editor's sandbox."""
    policy: dict[str, Any] = {
        "default-src": [NONE],
        "script-src": [NONE] if framed else [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *sorted(images)],
        "connect-src": [NONE] if framed else [SELF],
        "base-uri": [NONE],
        "form-action": [NONE] if framed else [SELF, *after(form)],
        "frame-ancestors": [SELF] if framed else [NONE],
    }
    response._csp_config = policy  # type: ignore[attr-defined]
