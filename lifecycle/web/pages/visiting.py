"""Who looks at a landing page: a browser that may be counted, one that asks not to be, or no browser at all.

The one cookie holds a random number, belongs to landing pages only (path /p/), and names nobody. A browser that sends
Do-Not-Track or Global Privacy Control gets none: it always sees the variant with most weight, and its visit counts as
a view only.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from leads.models import Workspace
from leads.pages.counting import browser_hash
from lifecycle.core.machines import machine

COOKIE = "landing"
KEPT = timedelta(days=180)
SNIPPET_COOKIE = "lc_id"
_SNIPPETS = re.compile(r"[\w-]{8,120}", re.ASCII)
_OURS = re.compile(r"[\w-]{22}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visit:
    """`browser`: its hash, "" for one without a cookie. `cookie`: to be set, "" for none."""

    browser: str
    cookie: str
    counts: bool


def visit(request: HttpRequest, workspace: Workspace, *, is_staff: bool) -> Visit:
    """What to make of this request. Machines and colleagues see the page and are not counted."""
    if is_staff or not is_person(request):
        return Visit("", "", counts=False)
    if wants_no_tracking(request):
        return Visit("", "", counts=True)
    sent = request.COOKIES.get(COOKIE, "")
    cookie = sent if _OURS.fullmatch(sent) else token_urlsafe(16)
    return Visit(browser_hash(cookie, key=workspace.address_key), cookie, counts=True)


def is_person(request: HttpRequest) -> bool:
    """A browser in somebody's hands, as far as its headers tell. All of them call themselves Mozilla."""
    agent = request.headers.get("User-Agent", "")
    ahead = request.headers.get("Sec-Purpose", "").startswith("prefetch")
    return agent.startswith("Mozilla/") and not ahead and not machine(str(request.method), agent)


def wants_no_tracking(request: HttpRequest) -> bool:
    return request.headers.get("DNT") == "1" or request.headers.get("Sec-GPC") == "1"


def known_as(request: HttpRequest) -> dict[str, str]:
    """The id that the tracking snippet gave this browser, so that its past joins without a script too."""
    sent = request.COOKIES.get(SNIPPET_COOKIE, "")
    return {"anonymous_id": sent} if _SNIPPETS.fullmatch(sent) else {}


def remember(response: HttpResponse, cookie: str) -> None:
    """Give the browser its number for another while."""
    if cookie:
        response.set_cookie(
            COOKIE, cookie, max_age=KEPT, path="/p/", secure=settings.HTTPS, httponly=True, samesite="Lax"
        )
