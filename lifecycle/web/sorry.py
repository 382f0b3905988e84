"""The page in plain words for a link, a form or a file that leads nowhere; the same for all visitors' pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from leads.models import Workspace


def drawn(
    request: HttpRequest, words: tuple[str, str], *, status: int, way: str | None = None, **more: object
) -> HttpResponse:
    """Title and text, with a way out: the company's website unless said otherwise. Its policy is the caller's."""
    workspace = Workspace.load()
    way = workspace.site_url if way is None else way
    context = {"title": words[0], "body": words[1], "workspace": workspace, "way": way, **more}
    return render(request, "web/sorry.html", context, status=status)
