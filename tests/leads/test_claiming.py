"""A claim costs what it takes, however much waits."""

import pytest
from django.db import connection

from leads import claiming
from leads.actions import record
from leads.batch import NewEvent
from lifecycle.core import sql
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db


def test_a_claim_reads_no_more_of_the_queue_than_it_takes():
    lead = LeadFactory()
    record([NewEvent(lead.pk, "a.b") for _ in range(20_000)], now=NOON)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE leads_pendingevent")
    names, columns, joins = claiming._selection()
    statement = claiming._ANYONE.format(columns=columns, joins=joins)
    plan = "\n".join(row[0] for row in sql.fetch(f"EXPLAIN (ANALYZE, BUFFERS OFF) {statement}".replace("%b", "500")))
    assert "Seq Scan on leads_pendingevent" not in plan
    assert "Sort" not in plan
    assert "pending_alive_by_lead" in plan
    assert len(names) == len(set(names))


def test_a_claim_takes_each_waiting_person_once_and_only_so_many():
    leads = [LeadFactory() for _ in range(5)]
    record([NewEvent(lead.pk, "a.b") for lead in leads[:4] for _ in range(3)], now=NOON)
    taken = claiming.claim(limit=3, lead_ids=None, wait=False)
    assert list(taken) == [lead.pk for lead in leads[:3]]
    named = claiming.claim(limit=9, lead_ids=[leads[4].pk, leads[3].pk], wait=True)
    assert list(named) == [leads[3].pk]
