"""Rule 14 with several workers at once, each on a connection of its own."""

import threading
from datetime import timedelta

from django.db import connection
from pytest_django import Settings

from campaigns.models import Message
from campaigns.sending import outbox
from campaigns.sending.delivery import open_transport
from leads.models import Lead, Workspace
from tests.cast import letters
from tests.factories import NOON, LeadFactory

WORKERS = 4


def test_rule_14_several_workers_together_keep_the_cap(own_database: str, settings: Settings) -> None:
    """The lead's lock holds the cap: four workers at once, each person has five mails and may have two."""
    settings.MAIL = {"transport": "mailbox"}
    Workspace.load()
    Workspace.objects.update(cap_messages=2)
    people = LeadFactory.create_batch(12)
    for number in range(1, 6):
        letters(people, f"demo-nurture-{number}", now=NOON - timedelta(minutes=number))
    ready = threading.Barrier(WORKERS)

    def work() -> None:
        transport = open_transport()
        ready.wait()
        while Message.objects.filter(state="ready", due_at__lte=NOON).exists():
            outbox.send(transport, now=NOON, limit=3)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    for lead in Lead.objects.all():
        assert Message.objects.filter(lead=lead, state="sent").count() == 2
        assert Message.objects.filter(lead=lead, state="ready", reason__startswith="cap:").count() == 3
