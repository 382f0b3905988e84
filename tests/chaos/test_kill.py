"""Workers are killed while they send: nobody gets a mail twice, and each mail ends as sent, or as unknown."""

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models.functions import Now

from campaigns.models import Message
from campaigns.sending import settling
from leads import addresses
from leads.models import Lead
from tests.cast import letters
from tests.chaos.workers import Crew, crew
from tests.factories import NOON, LeadFactory
from tests.smtp_server import SmtpServer

pytestmark = pytest.mark.processes

PEOPLE = 2000
WORKERS = 4
KILL_EVERY = 80  # mails
READY = Message.objects.filter(state="ready")


def crowd(count: int) -> list[Lead]:
    key = addresses.address_key()
    emails = [f"person{number}@example.com" for number in range(count)]
    hashed = [addresses.address_hash(email, key) for email in emails]
    return Lead.objects.bulk_create(
        LeadFactory.build(email=email, address_hash=each) for email, each in zip(emails, hashed, strict=True)
    )


def test_2000_mails_by_four_workers_that_are_killed_at_random(own_database: str, smtp_server: SmtpServer) -> None:
    letters(crowd(PEOPLE))
    with crew(connection.settings_dict, smtp_server.port) as workers:
        workers.start(WORKERS)
        while READY.exists():
            enough = len(smtp_server.mails) + KILL_EVERY
            until(lambda enough=enough: len(smtp_server.mails) >= enough or not READY.exists())
            workers.kill_one()
            leases_run_out(share=0.03)  # more would use up somebody's five attempts by chance
            workers.start()
        finish(workers)
    assert workers.killed >= 8

    copies = Counter(smtp_server.recipients)
    states = dict(Message.objects.values_list("lead__email", "state"))
    assert len(states) == PEOPLE
    assert max(copies.values()) == 1, "nobody gets it twice"
    assert set(states.values()) <= {"sent", "unknown"}
    assert [email for email, state in states.items() if state == "sent" and copies[email] != 1] == []
    tally = Counter(states.values())
    assert tally["sent"] + tally["unknown"] == PEOPLE
    assert tally["sent"] > PEOPLE / 2
    assert not Message.objects.filter(state="unknown", reason="").exists()


def leases_run_out(*, share: float) -> None:
    """Some leases run out, of the dead and of the living, and the sweep comes by."""
    open_ones = list(Message.objects.filter(state="sending").values_list("pk", flat=True))
    chosen = [pk for pk in open_ones if random.random() < share]
    Message.objects.filter(pk__in=chosen, state="sending").update(lease_until=Now() - settling.GRACE)
    settling.expire(now=NOON)


def finish(workers: Crew) -> None:
    """Kill them all once more; their leases run out, and new workers do the rest undisturbed."""
    workers.kill_all()
    leases_run_out(share=1)
    workers.start(WORKERS)
    until(lambda: not Message.objects.filter(state__in=Message.OPEN).exists())


def until(check: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "no progress"
        time.sleep(0.005)
