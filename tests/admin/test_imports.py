"""The way of an upload: file, columns, check, import, what was refused. And who may go it."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from leads import importing
from leads.models import ImportRun, Lead
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
LIST = reverse("admin:leads_importrun_changelist")
ADD = reverse("admin:leads_importrun_add")
TEXT = "E-Mail;Vorname;Seit\nada@acme.com;Ada;2020\nnot an address;Ben;\n=evil@acme.com;=1+1;\n"


def page(run):
    return reverse("admin:leads_importrun_change", args=[run.pk])


def uploaded(client, text=TEXT, **options):
    file = SimpleUploadedFile("people.csv", text.encode() if isinstance(text, str) else text)
    return client.post(ADD, {"file": file, "source": "fair", "updates_known": "on", **options})


def act(client, run, verb):
    return client.post(reverse("admin:leads_importrun_act", args=[run.pk]), {"verb": verb})


def test_from_the_upload_to_the_refused_rows():
    client = staff.colleague("marketer")
    assert "Upload" in client.get(ADD).content.decode()
    answer = uploaded(client)
    run = ImportRun.objects.get()
    assert answer.headers["Location"] == page(run)
    shown = client.get(page(run)).content.decode()
    assert "Read as UTF-8 with semicolons" in shown
    assert '<option value="first_name" selected>' in shown
    assert "attributes.seit" in shown

    columns = {"column-0": "email", "column-1": "first_name", "column-2": "attributes.since", "source": "fair"}
    client.post(page(run), {**columns, "updates_known": "on"})
    run.refresh_from_db()
    assert (run.state, run.mapping["Seit"]) == ("checking", "attributes.since")
    waiting = client.get(page(run))
    assert (waiting.headers["Refresh"], "Being checked" in waiting.content.decode()) == ("2", True)
    importing.run_due(now=NOON)
    shown = client.get(page(run)).content.decode()
    assert "Would be created" in shown
    assert "Write a whole e-mail address" in shown
    assert not Lead.objects.exists()

    act(client, run, "start")
    importing.run_due(now=NOON)
    run.refresh_from_db()
    assert (run.state, run.created, run.refused) == ("done", 2, 1)
    assert "Look at them" in client.get(page(run)).content.decode()
    listed = client.get(reverse("admin:leads_lead_changelist"), {"import_run": run.pk}).content.decode()
    assert "ada@acme.com" in listed
    rows = b"".join(client.get(reverse("admin:leads_importrun_refused", args=[run.pk])).streaming_content).decode()
    assert 'not an address,Ben,,3,"Write a whole e-mail address' in rows


def test_what_is_wrong_is_said_where_it_is_mended():
    client = staff.colleague("marketer")
    assert "Excel workbook" in uploaded(client, b"PK\x03\x04rest").content.decode()
    assert "submitted file is empty" in uploaded(client, "").content.decode()
    assert not ImportRun.objects.exists()
    uploaded(client)
    run = ImportRun.objects.get()
    answer = client.post(page(run), {"column-0": "", "column-1": "first_name", "source": "fair"}).content.decode()
    assert "nobody can be imported without one" in answer
    answer = client.post(page(run), {"column-0": "email", "column-1": "email", "source": "fair"}).content.decode()
    assert "choose one of them" in answer
    run.refresh_from_db()
    assert run.state == "uploaded"


def test_an_import_is_stopped_and_goes_on(monkeypatch):
    client = staff.colleague("marketer")
    uploaded(client)
    run = ImportRun.objects.get()
    act(client, run, "start")
    act(client, run, "cancel")
    run.refresh_from_db()
    assert run.state == "canceled"
    assert importing.run_due(now=NOON) == 0
    assert (
        "elsewhere by now"
        in client.post(
            reverse("admin:leads_importrun_act", args=[run.pk]), {"verb": "start"}, follow=True
        ).content.decode()
    )


def test_who_may_import():
    for role in ("sales", "nobody"):
        client = staff.colleague(role)
        assert uploaded(client).status_code == 403
    uploaded(staff.colleague("marketer"))
    run = ImportRun.objects.get()
    sales = staff.colleague("sales")
    assert sales.get(LIST).status_code == 200
    assert act(sales, run, "start").status_code == 403
    assert sales.post(page(run), {"column-0": "email", "source": "x"}).status_code == 403
    assert "Check the file" not in sales.get(page(run)).content.decode()
    assert staff.colleague("nobody").get(page(run)).status_code == 403
    assert staff.colleague("marketer").get(reverse("admin:leads_importrun_act", args=[run.pk])).status_code == 405


def test_a_run_and_its_file_can_be_deleted_and_its_people_stay():
    client = staff.colleague("marketer")
    uploaded(client)
    run = ImportRun.objects.get()
    LeadFactory(email="ada@acme.com")
    client.post(reverse("admin:leads_importrun_delete", args=[run.pk]), {"post": "yes"})
    assert not ImportRun.objects.exists()
    assert Lead.objects.count() == 1
