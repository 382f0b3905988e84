"""The page a person sees after a form, when the form names none of its own."""

from typing import Any

import minijinja
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leads import following
from leads.doors import form_page, policy
from leads.models import Form, Workspace
from lifecycle.core import clock

SHOWN = ("name", "site_url", "booking_url", "docs_url", "pricing_url", "app_url")


@require_safe
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """The form's own words, and its file for whom the address is signed. Says nothing of the person who sent it."""
    form = get_object_or_404(Form.objects.select_related("magnet"), slug=slug)
    file_url = following.file_url(form, request.GET.get(following.FILE, ""), now=clock.now())
    return page(request, form, "web/check_inbox.html" if form.double_opt_in else "web/thanks.html", file_url)


def page(request: HttpRequest, form: Form, template: str, file_url: str = "") -> HttpResponse:
    """A page of the form's thanks, also inside a frame; its parent is told that the form is sent."""
    workspace, framed = Workspace.load(), form_page.is_framed(request)
    context = {
        "form": form,
        "page": filled(form.thank_you, workspace),
        "workspace": workspace,
        "framed": framed,
        "file_url": file_url,
        "next": "" if form.double_opt_in else form.thank_you_url,
    }
    response = render(request, template, context)
    policy.guard(response, framers=policy.framers(form) if framed else ())
    response["Referrer-Policy"] = "no-referrer"  # the address may carry the file's signature
    return response


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
