"""The queue that sales works: who is hot, and why."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db.models import Q

from leads.models import Lead
from leads.models.lead import LeadQuerySet, Stage
from lifecycle.reports.planned import Planned, next_mails
from lifecycle.reports.reasons import Reason, reasons_of

PAGE_SIZE = 20
REASONS_SHOWN = 5
Whose = Literal["all", "mine", "unassigned"]


@dataclass(frozen=True, slots=True)
class HotLead:
    id: int
    name: str
    email: str
    job_title: str
    company: str
    company_size: int | None
    stage: str
    tier: str
    score: int
    fit: int
    intent: int
    hot_since: datetime | None
    last_act_at: datetime | None
    first_source: str
    latest_source: str
    owner: str
    owner_id: int | None
    demo_at: datetime | None
    reasons: list[Reason] = field(default_factory=list)
    next_mail: Planned | None = None


@dataclass(frozen=True, slots=True)
class HotQueue:
    """One page of the queue, and how long each of the three queues is."""

    leads: list[HotLead]
    page: int
    pages: int
    counts: dict[str, int]


def hot_queue(*, whose: Whose = "all", user_id: int, search: str = "", tier: str = "", page: int = 1) -> HotQueue:
    """A page (from 1, brought into range) of the hot leads, the hottest first; with `tier`, of that engagement alone.

    Nine queries for any number of leads.
    """
    hot = Lead.objects.hot().exclude(stage__in=[Stage.CUSTOMER, Stage.FORMER]).exclude(is_client=True)
    hot = found(hot, search) if search else hot
    hot = hot.filter(engagement_tier=tier) if tier else hot
    by_owner = {"all": Q(), "mine": Q(owner_id=user_id), "unassigned": Q(owner_id__isnull=True)}
    counts = {name: hot.filter(condition).count() for name, condition in by_owner.items()}
    pages = max(1, -(-counts[whose] // PAGE_SIZE))
    page = min(max(1, page), pages)
    rows = hot.filter(by_owner[whose]).select_related("owner", "company", "original_touch", "latest_touch")
    leads = list(rows.hottest_first()[(page - 1) * PAGE_SIZE : page * PAGE_SIZE])
    reasons = reasons_of(lead.pk for lead in leads)
    mails = next_mails(lead.pk for lead in leads)
    shown = [hot_lead(lead, reasons.get(lead.pk, []), mails.get(lead.pk, [])) for lead in leads]
    return HotQueue(shown, page, pages, counts)


def found(leads: LeadQuerySet, search: str) -> LeadQuerySet:
    """Leads whose address, name or company begins like each word of the search."""
    for word in search.split():
        leads = leads.filter(
            Q(email_normal__startswith=word.lower())
            | Q(first_name__istartswith=word)
            | Q(last_name__istartswith=word)
            | Q(company_name__icontains=word)
        )
    return leads


def hot_lead(lead: Lead, reasons: list[Reason], mails: list[Planned]) -> HotLead:
    return HotLead(
        id=lead.pk,
        name=lead.full_name or lead.email,
        email=lead.email,
        job_title=lead.job_title,
        company=lead.company_name or (lead.company.name if lead.company else ""),
        company_size=lead.company_size,
        stage=lead.get_stage_display(),
        tier=lead.get_engagement_tier_display(),
        score=lead.score,
        fit=lead.fit_score,
        intent=lead.intent_score,
        hot_since=lead.hot_since,
        last_act_at=lead.last_human_act_at,
        first_source=source(lead, "original_touch"),
        latest_source=source(lead, "latest_touch"),
        owner=person(lead.owner),
        owner_id=lead.owner_id,
        demo_at=lead.demo_at if lead.demo_booked else None,
        reasons=[reason for reason in reasons if reason.points > 0][:REASONS_SHOWN],
        next_mail=mails[0] if mails else None,
    )


def source(lead: Lead, which: str) -> str:
    """Where a touch came from, in a few words; "" without one."""
    touch = getattr(lead, which)
    return str(touch) if touch else ""


def person(user: object) -> str:
    """How a colleague is called: their name, else their login."""
    return (user.get_full_name() or user.get_username()) if user else ""  # type: ignore[attr-defined]
