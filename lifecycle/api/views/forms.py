"""The public door: a form of a website comes in, as JSON or as a browser posts it."""

import logging
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leads import actions, forms
from leads.models import Form, Workspace
from lifecycle.api import cors, describe, examples
from lifecycle.api.limited import enforce, enforce_ip
from lifecycle.api.parsers import FormBody, JSONBody, MultipartBody
from lifecycle.api.problems import invalid
from lifecycle.api.serializers.forms import AcceptedSerializer, SubmissionSerializer
from lifecycle.api.views.thanks import strict
from lifecycle.core import clock

logger = logging.getLogger(__name__)
HONEYPOT = "website_url"
LONGEST_KEY = 200


class SeeOther(HttpResponseRedirect):
    status_code = 303


class Submissions(APIView):
    """What a person sent through a form: JSON, or posted by a browser, which then gets 303 to the thank-you page.

    The answer never tells whether the person was known. The same `Idempotency-Key` again, or a double click, has one
    effect. UTM values, click ids and the referrer become a touch; the first touch of a person never changes. Fields
    that the form does not define are kept with the submission. A filled `website_url`, which people never see, marks a
    robot: the answer is the same and nothing happens.
    """

    authentication_classes = []
    permission_classes = []
    parser_classes = [JSONBody, FormBody, MultipartBody]
    more_errors = {"POST": ("409",)}

    @extend_schema(
        parameters=[OpenApiParameter("Idempotency-Key", str, "header", description="Names this submission.")]
    )
    @describe.writing(
        "forms_submit",
        "Send a form",
        sent=SubmissionSerializer,
        body=examples.SUBMISSION,
        answers={201: (AcceptedSerializer, "Stored.", examples.ACCEPTED)},
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        now = clock.now()
        cors.check(request)
        enforce_ip("form ip", request, now=now)
        enforce("form", slug, now=now)
        opened = forms.active(slug)
        if opened is None:
            raise Http404
        form = opened.form
        data = dict(request.data)
        if is_form(request):
            data = answers(form, data)
        if data.pop(HONEYPOT, ""):
            logger.info("dropped a robot's post to the form %s", slug)
        else:
            enforce("form address", str(data.get("email", "")).strip().lower()[:254], now=now)
            actions.capture(actions.FormPost(slug, data, idempotency_key(request)), opened=opened, now=now)
        return accepted(request, form)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        return Response(status=204, headers=cors.PREFLIGHT)

    def handle_exception(self, exc: Exception) -> Any:
        """A browser's form gets a page that says what to mend, a program the envelope."""
        answer = super().handle_exception(exc)
        return refused(self.request, answer) if wants_a_page(self.request) else answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        for name, value in cors.headers(request).items():
            final[name] = value
        return final


def is_form(request: Request) -> bool:
    return str(request.content_type).startswith(("application/x-www-form-urlencoded", "multipart/form-data"))


def answers(form: Form, body: Mapping[str, Any]) -> dict[str, Any]:
    """A form's body; of a field that came several times the last counts, unless the form asks for several."""
    several = {field.get("name") for field in form.fields if field.get("type") == "multiselect"}
    return {
        name: value[-1] if isinstance(value, list) and value and name not in several else value
        for name, value in body.items()
    }


def idempotency_key(request: Request) -> str | None:
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "").strip()
    if len(key) > LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise invalid(**{"Idempotency-Key": f"At most {LONGEST_KEY} printable ASCII characters."})
    return key or None


def wants_a_page(request: Request) -> bool:
    """Whether a browser posted the form itself, instead of a script or a program."""
    return is_form(request) and request._request.get_preferred_type(["application/json", "text/html"]) == "text/html"


def accepted(request: Request, form: Form) -> HttpResponseBase:
    following = form.thank_you_url or request.build_absolute_uri(reverse("thanks", args=[form.slug]))
    if wants_a_page(request):
        return SeeOther(following)
    return Response({"status": "accepted", "next": following}, status=201)


def refused(request: Request, answer: Response) -> HttpResponseBase:
    """The envelope as a page, with the same status and headers."""
    page = error_page(request._request, answer.data["error"])
    page.status_code = answer.status_code
    for name, value in answer.items():
        if name != "Content-Type":
            page[name] = value
    return page


@strict
def error_page(request: HttpRequest, error: dict[str, Any]) -> HttpResponse:
    return render(request, "forms/refused.html", {"error": error, "workspace": Workspace.load()})
