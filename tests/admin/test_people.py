"""People, rules and forms in the admin: every change goes through an action or is refused with its place."""

import json

import pytest
from django.urls import reverse

from leads import segments
from leads.models import Event, Form, Lead, PendingEvent, ScoreRule, Segment, StageChange, StageRule
from tests import staff
from tests.factories import NOON, FormFactory, LeadFactory, SegmentFactory

pytestmark = pytest.mark.django_db
PROFILE = {"first_name": "Bea", "last_name": "Silva0", "phone": "", "job_title": "CTO", "company_name": "Beta"}
PROFILE |= {"company_size": "70", "industry": "", "organization_type": "", "country": "", "timezone": "Europe/Lisbon"}


def change(lead: Lead, role: str = "sales", **values):
    client, url = staff.colleague(role), reverse("admin:leads_lead_change", args=[lead.pk])
    shown = client.get(url).context["inline_admin_formsets"]
    tabs = {}
    for tab in shown:  # what a browser sends along for the tabs that are only read
        tabs |= {field.html_name: field.value() for field in tab.formset.management_form}
        for form in tab.formset.initial_forms:
            tabs |= {form.add_prefix("id"): form.instance.pk, form.add_prefix("lead"): lead.pk}
    return client.post(url, {**tabs, **PROFILE, **values}, follow=True).content.decode()


def bulk(name: str, rows, *, role: str = "sales", model: str = "leads_lead", **answers):
    asked = {"action": name, "_selected_action": [row.pk for row in rows], "index": 0, **answers}
    return staff.colleague(role).post(reverse(f"admin:{model}_changelist"), asked, follow=True).content.decode()


def test_a_profile_is_edited_and_the_change_is_an_event():
    lead = staff.hot_lead()
    change(lead)
    lead = Lead.objects.get(pk=lead.pk)
    assert (lead.first_name, lead.job_title, lead.company_name, lead.company_size) == ("Bea", "CTO", "Beta", 70)
    assert lead.role == "executive"
    told = Event.objects.get(lead=lead, kind="lead.updated")
    assert told.properties["actor"] == staff.of(staff.colleague("sales")).pk


def test_what_is_evidence_cannot_be_posted_over():
    lead = staff.hot_lead()
    before = Lead.objects.get(pk=lead.pk)
    change(lead, stage="customer", score="1", email="other@x.com", owner="1", form_source="x", original_touch="")
    after = Lead.objects.get(pk=lead.pk)
    for name in ("stage", "email", "owner_id", "form_source", "original_touch_id", "email_normal"):
        assert getattr(after, name) == getattr(before, name)


def test_a_zone_that_is_none_is_refused():
    lead = staff.hot_lead()
    assert "is not a time zone" in change(lead, timezone="Mars/Base")


def test_adding_a_person_by_hand_needs_an_address_that_is_one():
    client, url = staff.colleague("sales"), reverse("admin:leads_lead_add")
    assert "valid email address" in client.post(url, {**PROFILE, "email": "nonsense"}).content.decode()
    assert not Lead.objects.exists()
    client.post(url, {**PROFILE, "email": "New@Acme.com"})
    assert Lead.objects.get(email_normal="new@acme.com").first_name == "Bea"


@pytest.mark.parametrize(("words", "count"), [("HOT1@acme", 1), ("hot", 2), ("silva1", 1), ("acme", 2), ("zz", 0)])
def test_leads_are_found_by_how_things_begin(words, count):
    staff.hot_lead(1), staff.hot_lead(2)
    changes = staff.colleague("sales").get(reverse("admin:leads_lead_changelist"), {"q": words}).context["cl"]
    assert changes.result_count == count


def test_many_are_assigned_to_me():
    rows = [staff.hot_lead(1), staff.hot_lead(2)]
    bulk("assign_to_me", rows)
    assert set(Lead.objects.values_list("owner__username", flat=True)) == {"sales@example.com"}


def test_many_are_given_to_a_colleague_after_a_question():
    lead, other = staff.hot_lead(), staff.of(staff.colleague("marketer"))
    assert "Give these leads to" in bulk("assign_to", [lead])
    assert "1 given to" in bulk("assign_to", [lead], _answered=1, owner=other.pk)
    assert Lead.objects.get(pk=lead.pk).owner == other


