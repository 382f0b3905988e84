"""The page a person sees after a form, when the form names none of its own."""

from typing import Any

import minijinja
from csp.constants import NONE, SELF
from csp.decorators import csp
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leads.models import Form, Workspace

STRICT = {
    "default-src": [NONE],
    "style-src": [SELF],
    "img-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
strict: Any = csp(STRICT)
SHOWN = ("name", "site_url", "booking_url", "docs_url", "pricing_url", "app_url")


@require_safe
@strict
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """The form's own words. Says nothing of the person who sent it."""
    form = get_object_or_404(Form, slug=slug)
    workspace = Workspace.load()
    return render(request, "forms/thanks.html", {"page": filled(form.thank_you, workspace), "workspace": workspace})


def filled(thank_you: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """Title, body and next steps with {{ workspace.… }} filled in; a step without a web address is left out."""
    engine = minijinja.Environment(fuel=2_000, pycompat=False)
    known = {"workspace": {name: getattr(workspace, name) for name in SHOWN}}

    def fill(text: object) -> str:
        try:
            return engine.render_str(str(text or ""), **known)
        except minijinja.TemplateError:
            return str(text)

    steps = [
        {"label": fill(step.get("label")), "url": fill(step.get("url"))} for step in thank_you.get("next_steps", [])
    ]
    return {
        "title": fill(thank_you.get("title")) or "Thank you",
        "body": fill(thank_you.get("body")) or "We have received it.",
        "next_steps": [step for step in steps if step["url"].startswith(("https://", "http://"))],
    }
