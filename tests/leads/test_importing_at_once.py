"""An import beside forms and other imports, on real commits; and the command, as people call it."""

import io
import threading
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from leads import importing
from leads.actions import FormPost, capture
from leads.audit import verify_scores
from leads.importing import running
from leads.models import Company, Event, ImportRun, Lead, Submission, Touch
from leads.pipeline import drain
from tests.factories import NOON, FormFactory, LeadFactory
from tests.leads.test_concurrency import together

PEOPLE = 240


def run_of(numbers, **options):
    text = "email,first name,country\n" + "".join(f"p{n}@company{n % 7}.example,Ada{n},IT\n" for n in numbers)
    run = importing.begin(ContentFile(text.encode()), "people.csv", now=NOON, **options)
    importing.start(run)
    return run


@pytest.mark.django_db(transaction=True)
def test_forms_and_two_imports_of_the_same_people_at_the_same_moment(monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 40)
    FormFactory()
    first, second = run_of(range(PEOPLE)), run_of(reversed(range(PEOPLE)))

    def work(number):
        if number < 3:  # two workers for two runs, and one that finds nothing or what is left
            return importing.run_due(now=NOON)
        for person in range(number, PEOPLE, 3):
            data = {"email": f"p{person}@company{person % 7}.example", "phone": "1", "utm_source": "site"}
            capture(FormPost("contact", data), now=NOON + timedelta(seconds=1))
        return 0

    rows = together(6, work)
    assert sum(rows) == 2 * PEOPLE
    drain(now=NOON + timedelta(minutes=1))
    for run in (first, second):
        run.refresh_from_db()
        assert (run.state, run.done, run.refused) == ("done", PEOPLE, 0)
    assert Lead.objects.count() == PEOPLE
    assert Company.objects.count() == 7
    assert set(Lead.objects.values_list("country", "phone").distinct()) <= {("IT", "1"), ("IT", "")}
    forms = Submission.objects.count()
    assert Touch.objects.count() == 2 * PEOPLE + forms
    made = Event.objects.filter(kind="lead.created").count()
    assert made == first.created + second.created
    assert not Lead.objects.filter(original_touch=None).exists()
    assert not verify_scores()


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_do_a_chunk_twice(monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 10)
    run = run_of(range(PEOPLE))
    together(4, lambda number: importing.run_due(now=NOON))
    run.refresh_from_db()
    assert (run.state, run.created, run.done) == ("done", PEOPLE, PEOPLE)
    assert Touch.objects.count() == PEOPLE


# --- the command


@pytest.fixture
def file(tmp_path):
    def write(text, name="people.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def command(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command("import_leads", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_the_command_reports_and_writes_what_was_refused(file):
    path = file("E-Mail,Vorname,Farbe\nada@acme.com,Ada,=rot\nnobody,Ben,blau\n")
    out, err = command(path, "--source", "Trade Fair", "--map", "Farbe=attributes.colour")
    assert "E-Mail → email" in out
    assert "1 created, 0 updated, 0 unchanged, 1 refused" in out
    assert "line 3: Write a whole e-mail address" in err
    lead = Lead.objects.get()
    assert (lead.first_name, lead.attributes, lead.original_touch.source) == ("Ada", {"colour": "=rot"}, "trade fair")
    refused = path.with_name("people.refused.csv").read_text(encoding="utf-8-sig")
    assert refused.splitlines()[0] == "E-Mail,Vorname,Farbe,Line,Why it was refused"
    assert refused.splitlines()[1].startswith("nobody,Ben,blau,3,")
    assert ImportRun.objects.get().state == "done"


@pytest.mark.django_db
def test_a_dry_run_changes_nothing_and_leaves_no_trace(file):
    LeadFactory(email="ada@acme.com")
    out, _ = command(file("email,country\nada@acme.com,IT\nben@acme.com,DE\n"), "--dry-run")
    assert "1 would be created, 1 would be updated, 0 unchanged, 0 refused" in out
    assert Lead.objects.count() == 1
    assert not ImportRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_keeps_its_run_while_the_product_looks_for_work(file):
    path = file("email\n" + "".join(f"p{number}@acme.com\n" for number in range(PEOPLE)))
    ended = threading.Event()

    def work(number):
        if number:
            rows = 0
            while not ended.is_set():
                rows += importing.run_due(now=NOON)
            return rows
        try:
            return [command(path, "--dry-run")[0], command(path)[0]]
        finally:
            ended.set()

    told, *rows = together(3, work)
    assert f"{PEOPLE} would be created" in told[0]
    assert f"{PEOPLE} created" in told[1]
    assert rows == [0, 0]


@pytest.mark.django_db
def test_keep_known_leaves_people_alone(file):
    LeadFactory(email="ada@acme.com", country="DE")
    command(file("email,country\nada@acme.com,IT\n"), "--keep-known")
    assert Lead.objects.get().country == "DE"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        ("", [], "The file is empty."),
        (b"PK\x03\x04", [], "Excel workbook"),
        ("name\nAda\n", [], "No column is matched with the e-mail address"),
        ("email\nada@acme.com\n", ["--map", "Farbe=country"], "There is no column “Farbe”"),
        ("email\nada@acme.com\n", ["--map", "email"], "write it as COLUMN=FIELD"),
        ("email,a\nada@acme.com,x\n", ["--map", "a=stage"], "there is no field “stage”"),
        ("email\nnobody\n", [], "Every row was refused."),
    ],
)
def test_what_cannot_be_imported_is_said_and_nothing_is_left(file, text, arguments, told):
    with pytest.raises(CommandError, match=told):
        command(file(text), *arguments)
    assert not Lead.objects.exists()


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        command(tmp_path / "none.csv")
    with pytest.raises(CommandError, match="cannot be read"):
        command(tmp_path)
