"""POST /webhooks/SLUG/ and /webhooks/in/SLUG/: what other systems tell us, answered in JSON."""

import logging
import re
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from lifecycle.core import clock
from lifecycle.core.answers import refusal
from lifecycle.integrations import bodies, inbound, refusals, registry
from lifecycle.integrations.contract import Call, Refused

logger = logging.getLogger(__name__)

NAME = re.compile(r"[-a-zA-Z0-9_]+")
# What is over the limit is read to some end, or its sender never hears why it was refused.
MOST_HEARD = 8 * 1024 * 1024
CHUNK = 64 * 1024


@csrf_exempt  # the signature is what lets it in
def vendor(request: HttpRequest, slug: str) -> JsonResponse:
    """A sender that has a folder here: calendly, stripe, zoom."""
    return _answered(request, slug if NAME.fullmatch(slug) else "")


@csrf_exempt
def source(request: HttpRequest, slug: str) -> JsonResponse:
    """A sender that somebody set up in the admin."""
    return _answered(request, f"webhook:{slug}" if NAME.fullmatch(slug) else "")


def _answered(request: HttpRequest, slug: str) -> JsonResponse:
    if request.method != "POST":
        problem = Refused(405, "method_not_allowed", "Webhooks are sent with POST.")
        return _refusal(problem, Allow="POST")
    try:
        return _taken(request, slug)
    except Refused as problem:
        return _refusal(problem)
    except (OperationalError, InterfaceError) as error:
        logger.error("the database did not answer a webhook of %s: %s", slug, type(error).__name__)
        message = "Not at the moment; nothing was stored. Please send it again in a few seconds."
        return _refusal(Refused(503, "unavailable", message), **{"Retry-After": "5"})


def _taken(request: HttpRequest, slug: str) -> JsonResponse:
    now = clock.now()
    provider = registry.get(slug)
    if provider is None:
        raise Refused(404, "not_found", "There is no such sender here.")
    try:
        call = Call(_received(request), {name.lower(): value for name, value in request.headers.items()}, now)
        answer = inbound.accept(provider, call, now=now)
    except Refused as problem:
        refusals.count(provider.slug, problem.code, now=now)
        raise
    if answer.inbox_id is not None:
        inbound.process_at_once(answer.inbox_id, now=now)
    return JsonResponse(dict(answer.body))


def _received(request: HttpRequest) -> bytes:
    """The body as it came, or one byte more than is taken."""
    try:
        body: bytes = request.read(bodies.LARGEST + 1)
        left = MOST_HEARD if len(body) > bodies.LARGEST else 0
        while left > 0 and (chunk := request.read(min(left, CHUNK))):
            left -= len(chunk)
    except UnreadablePostError:
        raise Refused(400, "malformed", "The body ended early.") from None
    return body


def _refusal(problem: Refused, **headers: Any) -> JsonResponse:
    return refusal(problem.code, problem.message, status=problem.status, headers=headers)
