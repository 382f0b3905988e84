"""/c/ and /o/: a click is redirected to where the mail said at publish, an open gets its pixel."""

import base64

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from campaigns.models import Hit
from campaigns.sending import tracking
from campaigns.sending.tracking import Judgement, Mail, Request
from leads.reacting import react
from lifecycle.core import clock, tokens

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@csrf_exempt
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """302 to the link's destination; 404 for a token that is not ours."""
    read = tokens.read_click_token(token)
    mail = tracking.find(read.message_id) if read else None
    if read is None or mail is None or read.link_index >= len(mail.links):
        raise Http404("This link is not valid any more.")
    if _hit(request, mail, Hit.Kind.CLICK, read.link_index).human:
        react(mail.lead_id, now=clock.now())
    return HttpResponseRedirect(mail.destination(read.link_index))


@csrf_exempt
@require_safe
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    """Always the pixel, so that a mail never shows a broken image."""
    read = tokens.read_open_token(token)
    mail = tracking.find(read.message_id) if read else None
    if mail is not None:
        _hit(request, mail, Hit.Kind.OPEN, None)
    return HttpResponse(PIXEL, content_type="image/gif", headers={"Cache-Control": "no-store, private"})


def _hit(request: HttpRequest, mail: Mail, kind: str, link: int | None) -> Judgement:
    facts = Request(str(request.method), request.headers.get("User-Agent", "").replace("\0", ""))
    return tracking.record_hit(mail, kind=kind, link=link, request=facts, now=clock.now())
