"""Why something happened to a lead, or did not; and what comes next."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from leads.models import Lead
from lifecycle.api import describe, examples
from lifecycle.api.models import Scope
from lifecycle.api.problems import invalid
from lifecycle.api.serializers.why import AnswerSerializer, PlanSerializer, WhyQuerySerializer
from lifecycle.api.views.base import KeyView
from lifecycle.core import clock
from lifecycle.reports import why
from lifecycle.reports.future import plan_of


class Why(KeyView):
    """Sentences from the checks as they were stored, with the values they saw at that time."""

    scopes = {"GET": (Scope.LEADS_READ,)}
    serializer_class = AnswerSerializer

    @extend_schema(
        operation_id="leads_why",
        summary="Why this score, this stage, this mail or broadcast, or none",
        parameters=[WhyQuerySerializer],
        responses=AnswerSerializer,
        examples=[describe.shown(examples.WHY)],
    )
    def get(self, request: Request, lead_id: int) -> Response:
        lead = get_object_or_404(Lead.objects.select_related("company"), pk=lead_id)
        asked = WhyQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(AnswerSerializer(answer(lead, asked.validated_data)).data)


def answer(lead: Lead, asked: dict[str, Any]) -> why.Answer:
    if asked["about"] == "stage":
        return why.stage(lead)
    if asked["about"] == "score":
        return why.score(lead)
    try:
        if asked["about"] == "broadcast":
            return why.broadcast(lead, slug=asked["broadcast"], now=clock.now())
        return why.mail(lead, sequence=asked["sequence"], which=asked["mail"], now=clock.now())
    except why.NotThere as error:
        raise invalid(**{error.field: str(error)}) from error


class Plan(KeyView):
    """What the engine would do if nothing more happened: mails, waits that an event may shorten, ends."""

    scopes = {"GET": (Scope.LEADS_READ,)}
    serializer_class = PlanSerializer

    @extend_schema(
        operation_id="leads_plan",
        summary="What comes next",
        responses=PlanSerializer,
        examples=[describe.shown(examples.PLAN)],
    )
    def get(self, request: Request, lead_id: int) -> Response:
        lead = get_object_or_404(Lead.objects.only("pk"), pk=lead_id)
        return Response(PlanSerializer({"planned": plan_of(lead, now=clock.now())}).data)
