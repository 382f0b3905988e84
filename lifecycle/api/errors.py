"""One envelope for every error: {"error": {"code", "message", "fields"}}."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework.exceptions import APIException, MethodNotAllowed, NotFound, ParseError, Throttled, ValidationError
from rest_framework.exceptions import PermissionDenied as Refused
from rest_framework.response import Response
from rest_framework.views import set_rollback

from campaigns import actions as campaigns
from leads import actions, stages
from lifecycle.api.problems import Conflict, Unavailable, invalid
from lifecycle.core.answers import envelope
from webinars import registering as webinars

logger = logging.getLogger(__name__)
INVALID = "Some fields are not right."
ALL = "non_field_errors"


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response:
    """The answer to any exception of an API view; what nobody foresaw is logged and answered without details."""
    set_rollback()
    problem = _known(exc)
    if problem is None:
        request = context["request"]._request
        logger.error("the API failed at %s", request.path, exc_info=exc)
        got_request_exception.send(sender=None, request=request)
        return Response(envelope("internal", "Something went wrong here. It is logged; please try again."), status=500)
    return Response(_body(problem), status=problem.status_code, headers=_headers(problem))


def _known(exc: Exception) -> APIException | None:
    for kind, translate in FORESEEN:
        if isinstance(exc, kind):
            return translate(exc)
    return None


def _unavailable(exc: Exception) -> APIException:
    logger.error("the database did not answer the API", exc_info=exc)
    return Unavailable()


# The errors of those below us, in the words of HTTP.
FORESEEN: list[tuple[type[Exception], Callable[[Any], APIException]]] = [
    (APIException, lambda exc: exc),
    (actions.CaptureError, lambda exc: invalid(**exc.fields)),  # EventError and LeadError are the same class
    (actions.CaptureConflict, lambda exc: Conflict(str(exc), code="idempotency_conflict")),
    (stages.IllegalMove, lambda exc: Conflict(str(exc), code="illegal_move")),
    (actions.UnknownForm, lambda exc: NotFound(str(exc))),
    (campaigns.SequenceNotFound, lambda exc: NotFound("There is no such sequence.")),
    (webinars.RegistrationClosed, lambda exc: Conflict(str(exc), code="registration_closed")),
    (webinars.UnknownWebinar, lambda exc: NotFound(str(exc))),
    (ObjectDoesNotExist, lambda exc: NotFound()),
    (Http404, lambda exc: NotFound()),
    (PermissionDenied, lambda exc: Refused()),
    (SuspiciousOperation, lambda exc: ParseError("The request is malformed.")),
    (OperationalError, _unavailable),
    (InterfaceError, _unavailable),
]


def _headers(problem: APIException) -> dict[str, str]:
    headers = {}
    if auth_header := getattr(problem, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(problem, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def _body(problem: APIException) -> dict[str, Any]:
    if isinstance(problem, ValidationError):
        fields = flat(problem.detail)
        general = fields.pop(ALL, [])
        message = " ".join(general) if general and not fields else INVALID
        return envelope("invalid", message, fields)
    if isinstance(problem, Throttled):
        return envelope("throttled", f"Too many requests. Try again in {_headers(problem)['Retry-After']} s.")
    if isinstance(problem, MethodNotAllowed):
        return envelope("method_not_allowed", str(problem.detail))
    codes = problem.get_codes()
    return envelope(codes if isinstance(codes, str) else problem.default_code, str(problem.detail))


def flat(detail: Any, path: str = "") -> dict[str, list[str]]:
    """A serializer's nested errors as dotted field names with lists of sentences."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            below = path if name == ALL and path else f"{path}.{name}" if path else str(name)
            for key, problems in flat(inner, below).items():
                found.setdefault(key, []).extend(problems)
        return found
    if isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        return flat({str(index): inner for index, inner in enumerate(detail) if inner}, path)
    return {path or ALL: [str(problem) for problem in detail] if isinstance(detail, list) else [str(detail)]}
