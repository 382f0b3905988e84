"""P5: an opt-out that was answered blocks every mail after it, however close the two are."""

import random

import pytest
from django.db import connection
from django.test import Client

from campaigns.models import Message, Suppression
from leads import pipeline
from leads.models import Lead
from lifecycle.core import clock, tokens
from tests.cast import letters
from tests.chaos.racing import knock_all
from tests.chaos.test_kill import crowd, until
from tests.chaos.workers import crew
from tests.smtp_server import SmtpServer

pytestmark = pytest.mark.processes

PEOPLE = 200
AT_ONCE = 10


def test_no_mail_leaves_after_the_answer_to_an_opt_out(own_database: str, smtp_server: SmtpServer) -> None:
    people = crowd(PEOPLE)
    answered: dict[str, int] = {}
    with crew(connection.settings_dict, smtp_server.port) as workers:
        workers.start(2)
        for start in range(0, PEOPLE, AT_ONCE):
            group = people[start : start + AT_ONCE]
            letters(group)
            random.shuffle(group)
            knock_all(group, opt_out, smtp=smtp_server, answered=answered)
        until(lambda: not Message.objects.filter(state__in=Message.OPEN).exists())
        letters(people, "demo-nurture-2")
        pipeline.drain(now=clock.now())  # nobody is mailed before what they did is processed
        until(lambda: not Message.objects.filter(state__in=Message.OPEN).exists())

    assert Suppression.objects.count() == PEOPLE
    assert {person.email: smtp_server.recipients.count(person.email) for person in people} == answered
    assert set(answered.values()) <= {0, 1}
    second = Message.objects.filter(template_version__template__slug="demo-nurture-2")
    assert set(second.values_list("state", flat=True)) == {"suppressed"}


def opt_out(browser: Client, person: Lead) -> None:
    token = tokens.unsubscribe_token(1, person.address_hash)
    answer = browser.post(f"/u/{token}", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
