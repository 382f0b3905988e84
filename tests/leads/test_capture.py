"""A posted form, at the action."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from leads import addresses
from leads.actions import CaptureConflict, CaptureError, FormPost, UnknownForm, capture, record
from leads.batch import NewEvent
from leads.models import Company, Consent, Event, Form, Lead, Submission, Touch, Visitor
from leads.pipeline import processed_later
from tests.factories import NOON, FormFactory, LeadFactory, UserFactory, VisitorFactory

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_shipped")]


def post(form="contact", *, now=NOON, key=None, **data):
    return capture(FormPost(form, {"email": "ada@acme.com", **data}, key), now=now)


def ada():
    return Lead.objects.get(email_normal="ada@acme.com")


def test_a_post_becomes_a_lead_with_everything_it_said():
    done = post(
        email="Ada@Acme.com",
        first_name="Ada",
        company="Acme",
        company_size="50-500",
        job_title="Head of Marketing",
        message="Line one\r\nline two",
        utm_source="Google",
        utm_medium="cpc",
        gclid="G1",
        page_url="https://www.example.com/contact?utm_campaign=Spring",
    )
    lead = ada()
    assert (done.created, done.duplicate, done.lead_id) == (True, False, lead.pk)
    assert (lead.email, lead.first_name, lead.company_name, lead.company_size, lead.role) == (
        "Ada@Acme.com", "Ada", "Acme", 50, "head"
    )  # fmt: skip
    assert lead.company == Company.objects.get(domain="acme.com", name="Acme", size=50)
    assert (lead.form_source, lead.stage, lead.score) == ("contact", "mql", 65)
    assert lead.original_touch == lead.latest_touch
    touch = lead.original_touch
    assert (touch.source, touch.medium, touch.campaign, touch.click_ids) == ("google", "cpc", "spring", {"gclid": "G1"})
    assert (touch.kind, touch.form) == ("form", "contact")
    assert lead.address_hash == addresses.hash_of("ada@acme.com")
    event = Event.objects.get(kind="form.submitted")
    assert event.properties["form"] == "contact"
    assert event.properties["message"] == "Line one\nline two"
    consent = Consent.objects.get()
    assert (consent.purpose, consent.granted, consent.source) == ("marketing", True, "form:contact")
    assert Submission.objects.get().data["company_size"] == "50-500"


def test_a_second_form_enriches_and_appends_but_forgets_nothing():
    post(utm_source="google", first_name="Ada")
    rep = UserFactory()
    Lead.objects.update(owner=rep, first_owner=rep)
    first = ada()
    post("newsletter", now=NOON + DAY, utm_source="linkedin", first_name="", last_name="Ash", email="ADA@acme.com")
    lead = ada()
    assert (lead.form_source, lead.original_touch, lead.owner, lead.first_name, lead.last_name) == (
        "contact", first.original_touch, rep, "Ada", "Ash"
    )  # fmt: skip
    assert lead.latest_touch.source == "linkedin"
    assert lead.touches.count() == 2
    assert lead.submissions.count() == 2


def test_extra_fields_of_the_form_become_attributes_and_audience_is_mapped():
    post("demo-request", budget="Yes, approved", organization_type="YMCA", unknown="kept in the submission only")
    lead = ada()
    assert lead.attributes == {"budget": "Yes, approved"}
    assert (lead.audience_type, lead.primary_audience) == ("b2b", "Community organizations")
    assert lead.stage == "sql"
    assert Submission.objects.get().data["unknown"] == "kept in the submission only"


def test_free_mail_has_no_company():
    post(email="sam@gmail.com", company="Sam's shop")
    assert Lead.objects.get().company is None


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": None}, "email"),
        ({"email": ["a@b.com"]}, "email"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"first_name": {"a": 1}}, "first_name"),
        ({"first_name": ["a", "b"]}, "first_name"),
        ({"message": "x" * 5001}, "message"),
    ],
)
def test_bad_input_names_its_field_and_leaves_nothing_behind(data, field):
    with pytest.raises(CaptureError) as refused:
        post(**data)
    assert set(refused.value.fields) == {field}
    assert not Lead.objects.exists()
    assert not Submission.objects.exists()


def test_every_wrong_field_is_named_at_once():
    FormFactory(
        slug="strict",
        fields=[
            {"name": "plan", "label": "Plan", "type": "select", "options": ["a", "b"], "required": True},
            {"name": "seats", "label": "Seats", "type": "number"},
            {"name": "agree", "label": "Agree", "type": "checkbox", "required": True},
            {"name": "city", "label": "City", "required": True},
        ],
    )
    with pytest.raises(CaptureError) as refused:
        post("strict", email="no", plan="c", seats="many", agree="perhaps")
    assert set(refused.value.fields) == {"email", "plan", "seats", "agree", "city"}
    post("strict", plan="a", seats="12", agree="on", city="Rome")
    assert ada().attributes == {"plan": "a", "seats": 12, "agree": True, "city": "Rome"}


def test_an_unknown_or_closed_form_is_refused():
    Form.objects.filter(slug="contact").update(is_active=False)
    for slug in ("contact", "nothing", "x" * 500, "a\0b"):
        with pytest.raises(UnknownForm):
            post(slug)


def test_hostile_text_is_kept_as_text():
    post(
        first_name="{{7*7}}",
        last_name="<script>alert(1)</script>",
        company="A\0cme\r\nBcc: x@y.com",
        job_title="\ud800Head",
    )
    lead = ada()
    assert (lead.first_name, lead.last_name) == ("{{7*7}}", "<script>alert(1)</script>")
    assert (lead.company_name, lead.job_title) == ("Acme Bcc: x@y.com", "Head")


def test_the_same_idempotency_key_is_one_submission_for_ever():
    first = post(key="k1", first_name="Ada")
    again = post(key="k1", first_name="Ada", now=NOON + DAY)
    assert (again.submission_id, again.duplicate) == (first.submission_id, True)
    with pytest.raises(CaptureConflict):
        post(key="k1", first_name="Eve")
    with pytest.raises(CaptureConflict):
        post(key="k1", email="eve@acme.com")
    assert Lead.objects.count() == Submission.objects.count() == 1
    assert Event.objects.filter(kind="form.submitted").count() == 1


def test_a_double_click_is_one_submission_and_tomorrow_is_another():
    first = post(first_name="Ada")
    again = post(first_name="Ada", now=NOON + 5 * SECOND)
    assert (again.submission_id, again.duplicate) == (first.submission_id, True)
    assert not post(first_name="Ada L.", now=NOON + 6 * SECOND).duplicate
    assert not post(first_name="Ada", now=NOON + 61 * SECOND).duplicate


def test_an_anonymous_past_joins_the_lead_and_its_first_touch_is_the_original():
    visitor = VisitorFactory(anonymous_id="b-1")
    early = Touch.objects.create(
        visitor=visitor, kind="visit", source="bing", occurred_at=NOON - 3 * DAY, recorded_at=NOON - 3 * DAY
    )
    record(
        [NewEvent(None, "pricing.viewed", occurred_at=NOON - DAY, source="track", visitor_id=visitor.pk)],
        now=NOON - DAY,
    )
    post(anonymous_id="b-1", utm_source="google")
    lead = ada()
    assert lead.original_touch == early
    assert lead.latest_touch.source == "google"
    assert Visitor.objects.get().lead == lead
    assert "pricing-viewed" in set(lead.score_entries.values_list("rule__slug", flat=True))


def test_a_shared_browser_merges_nobody():
    post(anonymous_id="b-1")
    post(email="eve@acme.com", anonymous_id="b-1")
    assert Visitor.objects.get().lead == ada()
    assert Lead.objects.count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE leads_lead SET form_source = 'other'",
        "UPDATE leads_lead SET original_touch_id = 0",
        "UPDATE leads_lead SET original_touch_id = NULL",
        "UPDATE leads_lead SET first_owner_id = NULL",
        "UPDATE leads_touch SET source = 'other'",
        "DELETE FROM leads_touch",
        "UPDATE leads_event SET kind = 'other'",
        "UPDATE leads_event SET lead_id = NULL",
        "DELETE FROM leads_event",
        "UPDATE leads_scoreentry SET points = 99",
        "DELETE FROM leads_scoreentry",
        "UPDATE leads_stagechange SET after = 'sql'",
        "UPDATE leads_consent SET granted = false",
        "INSERT INTO leads_lead SELECT * FROM leads_lead",
    ],
)
def test_the_database_itself_refuses_to_rewrite_history(statement):
    post(utm_source="google")
    rep = UserFactory()
    Lead.objects.update(first_owner=rep)
    refused = pytest.raises(DatabaseError, match=r"pgtrigger|duplicate key")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_known_lead_that_never_sent_a_form_gets_its_form_source():
    LeadFactory(email="ada@acme.com")
    assert not post().created
    assert ada().form_source == "contact"


def test_a_mail_domain_longer_than_a_companys_name_makes_a_company():
    domain = f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 40}.com"
    post(email=f"ada@{domain}")
    company = Company.objects.get()
    assert (company.domain, company.name) == (domain, domain[:200])


def test_taking_in_a_post_costs_few_statements(django_assert_max_num_queries):
    with processed_later(), django_assert_max_num_queries(10):  # two of them are the savepoint of the test
        post(company="Acme", organization_type="Agency", anonymous_id="browser-1")
