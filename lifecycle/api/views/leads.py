"""The lead: list, one, create or update, change, tell what happened."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from rest_framework.generics import get_object_or_404
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.sending.outbox import await_in_flight
from leads import actions, attribution, stages
from leads.models import Event, Lead
from leads.writable import WRITABLE
from lifecycle.api import describe, examples
from lifecycle.api.filters import LeadFilter
from lifecycle.api.models import Scope
from lifecycle.api.problems import Conflict, invalid
from lifecycle.api.serializers.history import EventSerializer, NewEventSerializer
from lifecycle.api.serializers.leads import LeadChangeSerializer, LeadSerializer, LeadUpsertSerializer
from lifecycle.api.views.base import KeyView
from lifecycle.core import clock, sql

WHOLE = Lead.objects.select_related("company", "owner", "original_touch", "latest_touch")
BY_PATCH = frozenset({"owner", "stage", "reason"})


@describe.reading("leads_list", "Leads, newest first", examples.LEAD)
class Leads(ListModelMixin, KeyView):
    """With `updated_since` the order is by `updated_at`, oldest first, so that a copy can be kept up to date."""

    scopes = {"GET": (Scope.LEADS_READ,), "POST": (Scope.LEADS_WRITE,)}
    queryset = WHOLE
    serializer_class = LeadSerializer
    filterset_class = LeadFilter

    def get(self, request: Request) -> Response:
        return self.list(request)

    @describe.writing(
        "leads_upsert",
        "Create a lead, or enrich the one of this address",
        sent=LeadUpsertSerializer,
        body=examples.UPSERT,
        answers={
            201: (LeadSerializer, "It is new.", examples.LEAD),
            200: (LeadSerializer, "It was known.", examples.LEAD),
        },
    )
    def post(self, request: Request) -> Response:
        """Empty values change nothing. Provenance (utm_source …) makes a touch; a new lead always gets one."""
        fields = dict(request.data)
        refuse_others(fields, known=WRITABLE | attribution.KEYS | {"email"})
        lead, created = actions.upsert_lead(email=fields.pop("email", None), fields=fields, now=clock.now())
        return Response(whole(lead.pk), status=201 if created else 200)

    def get_ordering(self) -> tuple[str, ...]:
        return ("updated_at", "id") if self.request.query_params.get("updated_since") else ("-id",)


@describe.reading("leads_get", "One lead", examples.LEAD)
class OneLead(KeyView):
    """The lead as it is now."""

    scopes = {"GET": (Scope.LEADS_READ,), "PATCH": (Scope.LEADS_WRITE,)}
    more_errors = {"PATCH": ("409",)}
    queryset = WHOLE
    serializer_class = LeadSerializer

    def get(self, request: Request, lead_id: int) -> Response:
        return Response(whole(lead_id))

    @describe.writing(
        "leads_change",
        "Change a lead",
        sent=LeadChangeSerializer,
        body=examples.CHANGE,
        answers={200: (LeadSerializer, "As it is now.", examples.LEAD)},
    )
    def patch(self, request: Request, lead_id: int) -> Response:
        """What is concluded (scores, temperature) and what never changes (the original touch) cannot be written.

        A stage moves only along the arrows of the lifecycle: 409 names those there are.
        """
        changes = dict(request.data)
        refuse_others(changes, known=WRITABLE | BY_PATCH)
        lead = get_object_or_404(Lead, pk=lead_id)
        stage, reason = stage_move(lead, changes)
        hand_over = "owner" in changes
        owner = owner_named(changes.pop("owner", None))
        now = clock.now()
        if changes:
            actions.update_lead(lead_id, changes, now=now)
        if hand_over:
            actions.assign_owner(lead, owner, now=now)
        if stage and not actions.move_stage(lead, stage, reason=reason, now=now):
            raise Conflict("The lead has just moved to another stage; read it again.", code="illegal_move")
        return Response(whole(lead_id))


class LeadEvents(KeyView):
    """Tell what a known lead did. It is scored and acted on at once; no mail that it stops leaves after the answer."""

    scopes = {"POST": (Scope.EVENTS_WRITE,)}
    more_errors = {"POST": ("409",)}
    serializer_class = NewEventSerializer

    @describe.writing(
        "leads_add_event",
        "Record an event of a lead",
        sent=NewEventSerializer,
        body=examples.NEW_EVENT,
        answers={
            201: (EventSerializer, "Recorded.", examples.EVENT),
            200: (EventSerializer, "Known: this key was here before, and nothing was done again.", examples.EVENT),
        },
    )
    def post(self, request: Request, lead_id: int) -> Response:
        sent = self.get_serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        told = actions.add_event(lead_id, actions.Telling(**sent.validated_data), now=clock.now())
        await_in_flight(lead_id)
        event = sql.one(Event, "id = %b", [told.event_id])
        if event is None or event.lead_id != lead_id:
            raise Conflict("This key names an event of another lead.", code="idempotency_conflict")
        return Response(EventSerializer(event).data, status=201 if told.created else 200)


def whole(lead_id: int) -> Any:
    return LeadSerializer(get_object_or_404(WHOLE, pk=lead_id)).data


def refuse_others(sent: Iterable[str], *, known: frozenset[str]) -> None:
    """400 that names every field that may not be written here, and why."""
    readable = LeadSerializer().fields
    problems = {}
    for name in set(sent) - known:
        if name in BY_PATCH:
            problems[name] = "Change it with PATCH /api/v1/leads/{id}."
        else:
            problems[name] = "This field is read-only." if name in readable else "There is no such field."
    if problems:
        raise invalid(**problems)


def stage_move(lead: Lead, changes: dict[str, Any]) -> tuple[str, str]:
    """Take the move, (stage, reason), out of the changes; no stage if the lead is there already.

    IllegalMove before anything is written.
    """
    to, reason = changes.pop("stage", None), changes.pop("reason", None)
    if reason is not None and (to is None or not isinstance(reason, str)):
        raise invalid(reason="A text that goes with a new stage.")
    if to is None or to == lead.stage:
        return "", ""
    if not isinstance(to, str) or to not in stages.ARROWS:
        raise invalid(stage=f"There is no such stage; there are {', '.join(stages.ARROWS)}.")
    stages.check(lead.stage, to)
    return to, reason or "Set over the API"


def owner_named(name: object) -> Any:
    if name is None or name == "":
        return None
    user = get_user_model().objects.filter(username=name, is_active=True).first() if isinstance(name, str) else None
    if user is None:
        raise invalid(owner="There is no such user; write a user name, or null for nobody.")
    return user
