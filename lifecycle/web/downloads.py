"""/f/{token}: a lead magnet for the person whose link it is. Files are served here and nowhere else."""

import logging
from typing import Any

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leads import magnet_files, magnets
from leads.models import Magnet
from lifecycle.core import clock
from lifecycle.core.machines import machine
from lifecycle.web.pages.finding import way_to
from lifecycle.web.sorry import drawn as apology

logger = logging.getLogger(__name__)

POLICY = {
    "default-src": [NONE],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
strict: Any = csp(POLICY)
INCOMPLETE = (
    "This link is not complete",
    "Copy it from the email once more, up to its last letter.",
)
GONE = ("This file is not offered any more", "It was taken back, or your data were deleted here as you asked.")
LATE = ("This link has expired", "Links to files work for a few days. A fresh one takes a moment.")
MISSING = ("We cannot find the file", "That is our mistake. Please try again later, or write to us.")


@never_cache
@strict
@require_safe
def download(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file as an attachment; a page that says what to do when there is none to give."""
    now = clock.now()
    opened = magnets.opened(token, now=now)
    if opened is None:
        return sorry(request, INCOMPLETE, status=404)
    if opened.magnet is None:
        return sorry(request, GONE, status=410)
    if opened.is_late:
        return sorry(request, LATE, magnet=opened.magnet, status=410)
    handout = magnet_files.open_file(opened.magnet)
    if handout is None:
        logger.error("the file of the lead magnet %s is missing", opened.magnet.slug)
        return sorry(request, MISSING, status=404)
    why = machine(str(request.method), request.headers.get("User-Agent", ""))
    if not magnets.downloaded(opened.magnet, opened.lead_id, machine=why, now=now):
        handout.file.close()
        return sorry(request, GONE, status=410)
    return FileResponse(handout.file, as_attachment=True, filename=handout.name, content_type=handout.content_type)


def sorry(request: HttpRequest, words: tuple[str, str], *, status: int, magnet: Magnet | None = None) -> HttpResponse:
    """A page in plain words, with the way to a fresh link if there is one."""
    return apology(request, words, status=status, way=way_to(magnet) if magnet else None, magnet=magnet)
