"""What is exported opens in a spreadsheet without harm, and comes back by an import as it was."""

import csv
import io

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads import exporting, importing
from leads.models import Lead
from lifecycle.core.cells import FORMULA
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
URL = reverse("admin:leads_lead_changelist")
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=20) | st.sampled_from(
    ["=1+1", "'=1", "+1 800", "-", "@x", '"q"', "a,b;c"]
)


def table(leads=None):
    text = "".join(exporting.leads_csv(Lead.objects.all() if leads is None else leads))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


@given(name=NAMES, plan=NAMES | st.integers(-999, 999) | st.booleans() | st.lists(NAMES, max_size=2))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_no_cell_is_a_formula_and_an_import_of_the_export_changes_nothing(name, plan):
    lead = LeadFactory(first_name=name, company_name=name, attributes={"plan": plan, "Odd (name)": "x"})
    alone = Lead.objects.filter(pk=lead.pk)
    text = "".join(exporting.leads_csv(alone))
    for row in csv.reader(io.StringIO(text[1:], newline="")):
        assert not [cell for cell in row if cell.startswith(FORMULA) and not cell[1:].replace(".", "", 1).isdigit()]
    before = alone.values("first_name", "company_name", "attributes", "engagement_tier", "is_client", "role").get()
    run = importing.begin(ContentFile(text.encode()), "leads.csv", now=NOON)
    importing.start(run)
    importing.run_due(now=NOON)
    run.refresh_from_db()
    assert (run.unchanged, run.refused, run.error) == (1, 0, "")
    assert alone.values(*before).get() == before


def test_columns_are_chosen_and_attributes_are_flat():
    LeadFactory(email="a@x.com", attributes={"plan": "pro"}, stage="mql")
    LeadFactory(email="b@x.com", attributes={"seats": 5})
    first, second = table()
    assert (first["email"], first["attributes.plan"], first["attributes.seats"]) == ("a@x.com", "pro", "")
    assert (second["attributes.seats"], first["stage"], first["is_client"]) == ("5", "mql", "false")
    (only,) = csv.reader(["".join(exporting.leads_csv(Lead.objects.none(), ["origin"]))[1:].strip()])
    assert only[:3] == ["email", "form_source", "original_source"]


def test_memory_is_flat_as_pages_are_read_one_by_one(monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 3)
    for _ in range(7):
        LeadFactory()
    with CaptureQueriesContext(connection) as captured:
        assert len(table()) == 7
    assert len(captured) == 4  # the attributes' names, and three pages


def chosen(client, leads, **more):
    picked = {"action": "export_leads", "_selected_action": [lead.pk for lead in leads], **more}
    return client.post(URL, picked)


def test_from_the_list_of_leads_with_a_line_in_the_log():
    leads = [LeadFactory(email=f"p{number}@x.com", stage="mql" if number else "cold") for number in range(3)]
    client = staff.colleague("marketer")
    assert "Export these leads" in chosen(client, leads[:2]).content.decode()
    answer = chosen(client, leads[:2], _answered="1", columns=["profile"])
    text = b"".join(answer.streaming_content).decode()
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["p0@x.com", "p1@x.com"]
    answer = client.post(
        f"{URL}?stage__exact=mql",
        {"action": "export_leads", "_selected_action": [leads[1].pk], "select_across": "1", "_answered": "1"},
    )
    text = b"".join(answer.streaming_content).decode()
    assert sorted(text.splitlines()[1:]) == ["p1@x.com", "p2@x.com"]
    assert list(LogEntry.objects.order_by("id").values_list("object_repr", "change_message")) == [
        ("2 leads", "Exported as CSV: email, profile."),
        ("2 leads", "Exported as CSV: email."),
    ]


def test_who_may_export():
    lead = LeadFactory()
    answer = chosen(staff.colleague("sales"), [lead], _answered="1")
    assert "text/csv" not in answer.headers.get("Content-Type", "")
    assert not LogEntry.objects.exists()
