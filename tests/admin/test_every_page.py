"""Every page of the admin answers, for everybody as their role says, in a number of queries that does not grow."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from campaigns.models import (
    Backfill,
    BackfillEntry,
    Broadcast,
    BroadcastRun,
    Experiment,
    Hit,
    Holiday,
    ProviderEvent,
    RehearsalRun,
    SenderAccount,
    SequenceChange,
    Suppression,
    Variant,
    WaitingEntry,
    WebhookCall,
)
from leads.models import (
    AddressAlias,
    Audience,
    ChannelRule,
    Consent,
    Conversion,
    EventName,
    ImportRun,
    LandingPage,
    Lead,
    LeadMerge,
    Magnet,
    PageRule,
    PageVariant,
    PendingIdentity,
    PossibleDuplicate,
    Submission,
    TitleRule,
    Visitor,
    Workspace,
)
from lifecycle.api import keys
from lifecycle.api.models import RejectedCall
from lifecycle.customers.models import (
    BillingAccount,
    Invoice,
    LeavingReason,
    Product,
    Purchase,
    PurchaseReference,
    Refund,
    Subscription,
)
from lifecycle.integrations.models import AnswerRule, InboxEvent, RefusedCall, WebhookRule, WebhookSource
from lifecycle.sales.models import Alert, AssignmentRule, Meeting, Task
from tests import staff
from tests.copies import copy, using
from tests.factories import NOON, AudienceFactory, CompanyFactory, FormFactory, SegmentFactory, StageRuleFactory
from tests.webinars.cast import come, make_webinar

pytestmark = pytest.mark.django_db
OURS = ("leads", "campaigns", "sales", "api", "integrations", "customers", "webinars")
PAGES = [model for model in admin.site._registry if model._meta.app_label in (*OURS, "auth", "django_celery_beat")]


@pytest.fixture(scope="module")
def filled(django_db_setup, django_db_blocker):
    """A database of its own with one row of everything that the admin shows; each test rolls back what it did."""
    plain = str(connections["default"].settings_dict["NAME"])
    name = f"{plain}_company"
    with django_db_blocker.unblock():
        copy(plain, name)
        with using(name):
            pk = found().pk
    with using(name):
        yield pk


@pytest.fixture
def company(filled):
    return Lead.objects.get(pk=filled)


def found():
    """One row of everything; the lead that most of it is about."""
    Workspace.load()
    lead = staff.hot_lead(company=CompanyFactory())
    nurture = staff.sequence()
    staff.run(lead, nurture)
    Variant.objects.none()
    mail = staff.message(lead, "one:1", sequence=nurture)
    staff.moved(lead, "cold", "mql", "Sent a form")
    staff.dead(lead)
    form = FormFactory()
    Submission.objects.create(form=form, lead=lead, data={"email": lead.email}, body_hash="x", received_at=NOON)
    AudienceFactory(), SegmentFactory(rule={"field": "stage", "op": "eq", "value": "sql"}), StageRuleFactory()
    EventName.objects.create(name="VIEWED_PRICING", kind="pricing.viewed")
    PageRule.objects.create(pattern="/pricing*", kind="pricing.viewed")
    public, _ = keys.issue(name="Site", scopes=["track:write"], allowed_origins=["https://www.example.com"], now=NOON)
    RejectedCall.objects.create(key=public, call="track", reason="event is missing", body='{"userId": 1}', at=NOON)
    Conversion.objects.create(
        lead=lead, kind="purchase", key="A-1", amount=99, currency="EUR", occurred_at=NOON, recorded_at=NOON
    )
    Magnet.objects.create(slug="guide", name="The guide", file="magnets/guide.pdf", created_at=NOON)
    landing = LandingPage.objects.create(slug="guide", name="Guide", title="Guide", created_at=NOON, updated_at=NOON)
    PageVariant.objects.create(page=landing, key="a", blocks=[{"type": "text", "body": "Hello"}])
    Visitor.objects.create(anonymous_id="b1", created_at=NOON)
    Visitor.objects.create(user_id="u1", lead=lead, created_at=NOON)
    Consent.objects.create(lead=lead, address_hash="h", purpose="marketing", granted=True, source="form", at=NOON)
    Hit.objects.create(message=mail, kind="open", method="GET", verdict="machine", reason="proxy", at=NOON)
    ProviderEvent.objects.create(key="k", provider="test", kind="delivered", message=mail, at=NOON)
    Holiday.objects.create(day=NOON.date(), name="A holiday")
    TitleRule.objects.create(words="cto", role="executive")
    ChannelRule.objects.create(channel="Paid search", mediums="cpc")
    ImportRun.objects.create(file_name="people.csv", headings=["email"], state="done", created_at=NOON)
    Suppression.objects.create(address_hash="h", scope="marketing", reason="unsubscribed", created_at=NOON)
    rule = AssignmentRule.objects.create(name="Everyone")
    rule.reps.add(staff.of(staff.colleague("sales")))
    Alert.objects.create(
        key="a", lead=lead, kind="hot", headline="Hot", to_email="x@example.com", created_at=NOON, due_at=NOON
    )
    news = Broadcast.objects.create(slug="news", name="News", template=mail.template_version.template)
    BroadcastRun.objects.create(broadcast=news, occurs_at=NOON, started_at=NOON)
    Experiment.objects.create(sequence=nurture, step_key="first")
    WebhookCall.objects.create(key="w", lead=lead, url="https://example.com/", body={}, created_at=NOON, due_at=NOON)
    Task.objects.create(lead=lead, title="Call", created_at=NOON)
    said = [{"question": "Why?", "answer": "Because"}]
    Meeting.objects.create(
        lead=lead, provider="calendly", reference="r", starts_at=NOON, booked_at=NOON, created_at=NOON, answers=said
    )
    backfill = Backfill.objects.create(sequence=nurture, mode="all", matched=1, created_at=NOON)
    BackfillEntry.objects.create(backfill=backfill, lead=lead, since=NOON, due_at=NOON)
    WaitingEntry.objects.create(lead=lead, sequence=nurture, since=NOON, until=NOON, reason="filter: needs more")
    week = {"since": NOON - timedelta(days=7), "until": NOON, "asked_at": NOON}
    RehearsalRun.objects.create(version=nurture.versions.first(), **week)
    SequenceChange.objects.create(sequence=nurture, at=NOON, action="published", detail={"inside": 3})
    every, _ = IntervalSchedule.objects.get_or_create(every=1, period="minutes")
    PeriodicTask.objects.get_or_create(name="A job", defaults={"interval": every, "task": "x"})
    CrontabSchedule.objects.get_or_create(minute="1")
    other = staff.hot_lead(7)
    PossibleDuplicate.objects.create(lead=lead, other=other, reason="the two used one browser", seen_at=NOON)
    AddressAlias.objects.create(email_normal="old@acme.com", address_hash="o", lead=lead, created_at=NOON)
    before = {"email": "old@acme.com", "id": 1}
    LeadMerge.objects.create(kept=lead, merged_id=1, kept_before=before, merged_before=before, at=NOON)
    billed = {"lead": lead, "provider": "stripe", "amount": 1188, "currency": "EUR"}
    running = Subscription.objects.create(
        **billed, reference="sub_1", state="active", interval_months=12, started_at=NOON, told_at=NOON, created_at=NOON
    )
    failed = {"state": "failed", "issued_at": NOON, "failed_at": NOON, "told_at": NOON}
    Invoice.objects.create(**billed, reference="in_1", subscription=running, **failed)
    payment = Purchase.objects.create(**billed, key="pi_1", purchased_at=NOON, recorded_at=NOON)
    PurchaseReference.objects.create(provider="stripe", reference="ch_1", purchase=payment)
    Refund.objects.create(purchase=payment, key="re_1", amount=10, refunded_at=NOON)
    Product.objects.create(name="Team", references=["prod_1"])
    LeavingReason.objects.create(slug="price", label="Too expensive", way_back="pricing")
    AnswerRule.objects.create(question="company size", target="company_size")
    BillingAccount.objects.create(provider="stripe", reference="cus_1", lead=lead, created_at=NOON)
    call = staff.event(lead, "user.identified")
    PendingIdentity.objects.create(event=call, visitor=Visitor.objects.get(user_id="u1"), attempts=5, dead_at=NOON)
    shop = WebhookSource.objects.create(slug="shop", name="Shop", secret="x", created_at=NOON)
    WebhookRule.objects.create(source=shop, kind="upgraded", event_kind="plan.upgraded", email_path="email")
    told = {"kind": "invitee.created", "body": b'{"a": 1}', "received_at": NOON, "due_at": NOON}
    InboxEvent.objects.create(provider="calendly", key="1", lead=lead, error="ValueError", **told)
    RefusedCall.objects.create(provider="calendly", code="bad_signature", hour=NOON, last_at=NOON)
    come(make_webinar(speakers=["Ada Park"]), lead)
    SenderAccount.objects.create(name="mail.example.com", per_second=5, blocked_until=NOON, blocked_reason="421 later")
    return lead


def address(model, page: str, *args) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_list_and_row_and_empty_form_answer(model, company):
    client = staff.colleague("boss")
    assert client.get(address(model, "changelist")).status_code in (200, 302)
    assert client.get(address(model, "add")).status_code in (200, 403)
    row = model.objects.first()
    if row is not None:
        assert client.get(address(model, "change", row.pk)).status_code == 200


def test_there_is_a_row_to_look_at_of_nearly_everything(company):
    empty = {model._meta.label for model in PAGES if not model.objects.exists()}
    assert empty <= {"django_celery_beat.ClockedSchedule"}


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_searching_answers(model, company):
    client = staff.colleague("boss")
    for words in ("ana@acme.com", "%_'\"", "²", "a" * 300):
        assert client.get(address(model, "changelist"), {"q": words}).status_code in (200, 302)


LISTED = [
    "leads.Lead",
    "leads.Event",
    "campaigns.Message",
    "campaigns.Enrollment",
    "leads.ScoreEntry",
    "leads.StageChange",
]


@pytest.mark.parametrize("label", LISTED)
def test_a_list_of_many_takes_the_queries_of_a_list_of_one(label):
    model = next(model for model in PAGES if model._meta.label == label)
    client, nurture = staff.colleague("boss"), staff.sequence("crowded")

    def fill(number: int) -> None:
        lead = staff.hot_lead(number, company=CompanyFactory(), owner=staff.of(staff.colleague("sales")))
        staff.event(lead, "pricing.viewed")
        staff.run(lead, nurture)
        staff.message(lead, f"m:{number}", sequence=nurture)
        staff.moved(lead, "cold", "mql", "x")

    fill(20)
    client.get(address(model, "changelist"))
    with CaptureQueriesContext(connection) as one:
        client.get(address(model, "changelist"))
    for number in range(21, 32):
        fill(number)
    with CaptureQueriesContext(connection) as many:
        client.get(address(model, "changelist"))
    assert len(many) == len(one) <= 14


def test_a_leads_page_takes_the_same_queries_however_long_its_history():
    lead, client = staff.hot_lead(40), staff.colleague("boss")
    staff.event(lead, "pricing.viewed")
    staff.message(lead, "m:0")
    url = reverse("admin:leads_lead_change", args=[lead.pk])
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for _ in range(80):
        staff.event(lead, "pricing.viewed")
    staff.message(lead, "m:1")
    with CaptureQueriesContext(connection) as many:
        page = client.get(url).content.decode()
    assert len(many) == len(few)
    assert page.count("pricing.viewed") <= 60  # the newest fifty, not all eighty


@pytest.mark.parametrize(
    ("role", "label", "sees"),
    [
        ("marketer", "leads.Lead", True),
        ("marketer", "leads.ScoreRule", True),
        ("marketer", "campaigns.Sequence", True),
        ("marketer", "campaigns.Suppression", True),
        ("marketer", "auth.User", False),
        ("marketer", "django_celery_beat.PeriodicTask", False),
        ("sales", "leads.Lead", True),
        ("sales", "campaigns.Message", True),
        ("sales", "leads.Workspace", False),
        ("sales", "campaigns.Suppression", False),
        ("sales", "auth.User", False),
        ("admin", "auth.User", True),
        ("admin", "django_celery_beat.PeriodicTask", True),
        ("admin", "leads.Lead", True),
        ("outsider", "leads.Lead", False),
        ("nobody-in-particular", "leads.Lead", False),
    ],
)
def test_who_sees_what(role, label, sees, company):
    model = next(model for model in PAGES if model._meta.label == label)
    answer = staff.colleague(role).get(address(model, "changelist"))
    if role == "outsider":
        assert answer.headers["Location"].startswith("/admin/login/")
    else:
        assert answer.status_code == (200 if sees else 403)


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model._meta.label)
def test_strangers_get_the_login(model, client):
    for page in ("changelist", "add"):
        assert client.get(address(model, page)).headers["Location"].startswith("/admin/login/")


INSERT_ONLY = ["leads.Event", "leads.Touch", "leads.ScoreEntry", "leads.StageChange", "leads.Consent", "campaigns.Hit"]


@pytest.mark.parametrize("label", [*INSERT_ONLY, "campaigns.Message", "campaigns.TemplateVersion", "sales.Alert"])
def test_history_cannot_be_written_even_by_the_superuser(label, company):
    model = next(model for model in PAGES if model._meta.label == label)
    client, row = staff.colleague("boss"), model.objects.first()
    assert client.post(address(model, "add"), {}).status_code == 403
    assert client.post(address(model, "change", row.pk), {}).status_code == 403
    assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_lead_is_never_deleted_here(company):
    url = reverse("admin:leads_lead_delete", args=[company.pk])
    assert staff.colleague("boss").post(url, {"post": "yes"}).status_code == 403


def test_the_workspace_list_is_its_one_page():
    answer = staff.colleague("marketer").get(reverse("admin:leads_workspace_changelist"))
    assert answer.headers["Location"] == reverse("admin:leads_workspace_change", args=[1])


def test_audiences_are_edited_by_marketers_and_not_by_sales(company):
    url = reverse("admin:leads_audience_add")
    asked = {"organization_type": "Gym", "audience_type": "b2b", "primary_audience": "Fitness"}
    assert staff.colleague("sales").post(url, asked).status_code == 403
    staff.colleague("marketer").post(url, asked)
    assert Audience.objects.filter(organization_type="Gym").exists()


def test_the_pages_need_nothing_from_other_machines(company):
    for url in ("/admin/", "/console/", reverse("admin:leads_lead_changelist"), "/admin/login/"):
        answer = staff.colleague("boss").get(url, follow=True)
        page = answer.content.decode()
        for start in ('src="http', "src='http", 'rel="stylesheet" href="http', "@import url(http"):
            assert start not in page
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_an_empty_list_says_what_would_stand_in_it_and_an_empty_search_how_to_go_back() -> None:
    PossibleDuplicate.objects.all().delete()
    client, address = staff.colleague("marketer"), reverse("admin:leads_possibleduplicate_changelist")
    page = client.get(address).content.decode()
    assert "when a form or a call names them together" in page
    assert "Clear the search" not in page
    page = client.get(address, {"q": "ada@acme.com"}).content.decode()
    assert "No possible duplicate fits" in page
    assert "Clear the search" in page
