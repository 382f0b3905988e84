"""One person on one page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.models import Lead, StageChange
from tests import staff
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db


def page_of(lead: Lead, role: str = "sales") -> str:
    answer = staff.colleague(role).get(reverse("console:lead", args=[lead.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_tells_everything_so_far():
    lead = staff.hot_lead()
    staff.event(lead, "pricing.viewed", plan="pro")
    staff.event(lead, "temperature.changed", before="warm", after="hot")
    staff.moved(lead, "mql", "sql", "Asked for a demo")
    staff.message(lead, "one:1")
    staff.message(lead, "two:2", state="suppressed", reason="suppression: unsubscribed")
    staff.run(lead, staff.sequence())
    page = page_of(lead)
    said = ["Pricing viewed", "plan: pro", "Temperature warm → hot", "Stage MQL → SQL", "Asked for a demo"]
    said += ["Mail sent: Hello Ana", "suppression: unsubscribed", "Looked at the prices", "Again", "google / cpc"]
    for words in said:
        assert words in page, words


def test_hostile_names_stay_text():
    lead = LeadFactory(first_name="<script>alert(1)</script>", last_name="{{7*7}}", company_name='"><img src=x>')
    page = page_of(lead)
    assert "<script>alert(1)" not in page
    assert "{{7*7}}" in page
    assert "<img src=x>" not in page


def test_nobody_there_is_a_404():
    assert staff.colleague("sales").get("/console/leads/999999").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_history():
    lead = staff.hot_lead()
    nurture = staff.sequence()
    staff.run(lead, nurture)
    client = staff.colleague("sales")
    url = reverse("console:lead", args=[lead.pk])
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for number in range(30):
        staff.event(lead, "pricing.viewed", number=number)
        staff.message(lead, f"m:{number}", sequence=nurture)
        staff.moved(lead, "cold", "mql", "again")
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few) <= 30


def test_moving_keeps_the_reason_and_the_person():
    lead = staff.hot_lead()
    client = staff.colleague("sales")
    client.post(reverse("console:move", args=[lead.pk]), {"to": "customer", "reason": "Signed on the phone"})
    change = StageChange.objects.get(lead=lead)
    assert (change.before, change.after, change.reason) == ("sql", "customer", "Signed on the phone")
    assert change.actor == staff.of(client)


@pytest.mark.parametrize("asked", [{"to": "mql", "reason": "x"}, {"to": "former", "reason": ""}, {}])
def test_a_move_that_cannot_be_is_refused_in_words(asked):
    lead = staff.hot_lead()
    Lead.objects.filter(pk=lead.pk).update(stage="customer")
    answer = staff.colleague("sales").post(reverse("console:move", args=[lead.pk]), asked, follow=True)
    assert "Choose a stage and say why." in answer.content.decode()
    assert not StageChange.objects.filter(lead=lead).exists()


def test_assigning_to_a_colleague():
    lead = staff.hot_lead()
    other = staff.of(staff.colleague("marketer"))
    staff.colleague("sales").post(reverse("console:assign", args=[lead.pk]), {"owner": other.pk})
    assert Lead.objects.get(pk=lead.pk).owner == other


def test_nobody_gets_a_lead_who_cannot_log_in_here():
    lead = staff.hot_lead()
    outsider = staff.of(staff.colleague("outsider"))
    answer = staff.colleague("sales").post(
        reverse("console:assign", args=[lead.pk]), {"owner": outsider.pk}, follow=True
    )
    assert "Choose a person" in answer.content.decode()
    assert Lead.objects.get(pk=lead.pk).owner is None


def test_enrolling_by_hand_and_twice():
    lead, nurture = staff.hot_lead(), staff.sequence()
    client, url = staff.colleague("sales"), reverse("console:enroll", args=[lead.pk])
    assert "enrolled" in client.post(url, {"sequence": nurture.pk}, follow=True).content.decode()
    assert "already" in client.post(url, {"sequence": nurture.pk}, follow=True).content.decode()
    assert lead.enrollments.count() == 1
