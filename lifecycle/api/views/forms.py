"""The public door: a form of a website comes in, as JSON or as a browser posts it."""

import logging
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from leads import actions, following, forms, pace
from leads.doors import form_page
from leads.forms import OpenForm
from leads.hosting import HONEYPOT
from leads.models import Form
from leads.pace import Pace
from lifecycle.api import cors, describe, examples
from lifecycle.api.limited import enforce, enforce_ip
from lifecycle.api.parsers import FormBody, JSONBody, MultipartBody
from lifecycle.api.problems import invalid
from lifecycle.api.serializers.forms import AcceptedSerializer, SubmissionSerializer
from lifecycle.api.views import form_pages
from lifecycle.core import clock

logger = logging.getLogger(__name__)
LONGEST_KEY = 200
IDEMPOTENCY_KEY = OpenApiParameter("Idempotency-Key", str, "header", description="Names this submission.")
OLD = "This page has been open for a long time. Nothing is lost: please send it again."
OLD_FOR_PROGRAMS = "The form was shown more than a day ago, or its signed time is missing. Please load the form again."


class SeeOther(HttpResponseRedirect):
    status_code = 303


class FormDoor(APIView):
    """What all doors share that take a form of a website: limits, origins, robots, and errors as people read them."""

    authentication_classes = []
    permission_classes = []
    parser_classes = [JSONBody, FormBody, MultipartBody]
    more_errors = {"POST": ("403", "409")}
    door = "form"
    opened: OpenForm | None = None
    sent: Mapping[str, Any] | None = None

    def slug(self) -> str:
        """Of the form behind this address."""
        return str(self.kwargs.get("slug", ""))

    def received(self, request: Request) -> tuple[OpenForm, actions.FormPost | None]:
        """The form and what was posted to it, within the limits and from a website that may; None is a robot's."""
        now, slug = clock.now(), self.slug()
        enforce_ip("form ip", request, now=now)
        enforce("form", slug, now=now)
        self.opened = opened = forms.active(slug)
        if opened is None:
            raise Http404
        form = opened.form
        cors.check(request, form)
        self.sent = data = answers(form, dict(request.data)) if is_form(request) else dict(request.data)
        if is_robot(data, form, is_page=wants_a_page(request)):
            return opened, None
        enforce("form address", str(data.get("email", "")).strip().lower()[:254], now=now)
        given = {name: value for name, value in data.items() if name not in (HONEYPOT, pace.FIELD)}
        agent = request.META.get("HTTP_USER_AGENT", "")[:500]
        return opened, actions.FormPost(slug, given, idempotency_key(request), agent, self.door)

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        self.opened = forms.active(self.slug())
        return Response(status=204, headers=cors.PREFLIGHT)

    def handle_exception(self, exc: Exception) -> Any:
        """A browser's form gets a page that says what to mend, a program the envelope."""
        answer = super().handle_exception(exc)
        if not wants_a_page(self.request):
            return answer
        if isinstance(exc, Throttled) and self.opened is None:
            self.opened, self.sent = self.glance()
        return self.refused(answer)

    def refused(self, answer: Response) -> HttpResponseBase:
        return form_pages.refused(self.request, answer, self.opened, self.sent, now=clock.now())

    def glance(self) -> tuple[OpenForm | None, Mapping[str, Any] | None]:
        """The form and the body of a post that was refused before they were looked at."""
        opened = forms.active(self.slug())
        try:
            return opened, answers(opened.form, dict(self.request.data)) if opened else None
        except APIException:
            return opened, None

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        for name, value in cors.headers(request, self.opened.form if self.opened else None).items():
            final[name] = value
        return final


class Submissions(FormDoor):
    """What a person sent through a form: JSON, or posted by a browser, which then gets 303 to the thank-you page.

    The answer never tells whether the person was known. The same `Idempotency-Key` again, or a double click, has one
    effect. UTM values, click ids and the referrer become a touch; the first touch of a person never changes. Fields
    that the form does not define are kept with the submission. A filled `website_url`, which people never see, marks a
    robot, and so does a post that comes sooner than a person can write: the answer is the same and nothing happens.
    A form with double opt-in starts nothing until the person confirms by the link in a mail.
    """

    @extend_schema(parameters=[IDEMPOTENCY_KEY])
    @describe.writing(
        "forms_submit",
        "Send a form",
        sent=SubmissionSerializer,
        body=examples.SUBMISSION,
        answers={201: (AcceptedSerializer, "Stored.", examples.ACCEPTED)},
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        opened, post = self.received(request)
        if post is None:
            return self.accepted(opened.form, following.NOBODY)
        captured = actions.capture(post, opened=opened, now=clock.now())
        return self.accepted(opened.form, captured.lead_id)

    def accepted(self, form: Form, lead_id: int) -> HttpResponseBase:
        request = self.request._request
        path = following.of(form, lead_id, framed=form_page.is_framed(request), now=clock.now())
        next_url = request.build_absolute_uri(path)
        if wants_a_page(self.request):
            return SeeOther(next_url)
        return Response({"status": "accepted", "next": next_url}, status=201)


def is_form(request: Request) -> bool:
    return str(request.content_type).startswith(("application/x-www-form-urlencoded", "multipart/form-data"))


def answers(form: Form, body: Mapping[str, Any]) -> dict[str, Any]:
    """A form's body; of a field that came several times the last counts, unless the form asks for several."""
    several = {field.get("name") for field in form.fields if field.get("type") == "multiselect"}
    return {
        name: value[-1] if isinstance(value, list) and value and name not in several else value
        for name, value in body.items()
    }


def is_robot(data: Mapping[str, Any], form: Form, *, is_page: bool) -> bool:
    """Whether no person sent it. A post whose signed time is too old, or missing where it is needed, is refused."""
    found = pace.judge(data.get(pace.FIELD), form, now=clock.now())
    if data.get(HONEYPOT) or found is Pace.HASTY:
        why = "it filled in what people do not see" if data.get(HONEYPOT) else f"sooner than {form.min_seconds} s"
        logger.info("dropped a robot's post to the form %s: %s", form.slug, why)
        return True
    if found is Pace.STALE or (found is Pace.UNSIGNED and form.require_render_time):
        raise invalid(non_field_errors=OLD if is_page else OLD_FOR_PROGRAMS)
    return False


def idempotency_key(request: Request) -> str | None:
    key = request.META.get("HTTP_IDEMPOTENCY_KEY", "").strip()
    if len(key) > LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise invalid(**{"Idempotency-Key": f"At most {LONGEST_KEY} printable ASCII characters."})
    return key or None


def wants_a_page(request: Request) -> bool:
    """Whether a browser posted the form itself, instead of a script or a program."""
    return is_form(request) and request._request.get_preferred_type(["application/json", "text/html"]) == "text/html"
