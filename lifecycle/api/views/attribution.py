"""Which touches led to what was won, for programs and for spreadsheets."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from leads.models import Workspace
from lifecycle.api import describe
from lifecycle.api.models import Scope
from lifecycle.api.problems import invalid
from lifecycle.api.serializers.attribution import AttributionSerializer
from lifecycle.api.views.base import KeyView
from lifecycle.reports.attribution import Asking, Report, attribution, telling

FORMATS = ("json", "csv")
EXAMPLE: dict[str, Any] = {
    "settings": {
        "conversion": "purchase",
        "by": "campaign",
        "models": ["first", "last"],
        "from": "2026-03-01T00:00:00Z",
        "to": "2026-04-01T00:00:00Z",
        "currency": "",
        "lookback_days": 90,
        "half_life_days": 7,
        "direct": "count",
        "audience_type": "",
        "primary_audience": "",
    },
    "totals": [{"currency": "EUR", "conversions": 3, "paid": "347.00", "refunded": "49.00", "net": "298.00"}],
    "rows": [
        {
            "value": "spring-2026",
            "label": "spring-2026",
            "currency": "EUR",
            "credits": {
                "first": {"amount": "249.00", "conversions": "2.000000"},
                "last": {"amount": "99.00", "conversions": "1.000000"},
            },
        },
        {
            "value": None,
            "label": "Unattributed",
            "currency": "EUR",
            "credits": {
                "first": {"amount": "49.00", "conversions": "1.000000"},
                "last": {"amount": "199.00", "conversions": "2.000000"},
            },
        },
    ],
    "notes": [],
}


def parameters() -> Iterator[OpenApiParameter]:
    """The questions that may be asked, as the form checks them."""
    for name, field in Asking(workspace=Workspace()).fields.items():
        choices = [value for value, _ in getattr(field, "choices", []) if value]
        is_number = name == "lookback"
        yield OpenApiParameter(
            name,
            OpenApiTypes.INT if is_number else OpenApiTypes.STR,
            description=str(field.help_text),
            enum=choices or None,
            default=field.initial or None,
        )
    yield OpenApiParameter("format", OpenApiTypes.STR, enum=FORMATS, default="json", description="json or csv.")


class Attribution(KeyView):
    """Credit by model and row. In every model the credits of a currency sum exactly to what was paid less refunds.

    Figures in different currencies are never added up. What no touch led to within the lookback is the row
    “Unattributed”. `format=csv` answers the same rows as a file.
    """

    scopes = {"GET": (Scope.REPORTS_READ,)}
    serializer_class = AttributionSerializer

    @extend_schema(
        operation_id="reports_attribution",
        summary="What led to revenue, bookings and stages, by six models",
        parameters=list(parameters()),
        responses={(200, "application/json"): AttributionSerializer, (200, "text/csv"): OpenApiResponse(str)},
        examples=[describe.shown(EXAMPLE)],
    )
    def get(self, request: Request) -> HttpResponseBase:
        asking = Asking(request.query_params, workspace=Workspace.load())
        wanted = check(asking, request)
        report = attribution(asking.question())
        if wanted == "csv":
            return as_file(report)
        return Response(AttributionSerializer(telling.as_json(report)).data)


def check(asking: Asking, request: Request) -> str:
    """The format that is wanted; a 400 names what does not read, and what nobody knows."""
    for name in request.query_params:
        if name not in asking.fields and name != "format":
            raise invalid(**{name: f"There is no such filter here; there are: {', '.join(asking.fields)}, format."})
    wanted = request.query_params.get("format", "json")
    if wanted not in FORMATS:
        raise invalid(format="Ask for json or csv.")
    if not asking.is_valid():
        raise ValidationError({name: [str(each) for each in problems] for name, problems in asking.errors.items()})
    return wanted


def as_file(report: Report) -> HttpResponse:
    response = HttpResponse(telling.as_csv(report), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="attribution.csv"'
    return response
