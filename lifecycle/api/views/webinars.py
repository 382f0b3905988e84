"""Public doors: the webinars to come, and registering for one, as JSON or as a browser posts it."""

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from leads.hosting import Given
from lifecycle.api import cors, describe, examples
from lifecycle.api.pagination import CursorPages
from lifecycle.api.serializers.webinars import RegisteredSerializer, RegistrationSerializer, WebinarSerializer
from lifecycle.api.views import form_pages
from lifecycle.api.views.forms import IDEMPOTENCY_KEY, FormDoor, SeeOther, wants_a_page
from lifecycle.core import clock
from webinars import answering
from webinars.coming import come
from webinars.doors import webinar_page
from webinars.doors.webinar_page import Look
from webinars.models import Webinar
from webinars.taking import FORM


class PublicView(GenericAPIView):  # type: ignore[type-arg]
    """Everybody may read it, from any website."""

    authentication_classes = []
    permission_classes = []
    serializer_class = WebinarSerializer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        for name, value in cors.headers(request, None).items():
            final[name] = value
        return final


@describe.reading("webinars_list", "Webinars to come", {"results": [examples.WEBINAR], "next": None})
class Webinars(ListModelMixin, PublicView):
    """Those open for registration, the next one first, with the seats that are left."""

    pagination_class = CursorPages
    ordering: ClassVar[tuple[str, ...]] = ("starts_at", "id")

    def get_queryset(self) -> QuerySet[Webinar]:
        return Webinar.objects.upcoming(clock.now()).counted().prefetch_related("speakers")

    def get(self, request: Request) -> Response:
        return self.list(request)


@describe.reading("webinars_get", "One webinar", examples.WEBINAR)
class OneWebinar(PublicView):
    """A webinar by its code, also when it is over or canceled. A draft is not there yet."""

    def get(self, request: Request, code: str) -> Response:
        webinar = Webinar.objects.public(code).counted().prefetch_related("speakers").first()
        if webinar is None:
            raise Http404
        return Response(self.get_serializer(webinar).data)


class Registrations(FormDoor):
    """Register somebody: a seat, or a place on the waiting list when there is none. A form like any other.

    The answer never tells whether the person was known: the same person again has the same registration. Audience,
    UTM values, consent and limits are those of the form named `webinar`, whose fields these are. 409
    `registration_closed` once the webinar is over or was canceled. A browser's own form post gets 303 to the
    registration's page.
    """

    webinar: Webinar | None = None

    def slug(self) -> str:
        return FORM

    @property
    def door(self) -> str:  # type: ignore[override]
        return "page" if wants_a_page(self.request) else "api"

    @extend_schema(parameters=[IDEMPOTENCY_KEY])
    @describe.writing(
        "webinars_register",
        "Register for a webinar",
        sent=RegistrationSerializer,
        body=examples.REGISTRATION,
        answers={201: (RegisteredSerializer, "Registered, or waiting for a seat.", examples.REGISTERED)},
    )
    def post(self, request: Request, code: str) -> HttpResponseBase:
        self.webinar = webinar = Webinar.objects.public(code).prefetch_related("speakers").first()
        if webinar is None:
            raise Http404
        opened, post = self.received(request)
        came = come(webinar, post, opened=opened, now=clock.now()) if post else answering.NOBODY
        answer = answering.answer(webinar, came)
        if wants_a_page(request):
            return SeeOther(answer["page_url"].removeprefix(settings.SITE_URL))  # under whatever name we are known
        return Response(answer, status=201)

    def refused(self, answer: Response) -> HttpResponseBase:
        """The webinar's own page again, with what to mend or why it cannot be."""
        if self.webinar is None or self.sent is None or answer.status_code not in form_pages.MENDABLE:
            return form_pages.error_page(self.request._request, answer.data["error"], answer.status_code)
        look = Look(Given(self.sent, form_pages.problems(answer), is_posted=True), status=answer.status_code)
        return webinar_page.page(self.request._request, self.webinar, look, now=clock.now())
