"""The meetings to come, by day, and those of one person."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.db.models import QuerySet
from django.utils import timezone

from leads.models import Lead
from lifecycle.reports.hot_leads import person
from lifecycle.sales import bookings
from lifecycle.sales.models import Meeting

AHEAD = timedelta(days=60)
SHOWN = 200
OF_ONE = 20


@dataclass(frozen=True, slots=True)
class Appointment:
    """A meeting as it is read. `when`: on the invitee's clock; `is_over`: and nobody said what became of it."""

    meeting: Meeting
    lead: Lead
    name: str
    owner: str
    when: str
    is_over: bool
    has_begun: bool  # before that nobody can say whether it took place


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    appointments: list[Appointment]


def upcoming(*, user_id: int | None = None, now: datetime) -> list[Day]:
    """Meetings from an hour ago to 60 days ahead, by day of the clock in force; with `user_id`, of that rep's leads."""
    rows = Meeting.objects.filter(
        state=Meeting.State.SCHEDULED,
        new_time_until__isnull=True,  # else it was given up, and only its new time is to come
        starts_at__gte=now - timedelta(hours=1),
        starts_at__lt=now + AHEAD,
    )
    if user_id is not None:
        rows = rows.filter(lead__owner_id=user_id)
    days = groupby(_read(rows.order_by("starts_at", "pk")[:SHOWN], now), key=_day)
    return [Day(day, list(appointments)) for day, appointments in days]


def of_lead(lead: Lead, *, now: datetime) -> list[Appointment]:
    """The newest meetings of a person, without those that were moved to another time."""
    rows = Meeting.objects.filter(lead=lead).exclude(state=Meeting.State.MOVED)
    return _read(rows.order_by("-starts_at", "-pk")[:OF_ONE], now)


def _day(one: Appointment) -> date:
    return timezone.localtime(one.meeting.starts_at).date()


def _read(rows: "QuerySet[Meeting]", now: datetime) -> list[Appointment]:
    return [_appointment(meeting, now) for meeting in rows.select_related("lead", "lead__owner")]


def _appointment(meeting: Meeting, now: datetime) -> Appointment:
    lead = meeting.lead
    ends_at = meeting.ends_at or meeting.starts_at
    return Appointment(
        meeting=meeting,
        lead=lead,
        name=lead.full_name or lead.email,
        owner=person(lead.owner),
        when=bookings.when(meeting.starts_at, meeting.time_zone),
        is_over=meeting.state == Meeting.State.SCHEDULED and ends_at is not None and ends_at <= now,
        has_begun=meeting.starts_at is None or meeting.starts_at <= now,
    )
