"""What a browser is shown that posted a form itself: the form again with what is wrong, or why it cannot be taken."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request
from rest_framework.response import Response

from leads.doors import form_page, policy
from leads.forms import OpenForm
from leads.hosting import Given
from leads.models import Workspace

# Others stand for a post that the form could not take however it were written.
MENDABLE = (400, 409, 429, 503)


def refused(
    request: Request, answer: Response, opened: OpenForm | None, sent: Mapping[str, Any] | None, *, now: datetime
) -> HttpResponse:
    """The envelope as a page, with the same status and headers. Nothing that the person wrote is lost."""
    error, status = answer.data["error"], answer.status_code
    if opened is not None and sent is not None and status in MENDABLE:
        given = Given(sent, problems(answer), is_posted=True)
        page = form_page.page(request._request, opened, given, now=now, status=status)
    else:
        page = error_page(request._request, error, status)
    for name, value in answer.items():
        if name != "Content-Type":
            page[name] = value
    return page


def problems(answer: Response) -> dict[str, str]:
    """Of an envelope: field → what is wrong with it, "" for the whole."""
    error = answer.data["error"]
    found = {name: " ".join(texts) for name, texts in error["fields"].items()}
    return {**found, "": "" if found else error["message"]}


def error_page(request: HttpRequest, error: dict[str, Any], status: int) -> HttpResponse:
    context = {"error": error, "workspace": Workspace.load(), "framed": form_page.is_framed(request)}
    response = render(request, "web/refused.html", context, status=status)
    policy.guard(response, framers=["*"] if form_page.is_framed(request) else ())
    return response
