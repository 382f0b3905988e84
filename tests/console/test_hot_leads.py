"""The queue that sales works: who is in it, why, and what a rep can do from it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.models import Lead
from tests import staff
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db
QUEUE = "/console/"


def queries_of(client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(url).status_code == 200
    return len(seen)


def test_root_leads_to_the_console():
    assert staff.colleague("sales").get("/").headers["Location"] == QUEUE


def test_a_slash_at_the_end_does_no_harm(client):
    assert client.get("/console/customers/?whose=mine").headers["Location"] == "/console/customers?whose=mine"
    assert client.get("/console//evil.example/").headers["Location"].startswith("/console/")


def test_a_hot_lead_shows_who_and_why():
    staff.hot_lead(first_name="Ana", last_name="Silva")
    page = staff.colleague("sales").get(QUEUE).content.decode()
    for words in ("Ana Silva", "Head of Operations", "Acme", "google / cpc", "Nobody's yet", ">85<"):
        assert words in page
    assert "50 to 500 employees <b>+55</b>" in page
    assert "Looked at the prices ×3 <b>+30</b>" in page


def test_only_hot_people_who_are_not_customers_are_in_it():
    staff.hot_lead(1, last_name="Hot")
    staff.hot_lead(2, last_name="Bought", stage="customer")
    staff.hot_lead(3, last_name="Lapsed", stage="former")
    LeadFactory(first_name="Just", last_name="Warm", temperature="warm")
    page = staff.colleague("sales").get(QUEUE).content.decode()
    assert "Hot" in page
    for absent in ("Bought", "Lapsed", "Just Warm"):
        assert absent not in page


def test_mine_and_unassigned_are_told_apart():
    client = staff.colleague("sales")
    staff.hot_lead(1, last_name="Mine", owner=staff.of(client))
    staff.hot_lead(2, last_name="Free")
    assert "Ana Mine" in client.get(QUEUE, {"whose": "mine"}).content.decode()
    assert "Ana Free" not in client.get(QUEUE, {"whose": "mine"}).content.decode()
    assert "Ana Free" in client.get(QUEUE, {"whose": "unassigned"}).content.decode()
    assert "Ana Mine" in client.get(QUEUE, {"whose": "nonsense"}).content.decode()


@pytest.mark.parametrize("search", ["hot1@", "silva1", "ana silva1", "nordl"])
def test_search_finds_by_address_name_and_company(search):
    staff.hot_lead(1, company_name="Nordlicht")
    staff.hot_lead(2, company_name="Acme")
    page = staff.colleague("sales").get(QUEUE, {"q": search}).content.decode()
    assert "Silva1" in page
    assert "Silva2" not in page


def test_the_queue_narrows_to_an_engagement_and_keeps_the_rest_of_the_question():
    staff.hot_lead(1, last_name="Eager", engagement_tier="most_engaged")
    staff.hot_lead(2, last_name="Silent", engagement_tier="quiet")
    client = staff.colleague("sales")
    page = client.get(QUEUE, {"tier": "quiet", "q": "ana"}).content.decode()
    assert "Ana Silent" in page
    assert "Ana Eager" not in page
    assert "?whose=mine&amp;q=ana&amp;tier=quiet" in page
    assert "?whose=all&amp;tier=most_engaged&amp;q=ana" in page
    assert "Ana Eager" in client.get(QUEUE, {"tier": "nonsense"}).content.decode()
    assert "Nobody in this list is dormant" in client.get(QUEUE, {"tier": "dormant"}).content.decode()


def test_the_next_mail_is_shown():
    lead = staff.hot_lead()
    staff.run(lead, staff.sequence())
    page = staff.colleague("sales").get(QUEUE).content.decode()
    assert "Again" in page
    assert "Thu 5 Mar, 12:00" in page


def test_the_number_of_queries_does_not_grow_with_the_queue():
    client = staff.colleague("sales")
    nurture = staff.sequence()
    staff.run(staff.hot_lead(0), nurture)
    one = queries_of(client, QUEUE)
    for number in range(1, 20):
        staff.run(staff.hot_lead(number), nurture)
    assert queries_of(client, QUEUE) == one
    assert one <= 15


def test_pages_and_silly_page_numbers():
    client = staff.colleague("sales")
    for number in range(21):
        staff.hot_lead(number)
    assert "Page 1 of 2" in client.get(QUEUE).content.decode()
    assert "Page 2 of 2" in client.get(QUEUE, {"page": "999999"}).content.decode()
    for silly in ("-1", "x", "9" * 60, "²"):
        assert "Page 1 of 2" in client.get(QUEUE, {"page": silly}).content.decode()


def test_an_empty_queue_says_what_to_do():
    client = staff.colleague("sales")
    assert "Nobody is hot right now" in client.get(QUEUE).content.decode()
    assert "No hot lead is yours" in client.get(QUEUE, {"whose": "mine"}).content.decode()
    assert "Nobody hot is called" in client.get(QUEUE, {"q": "zz<b>"}).content.decode()
    assert "zz&lt;b&gt;" in client.get(QUEUE, {"q": "zz<b>"}).content.decode()


def test_taking_a_lead_makes_it_mine_and_keeps_who_was_first():
    client = staff.colleague("sales")
    lead = staff.hot_lead()
    answer = client.post(reverse("console:take", args=[lead.pk]), {"next": "/console/?whose=unassigned"})
    assert answer.headers["Location"] == "/console/?whose=unassigned"
    lead = Lead.objects.get(pk=lead.pk)
    assert lead.owner == lead.first_owner == staff.of(client)


def test_taking_never_leads_to_a_foreign_page():
    lead = staff.hot_lead()
    answer = staff.colleague("sales").post(reverse("console:take", args=[lead.pk]), {"next": "https://evil.example/"})
    assert answer.headers["Location"] == f"/console/leads/{lead.pk}"


def test_a_get_takes_nothing():
    lead = staff.hot_lead()
    assert staff.colleague("sales").get(reverse("console:take", args=[lead.pk])).status_code == 405
    assert Lead.objects.get(pk=lead.pk).owner is None


def test_strangers_are_sent_to_the_login(client):
    assert client.get(QUEUE).headers["Location"].startswith("/admin/login/")
    assert staff.colleague("outsider").get(QUEUE).headers["Location"].startswith("/admin/login/")
