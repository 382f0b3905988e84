"""What tracking calls are answered: JSON in the API's envelope, readable by the page that asked."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import msgspec
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import Throttled

from lifecycle.core.answers import envelope

logger = logging.getLogger(__name__)
METHODS = "POST, OPTIONS"
LONGEST_HEADERS = 500

View = Callable[..., HttpResponse]


class Refused(Exception):
    """A delivery that is not taken: status, code and message of the answer, and what the answer's headers add."""

    def __init__(
        self, status: int, code: str, message: str, *, fields: dict[str, list[str]] | None = None, **headers: str
    ) -> None:
        self.status, self.body, self.headers = status, envelope(code, message, fields), headers
        super().__init__(message)


def door(view: View) -> View:
    """POST alone, whatever page it comes from; every problem is answered in the envelope."""

    @csrf_exempt
    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            return _preflight(request)
        if request.method != "POST":
            refused = Refused(405, "method_not_allowed", "Tracking calls are sent with POST.", Allow=METHODS)
            return _refusal(request, refused)
        try:
            return readable(request, view(request, *args, **kwargs))
        except Refused as refused:
            return _refusal(request, refused)
        except Throttled as problem:
            return _refusal(request, _throttled(int(getattr(problem, "wait", None) or 1)))
        except (OperationalError, InterfaceError):
            logger.exception("the database did not answer a tracking call")
            message = "Not at the moment; nothing was stored. Please try again in a few seconds."
            return _refusal(request, Refused(503, "unavailable", message, Retry_After="5"))
        except Exception:
            logger.exception("a tracking call failed at %s", request.path)
            got_request_exception.send(sender=None, request=request)
            message = "Something went wrong here. It is logged; please try again."
            return _refusal(request, Refused(500, "internal", message))

    return answering


def told(body: object, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), content_type="application/json", status=status)


def readable(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the page that asks read the answer. Nothing of it depends on cookies, so this gives nothing away."""
    response["Vary"] = "Origin"
    if origin := request.META.get("HTTP_ORIGIN"):
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"  # sendBeacon insists
        response["Access-Control-Expose-Headers"] = "Retry-After, X-RateLimit-Reset"
    return response


def _preflight(request: HttpRequest) -> HttpResponse:
    """Any page may ask: which key it carries, and whether that allows its origin, shows with the call itself."""
    response = readable(request, HttpResponse(status=204))
    asked = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    response["Allow"] = response["Access-Control-Allow-Methods"] = METHODS
    response["Access-Control-Allow-Headers"] = (
        asked[:LONGEST_HEADERS] or "authorization, content-encoding, content-type"
    )
    response["Access-Control-Max-Age"] = "86400"
    return response


def _refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    response = told(refused.body, refused.status)
    for name, value in refused.headers.items():
        response[name.replace("_", "-")] = value
    return response if refused.body["error"]["code"] == "origin_refused" else readable(request, response)


def _throttled(wait: int) -> Refused:
    """Browsers' SDKs look for X-RateLimit-Reset, the others for Retry-After."""
    message = f"Too many requests. Try again in {wait} s."
    return Refused(429, "throttled", message, Retry_After=str(wait), X_RateLimit_Reset=str(wait))
