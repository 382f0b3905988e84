"""Reports for programs."""

from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.api import describe, examples
from lifecycle.api.models import Scope
from lifecycle.api.serializers.reports import ExperimentsSerializer
from lifecycle.api.views.base import KeyView
from lifecycle.core import clock
from lifecycle.reports.experiments import control_groups, experiments


@describe.reading("reports_experiments", "Which mail works better, and whether mail works", examples.EXPERIMENTS)
class Experiments(KeyView):
    """Every comparison of variants, and every sequence that holds a control group out, with intervals and words."""

    scopes = {"GET": (Scope.REPORTS_READ,)}
    serializer_class = ExperimentsSerializer

    def get(self, request: Request) -> Response:
        found = {"experiments": experiments(now=clock.now()), "holdouts": control_groups()}
        return Response(self.get_serializer(found).data)