def test_many_are_moved_with_a_reason_and_the_illegal_ones_named():
    rows = [staff.hot_lead(1), staff.hot_lead(2, stage="customer")]
    page = bulk("move_stage", rows, _answered=1, to="recycled", reason="Fair is over")
    assert "1 moved to Recycled." in page
    assert "a lead cannot go from customer to recycled" in page
    assert StageChange.objects.get().reason == "Fair is over"


def test_many_are_put_into_a_sequence():
    rows, nurture = [staff.hot_lead(1), staff.hot_lead(2)], staff.sequence()
    assert "2 enrolled." in bulk("enroll_chosen", rows, _answered=1, sequence=nurture.pk)
    assert nurture.enrollments.count() == 2


def test_one_lead_is_moved_by_a_dialog():
    lead, client = staff.hot_lead(), staff.colleague("sales")
    url = reverse("admin:leads_lead_move", args=[lead.pk])
    assert "Move to a stage" in client.get(url).content.decode()
    assert not StageChange.objects.exists()
    answer = client.post(url, {"_form_submitted": "on", "to": "customer", "reason": "Signed"})
    assert answer.headers["HX-Redirect"] == reverse("admin:leads_lead_change", args=[lead.pk])
    assert StageChange.objects.get().reason == "Signed"


def test_a_hostile_name_stays_text_everywhere():
    lead = LeadFactory(first_name="<script>alert(1)</script>", company_name="<img src=x>")
    client = staff.colleague("boss")
    for url in (reverse("admin:leads_lead_changelist"), reverse("admin:leads_lead_change", args=[lead.pk])):
        page = client.get(url).content.decode()
        assert "<script>alert(1)" not in page
        assert "<img src=x>" not in page


# -- rules


def segment(rule: str) -> str:
    asked = {"name": "S", "slug": "s", "description": "", "is_active": "on", "rule": rule}
    return staff.colleague("marketer").post(reverse("admin:leads_segment_add"), asked).content.decode()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('{"all": [{"field": "stag", "op": "eq", "value": "sql"}]}', "all[0].field"),
        ('{"all": [{"field": "stage", "op": "like", "value": "sql"}]}', "all[0].op"),
        ('{"event": "pricing.viewed", "within": "soon"}', "within"),
        ("{", "Not JSON at line 1, column 2"),
        ("[]", "rule"),
    ],
)
def test_a_faulty_rule_is_refused_at_its_exact_place(rule, words):
    assert words in segment(rule)
    assert not Segment.objects.exists()


def test_a_segment_reads_as_a_sentence_and_shows_its_people():
    staff.hot_lead()
    made = SegmentFactory(rule={"field": "stage", "op": "eq", "value": "sql"})
    page = staff.colleague("marketer").get(reverse("admin:leads_segment_change", args=[made.pk])).content.decode()
    assert reverse("admin:leads_segment_preview") in page
    listed = staff.colleague("marketer").get(reverse("admin:leads_segment_changelist")).content.decode()
    assert "Stage is sql" in listed
    segments.refresh_due(now=NOON)
    inside = staff.colleague("marketer").get(reverse("admin:leads_lead_changelist"), {"segment": made.slug})
    assert [lead.email for lead in inside.context["cl"].result_list] == ["hot0@acme.com"]


def test_what_a_rule_would_do_is_told_while_it_is_typed():
    hot = staff.hot_lead()
    url = reverse("admin:leads_segment_preview")

    def typed(text, role="marketer"):
        return staff.colleague(role).post(url, {"rule": text})

    seen = typed('{"field": "stage", "op": "eq", "value": "sql"}').json()
    assert (seen["sentence"], seen["count"], seen["is_exact"]) == ("Stage is sql", 1, True)
    assert seen["people"][0]["email"] == hot.email
    assert seen["people"][0]["why"] == ["Stage is sql: sql"]
    assert typed("").json()["sentence"] == "Everyone"
    assert typed('{"field":').json()["problems"] == [
        {"path": "line 1, column 10", "message": "not JSON: Expecting value"}
    ]
    wrong = typed('{"all": [{"field": "stage", "op": "eq", "value": "nope"}]}').json()["problems"]
    assert wrong[0]["path"] == "all[0].value"
    assert typed("[" * 50_000).json()["problems"]
    assert staff.colleague("marketer").get(url).status_code == 405


