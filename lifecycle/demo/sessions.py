"""Brightquay's webinars: announced as the quarter begins, one in each part of it and one still to come."""

from datetime import datetime, timedelta
from typing import NamedTuple

from webinars import codes
from webinars.models import Speaker, Webinar

AFTERNOON = 15  # UTC
TUESDAY = 1


class Session(NamedTuple):
    """`day`: how long after the beginning. `capacity`: None for as many as come."""

    day: int
    title: str
    summary: str
    speakers: tuple[tuple[str, str], ...]
    capacity: int | None = None


SESSIONS = (
    Session(
        18,
        "Approvals without a chase",
        "Three operations teams show how a request finds its way by itself.",
        (("Nora Lindqvist", "Marketing, Brightquay"), ("Ilse Brandt", "Head of Operations, Hafenlogistik")),
    ),
    Session(
        60,
        "Your first five automations",
        "What to automate first, what to leave alone, and how to tell them apart.",
        (("Elif Kaya", "Solutions, Brightquay"),),
        40,
    ),
    Session(
        97,
        "What the month-end close can learn from a kitchen",
        "One board, one order, nobody asks: a finance team that closes in two days.",
        (("Tom Becker", "Solutions, Brightquay"), ("Agnes Moreau", "Controller, Atelier Nord")),
        60,
    ),
)


def announce(*, now: datetime) -> None:
    """All of them, open for registration; whoever sends the form is down for the next one."""
    for session in SESSIONS:
        starts_at = _tuesday(now + timedelta(days=session.day))
        webinar = Webinar(
            title=session.title,
            summary=session.summary,
            state=Webinar.State.OPEN,
            starts_at=starts_at,
            minutes=45,
            time_zone="Europe/Berlin",
            capacity=session.capacity,
            join_url="https://meet.brightquay.example/live",
        )
        codes.create(webinar, now=now)
        Speaker.objects.bulk_create(
            Speaker(webinar=webinar, name=name, title=title, position=position)
            for position, (name, title) in enumerate(session.speakers)
        )


def _tuesday(moment: datetime) -> datetime:
    """The afternoon of that day, or of the Tuesday after it."""
    day = moment + timedelta(days=(TUESDAY - moment.weekday()) % 7)
    return day.replace(hour=AFTERNOON, minute=0, second=0, microsecond=0)
