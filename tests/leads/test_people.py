"""The API's and the console's verbs."""

from datetime import timedelta

import pytest

from leads.actions import (
    LeadError,
    add_event,
    assign_owner,
    move_stage,
    set_fields,
    sweep_stages,
    update_lead,
    upsert_lead,
)
from leads.actions.events import EventError, Telling
from leads.models import Event, Lead
from leads.pipeline import drain
from leads.stages import IllegalMove
from tests.factories import NOON, LeadFactory, UserFactory

DAY = timedelta(days=1)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_shipped")]


def test_upsert_creates_scores_and_tells():
    lead, created = upsert_lead(
        email="Ada@Acme.com",
        fields={"company_size": 120, "job_title": "CEO", "attributes": {"plan": "pro"}, "utm_source": "Partner"},
        now=NOON,
    )
    assert created
    assert (lead.fit_score, lead.role, lead.attributes) == (55, "executive", {"plan": "pro"})
    assert (lead.original_touch.kind, lead.original_touch.source) == ("api", "partner")
    assert lead.form_source == ""
    told = Event.objects.get(kind="lead.created")
    assert told.properties["fields"] == ["attributes", "company_size", "department", "job_title", "role"]

    again, created = upsert_lead(email="ada@acme.com", fields={"job_title": "", "country": "IT"}, now=NOON + DAY)
    assert not created
    assert again.pk == lead.pk
    assert (again.job_title, again.country, again.touches.count()) == ("CEO", "IT", 1)
    assert Event.objects.get(kind="lead.updated").properties["fields"] == ["country"]


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"score": 100}, "score"),
        ({"stage": "customer"}, "stage"),
        ({"is_client": "yes"}, "is_client"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"audience_type": "b2z"}, "audience_type"),
        ({"company_size": "lots"}, "company_size"),
        ({"country": "x" * 81}, "country"),
        ({"country": {"a": 1}}, "country"),
        ({"attributes": [1]}, "attributes"),
        ({"attributes": {"": 1}}, "attributes"),
        ({"attributes": {"a": "x" * 40_000}}, "attributes"),
    ],
)
def test_bad_fields_are_named(fields, bad):
    with pytest.raises(LeadError) as refused:
        upsert_lead(email="ada@acme.com", fields=fields, now=NOON)
    assert set(refused.value.fields) == {bad}
    assert not Lead.objects.exists()


def test_update_clears_what_is_sent_empty_and_rescoring_follows():
    lead = LeadFactory(ada=True, attributes={"a": 1, "b": 2})
    updated = update_lead(
        lead.pk, {"company_size": None, "job_title": "Student", "attributes": {"a": None, "c": 3}}, now=NOON
    )
    assert (updated.company_size, updated.role, updated.fit_score) == (None, "student", 0)
    assert updated.attributes == {"b": 2, "c": 3}
    assert update_lead(lead.pk, {"job_title": "Student"}, now=NOON + DAY).updated_at == NOON
    with pytest.raises(Lead.DoesNotExist):
        update_lead(0, {}, now=NOON)


def test_fit_follows_the_profile_both_ways():
    lead = LeadFactory(email="ada@gmail.com")  # of no account, whose size would count instead
    for size, fit in ((100, 30), (20, 20), (3, 5), (None, 0), (900, 20)):
        assert update_lead(lead.pk, {"company_size": size}, now=NOON).fit_score == fit


def test_the_first_owner_stays_on_record():
    ann, bob, lead = UserFactory(username="ann"), UserFactory(username="bob"), LeadFactory()
    assert assign_owner(lead, ann, now=NOON)
    assert not assign_owner(lead, ann, now=NOON)
    assert assign_owner(lead, bob, actor=ann, now=NOON)
    assert (lead.owner, lead.first_owner) == (bob, ann)
    assert assign_owner(lead, None, now=NOON)
    assert (lead.owner, lead.first_owner) == (None, ann)
    told = Event.objects.filter(kind="owner.assigned").order_by("id")
    assert [event.properties["owner"] for event in told] == ["ann", "bob", None]


