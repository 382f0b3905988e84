"""/c/ and /o/: a click is redirected to where the mail said at publish, an open gets its pixel."""

import base64

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from campaigns.models import Hit, Message
from campaigns.tracking import Judgement, Request, record_hit
from leads.pipeline import process_at_once
from lifecycle.core import clock, tokens

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@csrf_exempt
@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """302 to the link's destination; 404 for a token that is not ours."""
    read = tokens.read_click_token(token)
    message = _message(read.message_id) if read else None
    links = message.template_version.compiled["links"] if message else []
    if read is None or message is None or read.link_index >= len(links):
        raise Http404("This link is not valid any more.")
    if _hit(request, message, Hit.Kind.CLICK, read.link_index).human:
        process_at_once(message.lead_id, now=clock.now())
    return HttpResponseRedirect(links[read.link_index])


@csrf_exempt
@require_safe
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    """Always the pixel, so that a mail never shows a broken image."""
    read = tokens.read_open_token(token)
    message = _message(read.message_id) if read else None
    if message is not None:
        _hit(request, message, Hit.Kind.OPEN, None)
    return HttpResponse(PIXEL, content_type="image/gif", headers={"Cache-Control": "no-store, private"})


def _message(message_id: int) -> Message | None:
    return Message.objects.select_related("sequence", "broadcast_run__broadcast").filter(pk=message_id).first()


def _hit(request: HttpRequest, message: Message, kind: str, link: int | None) -> Judgement:
    facts = Request(str(request.method), request.headers.get("User-Agent", "").replace("\0", ""))
    return record_hit(message, kind=kind, link=link, request=facts, now=clock.now())
