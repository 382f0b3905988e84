"""Reminders of a marketer's own, here of courses: a run for each course, which follows the course when it is moved."""

import pytest

from leads.models import Lead
from tests.campaigns.sequences import BODY, live, template
from tests.cast import ADA, World

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

SAYS = BODY.replace("Hello", "{{ event.title }} at {{ event.starts_at }}, {{ events|length }} times, for")


def reminders() -> None:
    live(
        "reminders",
        entry={
            "triggers": [{"event": "course.booked"}, {"event": "course.moved", "updates": True}],
            "key": "course",
            "second_trigger": "parallel",
        },
        exits=[{"goal": "course.canceled", "match": "key"}],
        steps=[
            {"id": "day-before", "wait": {"date": {"property": "starts_at", "offset": "-1d"}}},
            {"id": "remind", "send": "remind"},
            {"id": "hour-before", "wait": {"date": {"property": "starts_at", "offset": "-1h"}}},
            {"id": "soon", "send": "soon"},
        ],
        templates=[
            template("remind", subject="Tomorrow: {{ event.title }}", body=SAYS, **{"class": "transactional"}),
            template("soon", subject="In an hour: {{ event.title }}", body=SAYS, **{"class": "transactional"}),
        ],
    )


def register(world: World, lead: Lead, course: str, day: int) -> None:
    starts_at = f"2026-03-{day:02}T18:00:00Z"
    world.tell(lead, "course.booked", course=course, starts_at=starts_at, title=course.title())


def test_two_courses_at_once_and_the_same_one_twice(world: World) -> None:
    reminders()
    ada = world.submit("newsletter", **ADA)
    for course, day in (("scoring", 9), ("mailing", 10), ("scoring", 9)):
        register(world, ada, course, day)
    world.run()
    for days in (1, 6, 6.25, 7, 7.25, 8, 8.25, 9):  # a course begins at 18:00
        world.at(days=days, hours=-1)
        world.at(days=days)
    ours = [subject for subject in world.subjects(ada) if "In an hour" in subject or "Tomorrow" in subject]
    assert ours == ["Tomorrow: Scoring", "In an hour: Scoring", "Tomorrow: Mailing", "In an hour: Mailing"]


def test_the_reminder_follows_a_course_that_is_moved_and_stops_for_one_that_is_canceled(world: World) -> None:
    reminders()
    ada = world.submit("newsletter", **ADA)
    for course in ("scoring", "mailing"):
        register(world, ada, course, 9)
    world.run()
    world.at(days=2)
    world.tell(ada, "course.moved", course="scoring", starts_at="2026-03-16T18:00:00Z")
    world.tell(ada, "course.canceled", course="mailing")
    for days in (6, 6.3, 8):
        world.at(days=days)
    assert not [subject for subject in world.subjects(ada) if "Tomorrow" in subject]
    world.at(days=13, hours=6)
    (mail,) = [mail for mail in world.mails_to(ada) if "Tomorrow" in mail.subject]
    assert "Scoring at 2026-03-16T18:00:00Z, 2 times" in mail.text