def test_a_hand_moves_along_any_legal_arrow_and_is_on_record():
    ann, lead = UserFactory(), LeadFactory()
    change = move_stage(lead, "sql", reason="Met at a fair", actor=ann, now=NOON)
    assert (change.before, change.after, change.reason, change.actor) == ("cold", "sql", "Met at a fair", ann)
    assert (lead.stage, lead.stage_since) == ("sql", NOON)
    with pytest.raises(IllegalMove):
        move_stage(lead, "cold", reason="", now=NOON)
    stale = Lead(pk=lead.pk, stage="cold")
    assert move_stage(stale, "mql", reason="", now=NOON) is None
    assert Event.objects.get(kind="stage.changed").properties["reason"] == "Met at a fair"


def test_the_sweep_recycles_the_silent_once():
    silent = LeadFactory(stage="sql", last_human_act_at=NOON - 200 * DAY, stage_since=NOON - 190 * DAY)
    LeadFactory(stage="sql", last_human_act_at=NOON - 10 * DAY, stage_since=NOON - 190 * DAY)
    LeadFactory(stage="mql", last_human_act_at=NOON - 200 * DAY, stage_since=NOON - 190 * DAY)
    assert (sweep_stages(now=NOON), sweep_stages(now=NOON)) == (1, 0)
    silent.refresh_from_db()
    assert (silent.stage, silent.stage_since) == ("recycled", NOON)
    drain(now=NOON)
    assert Event.objects.get(kind="stage.changed").properties["rule"] == "silent-sql"


def test_an_event_of_the_outside_is_named_scored_and_told_once():
    lead = LeadFactory()
    first = add_event(lead.pk, Telling("VIEWED_PRICING", {"plan": "pro"}, key="k1"), now=NOON)
    again = add_event(lead.pk, Telling("Pricing Viewed", {"plan": "x"}, key="k1"), now=NOON)
    assert (first.created, again.created, again.event_id) == (True, False, first.event_id)
    lead.refresh_from_db()
    assert lead.intent_score == 10
    assert Event.objects.get(pk=first.event_id).kind == "pricing.viewed"


@pytest.mark.parametrize(
    ("told", "bad"),
    [
        (Telling(""), "kind"),
        (Telling(5), "kind"),
        (Telling("x" * 101), "kind"),
        (Telling("stage.changed"), "kind"),
        (Telling("email.clicked", {"human": True}), "kind"),
        (Telling("a.b", [1]), "properties"),
        (Telling("a.b", {"a": "x" * 40_000}), "properties"),
        (Telling("a.b", key="x" * 201), "key"),
        (Telling("a.b", key=""), "key"),
        (Telling("a.b", occurred_at=NOON.replace(tzinfo=None)), "occurred_at"),
    ],
)
def test_bad_events_are_named(told, bad):
    lead = LeadFactory()
    with pytest.raises(EventError) as refused:
        add_event(lead.pk, told, now=NOON)
    assert set(refused.value.fields) == {bad}


def test_the_future_happens_now_unless_the_clock_is_virtual(settings):
    lead = LeadFactory()
    ahead = add_event(lead.pk, Telling("pricing.viewed", occurred_at=NOON + DAY), now=NOON)
    assert Event.objects.get(pk=ahead.event_id).occurred_at == NOON + DAY
    settings.SANDBOX = False
    clamped = add_event(lead.pk, Telling("pricing.viewed", occurred_at=NOON + DAY), now=NOON)
    assert Event.objects.get(pk=clamped.event_id).occurred_at == NOON


def test_sequences_set_fields_and_the_pipeline_hears_of_it():
    one, two = LeadFactory(), LeadFactory()
    set_fields(
        {one.pk: {"attributes.nurtured": True}, two.pk: {"industry": "Care", "country": {"no": 1}}}, now=NOON, depth=1
    )
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.attributes, two.industry, two.country) == ({"nurtured": True}, "Care", "")
    assert list(Event.objects.order_by("id").values_list("kind", "depth")) == [("lead.updated", 2), ("lead.updated", 2)]
