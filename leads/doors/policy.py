"""The Content-Security-Policy of the pages around a form: our own files, the form's own way, and nothing else."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.http import HttpResponse

from leads import forms
from leads.models import Form


def guard(
    response: HttpResponse,
    *,
    form: Form | None = None,
    framers: Sequence[str] = (),
    shows: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Set it. `framers`: who may show the page in a frame, nobody if there is none.

    With `form` the page may post, and go where the form's thanks are. `shows`: directives with the websites of whose
    it shows something: {"frame-src": ["https://player.vimeo.com"]}.
    """
    response._csp_config = {  # type: ignore[attr-defined]
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF, *after(form)] if form is not None else [NONE],
        "frame-ancestors": list(framers) or [NONE],
        **{directive: list(origins) for directive, origins in (shows or {}).items()},
    }
    if framers:
        response.xframe_options_exempt = True  # it knows no list of websites


def framers(form: Form) -> list[str]:
    """Websites that may show the form in a frame: those that may post it, and our own admin."""
    origins = forms.origins(form)
    return [SELF, *origins] if origins else ["*"]


def after(form: Form | None) -> list[str]:
    """The website of a form's own thank-you page: browsers hold a form's redirect to the policy too."""
    parts = urlsplit(form.thank_you_url if form is not None else "")
    return [f"{parts.scheme}://{parts.netloc}"] if parts.scheme in ("http", "https") else []
