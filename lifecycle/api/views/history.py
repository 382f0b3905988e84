"""What happened to one lead, newest first."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.models import Enrollment, Message
from leads.models import Event, Lead, ScoreEntry, Touch
from lifecycle.api import describe, examples
from lifecycle.api.models import Scope
from lifecycle.api.serializers.history import (
    EnrollmentSerializer,
    EventSerializer,
    MeetingSerializer,
    MessageSerializer,
    ScoreEntrySerializer,
    ScoreSerializer,
)
from lifecycle.api.serializers.leads import TouchSerializer
from lifecycle.api.views.base import KeyView
from lifecycle.sales.models import Meeting


class LeadHistory(ListModelMixin, KeyView):
    """Rows of `rows` that belong to the lead of the address."""

    scopes = {"GET": (Scope.LEADS_READ,)}
    rows: ClassVar[QuerySet[Any]]

    def get(self, request: Request, lead_id: int) -> Response:
        self.lead = get_object_or_404(Lead.objects.only(*LEAD_FIELDS), pk=lead_id)
        return self.list(request)

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.rows.none()
        return self.rows.filter(lead=self.lead)


LEAD_FIELDS = ("id", "fit_score", "intent_score", "score", "temperature")


@describe.reading("leads_timeline", "What happened, and what we did", examples.EVENT)
class Timeline(LeadHistory):
    """Every event of the lead, those of mails included."""

    rows = Event.objects.all()
    ordering = ("-occurred_at", "-id")
    serializer_class = EventSerializer


@describe.reading("leads_touches", "Every contact with its provenance", examples.TOUCH)
class Touches(LeadHistory):
    """Newest first. The lead names its original touch, which never changes, even if an earlier visit is told later."""

    rows = Touch.objects.all()
    ordering = ("-occurred_at", "-id")
    serializer_class = TouchSerializer


@describe.reading("leads_meetings", "Booked times, and what became of them", examples.MEETING)
class Meetings(LeadHistory):
    """The latest first. A meeting that was moved says by which one; the lead's `demo` sums all of them up."""

    rows = Meeting.objects.select_related("replaced_by")
    ordering = ("-booked_at", "-id")
    serializer_class = MeetingSerializer


@describe.reading("leads_score", "The score with its reasons", examples.SCORE, answer=ScoreSerializer)
class Score(LeadHistory):
    """Every row of the ledger: which rule gave how many points for which event. Decay has neither."""

    rows = ScoreEntry.objects.select_related("rule", "event")
    ordering = ("-at", "-id")
    serializer_class = ScoreEntrySerializer

    def get_paginated_response(self, data: Any) -> Response:
        totals = {field: getattr(self.lead, field) for field in LEAD_FIELDS if field != "id"}
        page = super().get_paginated_response(data)
        page.data = {**totals, **page.data}
        return page


@describe.reading("leads_messages", "Mails, sent, waiting or stopped", examples.MESSAGE)
class Messages(LeadHistory):
    """Each mail names its sequence, step and subject; one that was not sent names the reason."""

    rows = Message.objects.select_related("sequence", "template_version__template")
    serializer_class = MessageSerializer


@describe.reading("leads_enrollments", "Runs through sequences", examples.ENROLLMENT)
class Enrollments(LeadHistory):
    """A run that ended has an `exit_reason`."""

    rows = Enrollment.objects.select_related("sequence")
    serializer_class = EnrollmentSerializer