def test_a_changed_rule_is_a_new_version_and_a_changed_name_is_not():
    made = SegmentFactory(rule={"field": "stage", "op": "eq", "value": "sql"})
    client, url = staff.colleague("marketer"), reverse("admin:leads_segment_change", args=[made.pk])
    asked = {"name": "New", "slug": made.slug, "description": "", "is_active": "on", "rule": json.dumps(made.rule)}
    client.post(url, asked)
    assert Segment.objects.get().version == 1
    client.post(url, asked | {"rule": '{"field": "stage", "op": "eq", "value": "mql"}'})
    assert Segment.objects.get().version == 2


def test_the_next_tick_brings_members_in_line_with_a_changed_rule_and_empties_a_segment_that_is_off():
    hot = staff.hot_lead()
    made = SegmentFactory(rule={"field": "stage", "op": "eq", "value": "mql"})
    client, url = staff.colleague("marketer"), reverse("admin:leads_segment_change", args=[made.pk])
    asked = {"name": made.name, "slug": made.slug, "description": "", "is_active": "on"}
    segments.refresh_due(now=NOON)
    assert not made.members.exists()
    asked["rule"] = '{"field": "stage", "op": "eq", "value": "sql"}'
    client.post(url, asked)
    segments.refresh_due(now=NOON)
    assert made.members.get().lead == hot
    del asked["is_active"]
    client.post(url, asked)
    segments.refresh_due(now=NOON)
    assert not made.members.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"event_kind": ""}, "name the event"),
        ({"limit_times": "3"}, "both numbers"),
        ({"where": '[{"property": "x"}]'}, "where[0]"),
    ],
)
def test_a_score_rule_that_makes_no_sense_is_refused(values, words):
    group = staff.rule("Other").group
    asked = {
        "name": "R",
        "slug": "r",
        "group": group.pk,
        "points": 5,
        "event_kind": "pricing.viewed",
        "is_active": "on",
    }
    asked |= {"where": "[]", "condition": "{}", "limit_times": "", "limit_days": ""}
    page = staff.colleague("marketer").post(reverse("admin:leads_scorerule_add"), asked | values).content.decode()
    assert words in page
    assert not ScoreRule.objects.filter(slug="r").exists()


def test_a_stage_rule_is_saved_with_its_stages():
    asked = {
        "name": "R",
        "slug": "r",
        "from_stages": ["cold", "mql"],
        "to": "sql",
        "reason": "Asked",
        "is_active": "on",
    }
    asked |= {"event_kind": "meeting.booked", "where": "", "condition": ""}
    staff.colleague("marketer").post(reverse("admin:leads_stagerule_add"), asked)
    made = StageRule.objects.get()
    assert (made.from_stages, made.where, made.condition) == (["cold", "mql"], [], {})


# -- forms and the log


def test_a_form_shows_html_to_paste_and_a_curl_to_try():
    made = FormFactory(fields=[{"name": "size", "label": "Size <b>", "type": "select", "options": ["<1>", "2"]}])
    page = staff.colleague("marketer").get(reverse("admin:leads_form_change", args=[made.pk])).content.decode()
    assert "/api/v1/forms/contact/submissions" in page
    assert "curl " in page
    assert "Work email" in page
    assert "&amp;lt;1&amp;gt;" in page


@pytest.mark.parametrize(
    "fields", ['{"name": "x"}', '[{"label": "x"}]', '[{"name": "a b"}]', '[{"name": "a", "typ": "x"}]']
)
def test_a_form_with_faulty_fields_is_refused(fields):
    asked = {"name": "F", "slug": "f", "description": "", "fields": fields, "thank_you": "", "consent_text": ""}
    page = staff.colleague("marketer").post(reverse("admin:leads_form_add"), asked | {"thank_you_url": ""})
    assert page.status_code == 200
    assert not Form.objects.filter(slug="f").exists()


def test_a_dead_event_shows_its_traceback_and_is_replayed():
    pending = staff.dead(staff.hot_lead())
    client = staff.colleague("marketer")
    page = client.get(reverse("admin:leads_pendingevent_change", args=[pending.pk])).content.decode()
    assert "a rule divides by zero" in page
    bulk("replay", [pending], role="marketer", model="leads_pendingevent")
    again = PendingEvent.objects.get(pk=pending.pk)
    assert (again.attempts, again.dead_at) == (0, None)


def test_sales_cannot_replay():
    pending = staff.dead(staff.hot_lead())
    bulk("replay", [pending], role="sales", model="leads_pendingevent")
    assert PendingEvent.objects.get(pk=pending.pk).dead_at is not None
