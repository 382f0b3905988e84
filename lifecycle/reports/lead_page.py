"""Everything about one person on one page, the conversation's past and its plan."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Enrollment, Message
from leads.models import Lead, StageChange, Touch
from lifecycle.reports.attribution import question
from lifecycle.reports.attribution.details import Explained, of_lead
from lifecycle.reports.customers import Customer, customer
from lifecycle.reports.hot_leads import person
from lifecycle.reports.meetings import Appointment
from lifecycle.reports.meetings import of_lead as meetings_of
from lifecycle.reports.planned import Planned, next_mails
from lifecycle.reports.reasons import Reason, reasons_of
from lifecycle.reports.timeline import Moment, timeline

SHOWN = 25


@dataclass(frozen=True, slots=True)
class Run:
    """One run through a sequence."""

    sequence: str
    state: str
    step: str
    due_at: datetime | None
    enrolled_at: datetime
    ended_at: datetime | None
    exit_reason: str


@dataclass(frozen=True, slots=True)
class LeadPage:
    lead: Lead
    owner: str
    first_owner: str
    fit_reasons: list[Reason]
    intent_reasons: list[Reason]
    stages: list[StageChange]
    touches: list[Touch]
    runs: list[Run]
    messages: list[Message]
    planned: list[Planned]
    timeline: list[Moment]
    conversions: list[Explained]
    customer: Customer
    meetings: list[Appointment]


def lead_page(lead_id: int, *, now: datetime) -> LeadPage | None:
    """The page of a lead, None if there is none. A fixed number of queries, each bounded."""
    related = ("company", "owner", "first_owner", "original_touch", "latest_touch")
    lead = Lead.objects.select_related(*related).filter(pk=lead_id).first()
    if lead is None:
        return None
    reasons = reasons_of([lead_id]).get(lead_id, [])
    stages = list(StageChange.objects.filter(lead=lead).select_related("actor", "rule")[:SHOWN])
    messages = Message.objects.filter(lead=lead).select_related("sequence", "template_version__template")
    newest = list(messages.order_by("-pk")[:SHOWN])
    touches = list(Touch.objects.filter(lead=lead).order_by("-occurred_at", "-pk")[:SHOWN])
    return LeadPage(
        lead=lead,
        owner=person(lead.owner),
        first_owner=person(lead.first_owner),
        fit_reasons=[reason for reason in reasons if reason.dimension == "fit"],
        intent_reasons=[reason for reason in reasons if reason.dimension == "intent"],
        stages=stages,
        touches=touches,
        runs=runs_of(lead),
        messages=newest,
        planned=next_mails([lead_id]).get(lead_id, []),
        timeline=timeline(lead, stages=stages, messages=newest),
        conversions=of_lead(question(), lead_id),
        customer=customer(lead_id),
        meetings=meetings_of(lead, now=now),
    )


def runs_of(lead: Lead) -> list[Run]:
    rows = Enrollment.objects.filter(lead=lead).select_related("sequence").order_by("state", "-enrolled_at")[:SHOWN]
    return [
        Run(
            sequence=row.sequence.name,
            state=row.get_state_display(),
            step=row.step_key,
            due_at=row.due_at,
            enrolled_at=row.enrolled_at,
            ended_at=row.ended_at,
            exit_reason=row.exit_reason,
        )
        for row in rows
    ]
