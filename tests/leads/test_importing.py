"""Files of people become leads: what counts, what is refused, and what never changes."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile

from campaigns.consent import suppressing
from campaigns.models import Suppression
from leads import actions, importing
from leads.actions import FormPost
from leads.identity.merging import merge
from leads.importing import running
from leads.models import (
    AddressAlias,
    Company,
    Consent,
    Event,
    ImportRefusal,
    ImportRun,
    Lead,
    PendingEvent,
    Touch,
)
from leads.pipeline import drain
from tests.factories import NOON, AudienceFactory, FormFactory, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)


def imported(text, *, now=NOON, **options):
    """The finished run of a file with this text."""
    matched = options.pop("matched", {})
    data = text if isinstance(text, bytes) else text.encode()
    run = importing.begin(ContentFile(data, "people.csv"), "people.csv", now=now, **options)
    if matched:
        importing.match(run, {**run.mapping, **matched})
    importing.start(run)
    importing.run_due(now=now)
    run.refresh_from_db()
    return run


def counts(run):
    return (run.state, run.created, run.updated, run.unchanged, run.refused)


def test_a_file_in_german_makes_leads_with_companies_touches_and_history():
    AudienceFactory(organization_type="Gym", audience_type="b2b", primary_audience="Fitness")
    run = imported(
        "E-Mail;Vorname;Nachname;Firma;Mitarbeiter;Job title;utm_source;Organisationstyp;Plan\n"
        "Ada@Acme.com;Ada;Ash;Acme GmbH;120;Head of Marketing;Google;gym;pro\n"
        "ben@gmail.com;Ben;;;;;;;7\n",
        source="Trade-Fair",
    )
    assert counts(run) == ("done", 2, 0, 0, 0)
    ada, ben = Lead.objects.order_by("email_normal")
    assert (ada.email, ada.first_name, ada.last_name, ada.company_name) == ("Ada@Acme.com", "Ada", "Ash", "Acme GmbH")
    assert (ada.company_size, ada.role, ada.department) == (120, "head", "marketing")
    assert (ada.audience_type, ada.primary_audience) == ("b2b", "Fitness")
    assert ada.attributes == {"plan": "pro"}
    assert ben.attributes == {"plan": 7}
    assert (ada.company.domain, ada.company.name, ada.company.size) == ("acme.com", "Acme GmbH", 120)
    assert ben.company is None
    assert (ada.original_touch.kind, ada.original_touch.source) == ("import", "google")
    assert (ben.latest_touch.source, ben.latest_touch.medium) == ("trade-fair", "import")
    told = Event.objects.get(lead=ada)
    assert (told.kind, told.source, told.key) == ("lead.created", "import", f"{run.pk}:2")
    assert PendingEvent.objects.count() == 2
    assert not run.file


def test_scores_follow(shipped):
    imported("email,job title,employees\nada@acme.com,CEO,120\n")
    drain(now=NOON)
    assert Lead.objects.get().fit_score == 55


def test_the_same_file_again_changes_nobody_and_adds_a_touch():
    text = "email,first name,plan\nada@acme.com,Ada,5\nben@acme.com,Ben,6\n"
    imported(text)
    before = list(Lead.objects.order_by("id").values("first_name", "attributes", "original_touch", "stage", "company"))
    run = imported(text, now=LATER)
    assert counts(run) == ("done", 0, 0, 2, 0)
    assert list(Lead.objects.order_by("id").values(*before[0])) == before
    assert Touch.objects.count() == 4
    assert Event.objects.count() == 2
    assert Company.objects.count() == 1


def test_what_is_known_is_filled_in_and_its_origin_stays():
    FormFactory()
    actions.capture(FormPost("contact", {"email": "ada@acme.com", "phone": "123", "utm_source": "google"}), now=NOON)
    lead = Lead.objects.get()
    rep = UserFactory()
    actions.assign_owner(lead, rep, now=NOON)
    Lead.objects.update(stage="sql")
    first = lead.original_touch_id
    run = imported("email,phone,country,stage,owner,utm_source\nADA@acme.com,,IT,cold,bob,fair\n", now=LATER)
    assert counts(run) == ("done", 0, 1, 0, 0)
    lead.refresh_from_db()
    assert (lead.phone, lead.country, lead.stage, lead.owner, lead.form_source) == ("123", "IT", "sql", rep, "contact")
    assert lead.original_touch_id == first
    assert (lead.latest_touch.source, lead.latest_touch.kind) == ("fair", "import")
    assert Event.objects.get(kind="lead.updated").properties["fields"] == ["country"]


def test_people_we_know_can_be_left_alone_but_not_their_opt_out():
    LeadFactory(email="ada@acme.com", country="DE")
    run = imported("email,country,unsubscribed\nada@acme.com,IT,yes\nnew@acme.com,IT,no\n", updates_known=False)
    assert counts(run) == ("done", 1, 0, 1, 0)
    ada = Lead.objects.get(email="ada@acme.com")
    assert ada.country == "DE"
    assert not ada.touches.exists()
    assert Suppression.objects.get().address_hash == ada.address_hash


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("updates", [True, False])
def test_two_rows_of_one_person_count_from_top_to_bottom(monkeypatch, size, updates):
    monkeypatch.setattr(running, "CHUNK", size)
    text = "email,first name,country\nada@acme.com,Ada,DE\nADA@acme.com,Adele,\nada@acme.com,,IT\nada@acme.com,,IT\n"
    run = imported(text, updates_known=updates)
    lead = Lead.objects.get()
    if updates:
        assert counts(run) == ("done", 1, 2, 1, 0)
        assert (lead.first_name, lead.country) == ("Adele", "IT")
        assert lead.original_touch_id < lead.latest_touch_id
    else:
        assert counts(run) == ("done", 1, 0, 3, 0)
        assert (lead.first_name, lead.country) == ("Ada", "DE")


def test_every_refused_row_says_where_and_why():
    run = imported(
        "Mail,First name,Employees,Time zone\n"
        "ada@acme.com,Ada,10,Europe/Berlin\n"
        "not an address,Ben,,\n"
        ",Cleo,,\n"
        f"dan@acme.com,{'x' * 101},many,Mars\n"
        "eve@acme.com,Eve,10,Europe/Berlin,what,is this\n"
        ",,,\n"
        "fay@acme.com\n"
    )
    assert counts(run) == ("done", 2, 0, 0, 4)
    assert run.rows == run.done == 6
    assert [str(one) for one in run.refusals.all()] == [
        "line 3: Write a whole e-mail address, like ada@example.com.",
        "line 4: An e-mail address is needed.",
        "line 5: First name: At most 100 characters. Employees: A number of employees is expected here, like 120 or "
        "50-500. Time zone: “Mars” is not a time zone; write one like Europe/Berlin.",
        "line 6: The row has 6 cells or more, the heading 4: a text with a separator in it needs quotation marks.",
    ]
    assert run.refusals.first().row == ["not an address", "Ben", "", ""]


@pytest.mark.parametrize(
    ("column", "cell", "blocked"),
    [
        ("unsubscribed", "yes", True),
        ("Opted out", "2024-05-01", True),
        ("Abgemeldet", "x", True),
        ("unsubscribed", "no", False),
        ("unsubscribed", "", False),
        ("unsubscribed", "subscribed", False),
        ("Subscribed", "no", True),
        ("Email opt-in", "Unsubscribed", True),
        ("Subscribed", "yes", False),
        ("Subscribed", "", False),
        ("Consent", "no", True),
    ],
)
def test_an_opt_out_elsewhere_is_one_here(column, cell, blocked):
    run = imported(f"email,{column}\nada@acme.com,{cell}\n")
    assert counts(run) == ("done", 1, 0, 0, 0)
    assert Suppression.objects.exists() is blocked
    if blocked:
        found = Suppression.objects.get()
        assert (found.address_hash, found.scope) == (Lead.objects.get().address_hash, "marketing")
        assert Consent.objects.get().granted is False
        assert Event.objects.filter(kind="email.unsubscribed").count() == 1


def test_an_opt_out_in_a_refused_row_is_kept_too():
    run = imported(f"email,first name,unsubscribed\nada@acme.com,{'x' * 101},yes\n")
    assert counts(run) == ("done", 0, 0, 0, 1)
    assert Suppression.objects.count() == 1
    assert not Lead.objects.exists()


def test_an_opt_out_in_a_refused_row_binds_whom_the_address_leads_to_since_a_merge():
    """The row does not read, but the person it names said no: under any of their addresses."""
    kept, other = LeadFactory(email="ada@acme.com"), LeadFactory(email="ada@home.org")
    merge(kept, other, now=NOON)
    imported("email,employees,unsubscribed\nada@home.org,many,yes\n")
    assert ImportRefusal.objects.count() == 1
    assert set(Suppression.objects.values_list("address_hash", flat=True)) == {kept.address_hash, other.address_hash}
    assert Consent.objects.filter(lead=kept, granted=False).count() == 1


def test_an_import_never_lifts_a_suppression_nor_claims_consent_against_a_withdrawal():
    lead = LeadFactory(email="ada@acme.com")
    suppressing.suppress(lead.address_hash, scope="marketing", reason="unsubscribed", source="test", now=NOON)
    imported("email,subscribed,consent,consent date\nada@acme.com,yes,I agree,\n", now=LATER)
    imported("email,consent,consent date\nada@acme.com,I agree,2020-01-01\n", now=LATER)
    assert Suppression.objects.count() == 1
    assert [one.granted for one in Consent.objects.order_by("id")] == [False]


def test_consent_is_kept_as_proof_once():
    text = "email,consent,consent date\nada@acme.com,Yes please,2025-01-02\nben@acme.com,yes,\n"
    imported(text)
    imported(text, now=LATER)
    ada, ben = Consent.objects.order_by("id")
    assert (ada.text, ada.at.date().isoformat(), ada.source) == ("Yes please", "2025-01-02", "import:import")
    assert (ben.text, ben.at) == ("As imported.", NOON)


def test_the_address_of_a_merged_person_leads_to_the_one_that_stayed():
    lead = LeadFactory(email="ada@acme.com")
    AddressAlias.objects.create(email_normal="old@acme.com", address_hash="h" * 32, lead=lead, created_at=NOON)
    run = imported("email,country,unsubscribed\nOLD@acme.com,IT,yes\n")
    assert counts(run) == ("done", 0, 1, 0, 0)
    lead.refresh_from_db()
    assert (lead.email, lead.country) == ("ada@acme.com", "IT")
    assert Suppression.objects.filter(address_hash=lead.address_hash).exists()


def test_a_check_tells_the_same_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 2)
    LeadFactory(email="ada@acme.com", country="IT")
    text = "email,country,unsubscribed\nada@acme.com,IT,\nben@acme.com,DE,yes\nbad,,\nben@acme.com,FR,\n"
    run = importing.begin(ContentFile(text.encode()), "people.csv", now=NOON)
    importing.check(run)
    importing.run_due(now=NOON)
    run.refresh_from_db()
    assert counts(run) == ("checked", 1, 1, 1, 1)
    assert (Lead.objects.count(), Company.objects.count(), Suppression.objects.count()) == (1, 0, 0)
    assert not Touch.objects.exists()
    importing.start(run)
    importing.run_due(now=NOON)
    run.refresh_from_db()
    assert counts(run) == ("done", 1, 1, 1, 1)
    assert ImportRefusal.objects.count() == 1


def test_it_goes_on_where_it_was_stopped(monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 3)
    text = "email\n" + "".join(f"p{n}@acme.com\n" for n in range(10))
    run = importing.begin(ContentFile(text.encode()), "people.csv", now=NOON)
    importing.start(run)
    importing.run_due(now=NOON, seconds=0)
    assert not Lead.objects.exists()
    claimed = running._claim(running._LOOKING_FOR_WORK, [], now=NOON)
    steps = running._chunks(ImportRun.objects.get(pk=run.pk), claimed[1], now=NOON)
    assert next(steps) == 3
    steps.close()  # the worker dies here, with its lease
    assert importing.run_due(now=NOON) == 0
    ImportRun.objects.update(lease_until=NOON - timedelta(days=3650))
    assert importing.run_due(now=NOON) == 7
    run.refresh_from_db()
    assert counts(run) == ("done", 10, 0, 0, 0)
    assert Lead.objects.count() == Touch.objects.count() == Event.objects.count() == 10


def test_what_was_only_checked_begins_at_its_first_row_when_it_goes_on_after_all():
    run = importing.begin(ContentFile(b"email,employees\nada@acme.com,5\nben@acme.com,many\n"), "p.csv", now=NOON)
    importing.check(run)
    importing.run_due(now=NOON)
    run.refresh_from_db()
    assert counts(run) == ("checked", 1, 0, 0, 1)
    importing.cancel(run, now=NOON)
    assert counts(run) == ("canceled", 0, 0, 0, 0)
    assert not run.refusals.exists()
    importing.go_on(run)
    importing.run_due(now=NOON)
    run.refresh_from_db()
    assert counts(run) == ("done", 1, 0, 0, 1)
    assert Lead.objects.get().email == "ada@acme.com"


def test_a_canceled_import_stops_and_may_go_on(monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 2)
    text = "email\n" + "".join(f"p{n}@acme.com\n" for n in range(6))
    run = importing.begin(ContentFile(text.encode()), "people.csv", now=NOON)
    importing.start(run)

    def stop(done, rows):
        if done == 4:
            importing.cancel(run, now=NOON)

    assert importing.run_now(run, progress=stop, now=NOON)
    run.refresh_from_db()
    assert (run.state, run.done, Lead.objects.count()) == ("canceled", 4, 4)
    assert importing.go_on(run)
    importing.run_due(now=NOON)
    run.refresh_from_db()
    assert counts(run) == ("done", 6, 0, 0, 0)


def test_a_file_that_ends_in_an_open_quote_stops_with_its_line():
    text = 'email,note\nada@acme.com,"fine"\nben@acme.com,"' + "x" * 140_000
    run = imported(text)
    assert run.state == "failed"
    assert run.error.startswith("Line 3: a cell holds more than")


def test_files_and_refused_rows_are_kept_for_a_while_only():
    run = imported("email\nnot an address\n")
    waiting = importing.begin(ContentFile(b"email\nada@acme.com\n"), "people.csv", now=NOON)
    assert importing.forget(now=NOON + timedelta(days=6)) == 0
    importing.forget(now=NOON + timedelta(days=31))
    waiting.refresh_from_db()
    assert not waiting.file
    assert not run.refusals.exists()
    importing.start(waiting)
    importing.run_due(now=NOON)
    waiting.refresh_from_db()
    assert waiting.error == "The file is not there any more; upload it again."


def test_who_is_erased_is_taken_out_of_refused_rows_and_waiting_files():
    lead = LeadFactory(email="ada@acme.com")
    imported(f"email,first name\nADA@acme.com,{'x' * 101}\n")
    waiting = importing.begin(ContentFile("email\nada@acme.com\n".encode("utf-16")), "people.csv", now=NOON)
    checking = importing.begin(ContentFile(b"email\nada@acme.com\n"), "people.csv", now=NOON)
    importing.check(checking)
    other = importing.begin(ContentFile(b"email\nben@acme.com\n"), "people.csv", now=NOON)
    actions.erase(lead, now=NOON)
    assert not ImportRefusal.objects.exists()
    waiting.refresh_from_db()
    other.refresh_from_db()
    assert (waiting.state, bool(waiting.file)) == ("canceled", False)
    checking.refresh_from_db()
    assert (checking.state, bool(checking.file)) == ("canceled", False)
    assert (other.state, bool(other.file)) == ("uploaded", True)


def test_a_file_too_large_is_refused_before_it_is_read():
    file = ContentFile(b"email\n")
    file.size = importing.LARGEST + 1
    with pytest.raises(importing.FileProblem, match="larger than 200 MB"):
        importing.begin(file, "people.csv", now=NOON)
