"""A booking that was answered blocks every mail of the nurture after it, while a step of 2,000 people is being sent."""

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from campaigns.models import Enrollment, Message
from campaigns.running import runner
from leads import pipeline
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Lead
from lifecycle.core import clock
from lifecycle.sales.models import Meeting
from tests import calendly
from tests.calendly import Invitee
from tests.chaos.racing import knock_all
from tests.chaos.test_kill import crowd, until
from tests.chaos.workers import crew
from tests.factories import NOON
from tests.smtp_server import SmtpServer

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("playbooks")]

PEOPLE = 2_000
BOOKING = 60


def test_no_mail_leaves_after_the_answer_to_a_booking(
    own_database: str, smtp_server: SmtpServer, settings: Settings
) -> None:
    settings.CALENDLY_WEBHOOK_SECRETS = [calendly.SECRET]
    people = crowd(PEOPLE)
    record([NewEvent(lead.pk, "form.submitted", {"form": "contact"}, occurred_at=NOON) for lead in people], now=NOON)
    pipeline.drain(now=NOON)
    runner.drain(now=NOON)
    assert Message.objects.filter(state="ready").count() == PEOPLE
    booking = random.sample(people, BOOKING)
    answered: dict[str, int] = {}
    with crew(connection.settings_dict, smtp_server.port) as workers:
        workers.start(2)
        until(lambda: len(smtp_server.mails) > 50)
        knock_all(booking, book, smtp=smtp_server, answered=answered)
        until(lambda: not Message.objects.filter(state__in=Message.OPEN).exists())

    assert {lead.email: smtp_server.recipients.count(lead.email) for lead in booking} == answered
    assert set(answered.values()) <= {0, 1}
    assert Meeting.objects.filter(state="scheduled").count() == BOOKING
    ended = Enrollment.objects.filter(sequence__slug="demo-nurture", exit_reason="goal: meeting.booked")
    assert ended.count() == BOOKING
    others = [lead for lead in people if lead not in booking]
    assert all(smtp_server.recipients.count(lead.email) == 1 for lead in others[:200])


def book(browser: Client, person: Lead) -> None:
    now = clock.now()
    invitee = Invitee(person.email, now + timedelta(days=2), now)
    assert calendly.post(browser, invitee.created(), at=now).status_code == 200
