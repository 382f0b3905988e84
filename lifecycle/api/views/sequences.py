"""Sequences and segments, and the door into a sequence."""

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import actions as campaigns
from campaigns.models import Sequence
from leads import actions as leads
from leads import segments
from leads.models import Segment
from leads.rule_fields import VOCABULARY
from lifecycle.api import describe, examples
from lifecycle.api.models import Scope
from lifecycle.api.serializers.campaigns import (
    EnrolledSerializer,
    EnrollSerializer,
    PreviewSerializer,
    RuleSerializer,
    SegmentSerializer,
    SequenceSerializer,
)
from lifecycle.api.views.base import KeyView
from lifecycle.core import clock
from lifecycle.core.rules import RuleError, parse


@describe.reading("sequences_list", "All sequences", examples.SEQUENCE)
class Sequences(ListModelMixin, KeyView):
    """Newest first, drafts and stopped ones included."""

    scopes = {"GET": (Scope.SEQUENCES_WRITE, Scope.LEADS_READ)}
    queryset = Sequence.objects.select_related("group", "current_version")
    serializer_class = SequenceSerializer

    def get(self, request: Request) -> Response:
        return self.list(request)


@describe.reading("segments_list", "All segments", examples.SEGMENT)
class Segments(ListModelMixin, KeyView):
    """Newest first, with their rules."""

    scopes = {"GET": (Scope.LEADS_READ,)}
    queryset = Segment.objects.all()
    serializer_class = SegmentSerializer

    def get(self, request: Request) -> Response:
        return self.list(request)


class SegmentPreview(KeyView):
    """Counts and names people as the rule would find them now; nothing is written."""

    scopes = {"POST": (Scope.LEADS_READ,)}
    serializer_class = RuleSerializer

    @describe.writing(
        "segments_preview",
        "Try a rule",
        sent=RuleSerializer,
        body={"rule": {"event": "pricing.viewed", "at_least": 3, "within": "7d"}},
        answers={200: (PreviewSerializer, "Whom the rule holds for.", examples.SEGMENT_PREVIEW)},
    )
    def post(self, request: Request) -> Response:
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            rule = parse(sent.validated_data["rule"], VOCABULARY)
        except RuleError as error:
            raise ValidationError({"rule": [str(problem) for problem in error.problems]}) from error
        return Response(PreviewSerializer(segments.preview(rule, now=clock.now())).data)


class Enroll(KeyView):
    """The sequence's filters, re-entry rule and exclusive group apply as for any other entry."""

    scopes = {"POST": (Scope.SEQUENCES_WRITE,)}
    serializer_class = EnrollSerializer

    @describe.writing(
        "sequences_enroll",
        "Enrol a person",
        sent=EnrollSerializer,
        body={"email": "ada@acme.com", "key": "order-1009", "context": {"product": "Pro plan"}},
        answers={
            201: (
                EnrolledSerializer,
                "What came of it. `refused` and `already_active` are answers, not errors.",
                {"result": "enrolled", "reason": "", "enrollment_id": 7},
            )
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        if not Sequence.objects.filter(slug=slug).exists():  # before the lead is made
            raise Http404
        now = clock.now()
        email = sent.validated_data.pop("email")
        lead, _ = leads.upsert_lead(email=email, fields={}, source="api", now=now)
        entry = campaigns.enroll_by_api(slug, lead=lead, now=now, **sent.validated_data)
        answer = {"result": entry.result, "reason": entry.reason, "enrollment_id": entry.enrollment_id}
        return Response(answer, status=201)
