"""Two leads become one by hand: everything moves, nothing is sent twice, the order makes no difference, and back."""

import json
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.consent.suppressing import lift, suppress
from campaigns.models import Enrollment, Message, Suppression
from leads import addresses
from leads.actions import FormPost, capture, erase, record, upsert_lead
from leads.audit import verify_scores
from leads.identity.merging import MergeError, merge, preview, undo
from leads.log import NewEvent
from leads.models import (
    AddressAlias,
    Consent,
    Event,
    Lead,
    LeadMerge,
    PendingEvent,
    PossibleDuplicate,
    SegmentDue,
    SegmentMember,
    Touch,
)
from leads.pipeline import drain, processed_later
from lifecycle.sales.models import Alert, Task
from tests import staff
from tests.factories import NOON, LeadFactory, SegmentFactory, UserFactory
from tests.leads.tracking_calls import browser, done, identify, view
from tests.thorough import tries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_shipped")]
ADA, WORK, THIRD = "ada@gmail.com", "ada@acme.com", "a.ash@acme.com"


def person(email: str, day: int = 0, **fields: Any) -> Lead:
    """Somebody who sent a form and looked at the prices."""
    at = NOON + timedelta(days=day)
    source = {"utm_source": f"source-{day}", "anonymous_id": f"browser-of-{email}"}
    lead = Lead.objects.get(pk=capture(FormPost("contact", {"email": email, **source, **fields}), now=at).lead_id)
    record([NewEvent(lead.pk, "pricing.viewed", occurred_at=at, source="test")], now=at)
    drain(now=at)
    lead.refresh_from_db()
    return lead


def rows_of(lead_id: int) -> dict[str, int]:
    """How many rows name this lead, in any table of any app."""
    found = {}
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if field.related_model is Lead:
                number = model._base_manager.filter(**{field.attname: lead_id}).count()
                if number:
                    found[f"{model._meta.label}.{field.name}"] = number
    return found


TOLD = ("lead.", "segment.", "temperature.")  # what merging itself tells


def snapshot(lead_id: int) -> dict[str, Any]:
    """Every row that names this lead, as the database has it."""
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(l) - 'updated_at' FROM leads_lead l WHERE id = %s", [lead_id])
        found["lead"] = [json.loads(row[0]) for row in cursor.fetchall()]
        for model in apps.get_models():
            for field in model._meta.concrete_fields:
                if field.related_model is Lead and model not in (LeadMerge, SegmentMember, SegmentDue):
                    table, column = model._meta.db_table, field.column
                    cursor.execute(
                        f"SELECT to_jsonb(t) FROM {table} t WHERE {column} = %s ORDER BY to_jsonb(t)::text", [lead_id]
                    )
                    rows = [json.loads(row[0]) for row in cursor.fetchall()]
                    found[f"{model._meta.label}.{field.name}"] = [
                        row
                        for row in rows
                        if row.get("source") != "engine" and not str(row.get("kind", "")).startswith(TOLD)
                    ]
    return found


# --- what a merge does


def test_everything_of_the_other_moves_in_every_app():
    kept, other = person(ADA), person(WORK, 1)
    nurture = staff.sequence()
    staff.run(other, nurture)
    staff.message(other, "m1", sequence=nurture)
    Alert.objects.create(
        key="a", lead=other, kind="hot", headline="Hot", to_email="x@example.com", created_at=NOON, due_at=NOON
    )
    Task.objects.create(lead=other, title="Call", created_at=NOON)
    before, own = rows_of(other.pk), rows_of(kept.pk)
    merge(kept, other, now=NOON)
    assert not Lead.objects.filter(pk=other.pk).exists()
    assert rows_of(other.pk) == {}
    after = rows_of(kept.pk)
    for table, number in before.items():
        both = (number, own.get(table, 0))
        assert after[table] >= (max(both) if table.startswith("leads.Segment") else sum(both)), table
    assert not verify_scores()


def test_the_others_address_leads_to_the_kept_lead_at_every_door():
    kept, other = person(ADA), person(WORK)
    merge(kept, other, now=NOON)
    assert addresses.find(" ADA@Acme.com") == kept
    assert capture(FormPost("contact", {"email": WORK, "message": "again"}), now=NOON).lead_id == kept.pk
    assert upsert_lead(email=WORK, fields={"first_name": "Ada"}, now=NOON).lead == kept
    identify("42", email=WORK)
    done()
    assert Lead.objects.get() == kept
    kept.refresh_from_db()
    assert kept.email == ADA


def test_own_values_win_blanks_are_filled_and_firsts_are_the_earliest():
    older = person(WORK, 0, first_name="Augusta", last_name="Ash", job_title="CTO")
    kept = person(ADA, 5, first_name="Ada")
    Lead.objects.filter(pk=kept.pk).update(created_at=NOON + timedelta(days=5))
    merge(kept, older, now=NOON + timedelta(days=6))
    kept.refresh_from_db()
    assert (kept.first_name, kept.last_name, kept.job_title, kept.role) == ("Ada", "Ash", "CTO", "executive")
    assert kept.original_touch is not None
    assert kept.original_touch.source == "source-0"
    assert kept.latest_touch is not None
    assert kept.latest_touch.source == "source-5"
    assert kept.created_at == NOON


def test_the_score_is_the_ledgers_sum_under_the_caps():
    kept, other = person(ADA), person(WORK)
    for lead in (kept, other):
        record([NewEvent(lead.pk, "pricing.viewed") for _ in range(4)], now=NOON)
    drain(now=NOON)
    merge(kept, other, now=NOON)
    kept.refresh_from_db()
    assert kept.intent_score == 45
    assert not verify_scores()


def test_the_history_says_who_merged_them():
    mia = UserFactory(username="mia")
    kept, other = person(ADA), person(WORK)
    made = merge(kept, other, now=NOON, actor=mia)
    event = Event.objects.get(kind="lead.merged")
    assert (event.lead, event.properties["by"], made.actor) == (kept, "mia", mia)
    assert not PendingEvent.objects.filter(dead_at=None).exists()


def test_a_lead_is_not_merged_with_itself_or_with_nobody():
    kept = person(ADA)
    with pytest.raises(MergeError, match="one and the same"):
        merge(kept, kept, now=NOON)
    gone = Lead(pk=10**9)
    with pytest.raises(MergeError, match="not there any more"):
        merge(kept, gone, now=NOON)


def test_pairs_to_look_at_follow_and_the_merged_pair_is_settled():
    kept, other, third = LeadFactory(), LeadFactory(), LeadFactory()
    for one, two in ((kept, other), (other, third)):
        PossibleDuplicate.objects.create(lead=one, other=two, reason="x", seen_at=NOON)
    made = merge(kept, other, now=NOON)
    assert list(PossibleDuplicate.objects.values_list("lead", "other")) == [(kept.pk, third.pk)]
    undo(made, now=NOON)
    assert set(PossibleDuplicate.objects.values_list("lead", "other")) == {(kept.pk, other.pk), (other.pk, third.pk)}


# --- mails


def two_runs(kept: Lead, other: Lead, **changes: Any) -> tuple[Enrollment, Enrollment]:
    nurture = staff.sequence()
    runs = staff.run(kept, nurture), staff.run(other, nurture)
    Enrollment.objects.filter(pk=runs[1].pk).update(**changes)
    return runs


def test_of_two_active_runs_of_one_sequence_the_one_that_is_farther_goes_on():
    kept, other = LeadFactory(), LeadFactory()
    mine, theirs = two_runs(kept, other)
    staff.message(other, "sent", sequence=mine.sequence, enrollment=theirs)
    ready = staff.message(kept, "ready", state="ready", sequence=mine.sequence, enrollment=mine)
    merge(kept, other, now=NOON)
    mine.refresh_from_db(), theirs.refresh_from_db(), ready.refresh_from_db()
    assert (mine.state, mine.exit_reason) == ("ended", "merged: the run that was farther goes on")
    assert (theirs.state, theirs.lead) == ("active", kept)
    assert ready.state == "canceled"


def test_who_was_in_a_sequence_before_at_the_other_address_does_not_go_on_in_it():
    kept, other = LeadFactory(), LeadFactory()
    mine, _ = two_runs(kept, other, state="ended", ended_at=NOON, exit_reason="completed", due_at=None)
    merge(kept, other, now=NOON)
    mine.refresh_from_db()
    assert (mine.state, mine.exit_reason) == ("ended", "merged: was in this sequence before")


def test_a_broadcast_that_both_get_leaves_once():
    from_run = staff.message  # a message of a broadcast run is all that counts here
    kept, other = LeadFactory(), LeadFactory()
    run = broadcast_run()
    one = from_run(kept, "broadcast:1", state="ready", broadcast_run=run)
    two = from_run(other, "broadcast:2", state="ready", broadcast_run=run)
    merge(kept, other, now=NOON)
    one.refresh_from_db(), two.refresh_from_db()
    assert (one.state, two.state) == ("ready", "canceled")


def test_a_broadcast_that_the_other_has_got_does_not_come_again():
    kept, other = LeadFactory(), LeadFactory()
    run = broadcast_run()
    one = staff.message(kept, "broadcast:1", state="ready", broadcast_run=run)
    staff.message(other, "broadcast:2", broadcast_run=run)
    merge(kept, other, now=NOON)
    one.refresh_from_db()
    assert one.state == "canceled"


def test_a_broadcast_that_is_being_queued_does_not_come_to_the_kept_lead_as_well():
    kept, other = LeadFactory(), LeadFactory()
    run = broadcast_run()
    staff.message(other, f"broadcast:{run.pk}:{other.pk}", broadcast_run=run)
    merge(kept, other, now=NOON)
    assert Message.objects.get(key=f"broadcast:{run.pk}:{kept.pk}").state == "canceled"


def broadcast_run() -> Any:
    broadcast = apps.get_model("campaigns", "Broadcast").objects.create(slug="news", name="News")
    return apps.get_model("campaigns", "BroadcastRun").objects.create(
        broadcast=broadcast, occurs_at=NOON, started_at=NOON
    )


def test_an_opt_out_of_either_address_binds_both_and_undoing_does_not_lift_it():
    kept, other = LeadFactory(), LeadFactory()
    suppress(other.address_hash, scope="marketing", reason="unsubscribed", source="link", now=NOON)
    ready = staff.message(kept, "ready", state="ready")
    made = merge(kept, other, now=NOON)
    assert Suppression.objects.filter(address_hash=kept.address_hash, scope="marketing").exists()
    ready.refresh_from_db()
    assert ready.state == "suppressed"
    undo(made, now=NOON)
    hashes = set(Suppression.objects.values_list("address_hash", flat=True))
    assert hashes == {kept.address_hash, other.address_hash}


def test_an_opt_out_by_a_link_in_an_old_mail_to_the_other_address_binds_the_kept_one():
    kept, other = LeadFactory(), LeadFactory()
    merge(kept, other, now=NOON)
    ready = staff.message(kept, "ready", state="ready")
    suppress(other.address_hash, scope="marketing", reason="unsubscribed", source="link", now=NOON)
    ready.refresh_from_db()
    assert ready.state == "suppressed"
    assert Consent.objects.get(purpose="marketing", granted=False).lead == kept
    lift(kept, topic=None, source="preferences", now=NOON)
    assert not Suppression.objects.exists()


# --- looking before


def test_the_preview_says_what_would_happen_and_changes_nothing():
    kept, other = person(ADA), person(WORK, 1, last_name="Ash")
    mine, theirs = two_runs(kept, other)
    suppress(other.address_hash, scope="marketing", reason="unsubscribed", source="link", now=NOON)
    before = snapshot(kept.pk), snapshot(other.pk)
    seen = preview(kept, other)
    assert seen.moves["events"] == Event.objects.filter(lead=other).count()
    assert seen.moves["touches"] == 1
    assert seen.fills["Last name"] == "Ash"
    assert any("opt-out" in note for note in seen.notes)
    assert any("Opt-outs" in line for line in seen.lasting)
    assert (snapshot(kept.pk), snapshot(other.pk)) == before
    assert {mine.pk, theirs.pk}


# --- and back


def test_undoing_gives_both_back_as_they_were():
    kept, other = person(ADA, 0, first_name="Ada"), person(WORK, 1, last_name="Ash", job_title="CTO")
    segment = SegmentFactory()
    for lead in (kept, other):
        SegmentMember.objects.create(segment=segment, lead=lead, entered_at=NOON)
    Lead.objects.filter(pk=other.pk).update(attributes={"plan": "pro"})
    before = snapshot(kept.pk), snapshot(other.pk)
    with transaction.atomic():
        undo(merge(kept, other, now=NOON + timedelta(days=1)), now=NOON + timedelta(days=1))
    assert snapshot(kept.pk)["lead"] == before[0]["lead"]
    assert snapshot(other.pk)["lead"] == before[1]["lead"]
    assert snapshot(other.pk) == before[1]
    assert snapshot(kept.pk) == before[0]
    assert not verify_scores()
    assert not AddressAlias.objects.exists()


def test_what_happened_since_stays_with_the_kept_lead():
    kept, other = person(ADA), person(WORK, 1, last_name="Ash")
    made = merge(kept, other, now=NOON + timedelta(days=2))
    later = NOON + timedelta(days=3)
    capture(FormPost("contact", {"email": WORK, "last_name": "Ashberg", "message": "later"}), now=later)
    view(f"browser-of-{WORK}", at=later)
    drain(now=later)
    undo(made, now=later)
    kept.refresh_from_db()
    assert kept.last_name == "Ashberg"
    assert Touch.objects.filter(lead=kept, occurred_at=later, kind="form").count() == 1
    assert Event.objects.filter(lead=kept, kind="page.viewed").count() == 1
    assert browser(f"browser-of-{WORK}").lead_id == other.pk
    assert Lead.objects.get(pk=other.pk).last_name == "Ash"
    drain(now=later)
    assert not verify_scores()


def test_merges_go_back_one_by_one_and_once():
    kept, second, third = person(ADA), person(WORK), person(THIRD)
    one, two = merge(kept, second, now=NOON), merge(kept, third, now=NOON)
    with pytest.raises(MergeError, match="later merge"):
        undo(one, now=NOON)
    undo(two, now=NOON), undo(one, now=NOON)
    with pytest.raises(MergeError, match="already"):
        undo(one, now=NOON)
    assert Lead.objects.count() == 3


def test_a_chain_of_merges_goes_back_as_a_chain():
    kept, second, third = person(ADA), person(WORK), person(THIRD)
    before = [snapshot(lead.pk) for lead in (kept, second, third)]
    inner = merge(second, third, now=NOON)
    outer = merge(kept, second, now=NOON)
    assert addresses.find(THIRD) == kept
    undo(outer, now=NOON)
    inner.refresh_from_db()
    undo(inner, now=NOON)
    after = [snapshot(lead.pk) for lead in (kept, second, third)]
    for was, now in zip(before, after, strict=True):
        assert now["lead"] == was["lead"]
        assert now == was


def test_erasing_the_kept_lead_forgets_the_one_that_was_merged_too():
    kept, other = person(ADA), person(WORK, first_name="Zebulon")
    merge(kept, other, now=NOON)
    erase(Lead.objects.get(pk=kept.pk), now=NOON)
    assert not LeadMerge.objects.exists()
    assert not AddressAlias.objects.exists()
    assert not Event.objects.exists()
    assert not Consent.objects.exists()


def test_erasing_somebody_whose_merge_was_undone_forgets_what_the_merge_kept_of_them():
    kept, other = person(ADA), person(WORK, first_name="Zebulon")
    undo(merge(kept, other, now=NOON), now=NOON)
    erase(Lead.objects.get(pk=other.pk), now=NOON)
    assert not LeadMerge.objects.exists()
    assert Lead.objects.get() == kept


# --- the order makes no difference

NAMES = st.sampled_from(["", "Ada", "Augusta"])
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "first_name": NAMES,
            "job_title": st.sampled_from(["", "CTO", "Analyst"]),
            "company_size": st.sampled_from([None, 5, 120]),
            "stage": st.sampled_from(["cold", "mql", "sql", "customer", "recycled", "former"]),
            "form_source": st.sampled_from(["", "contact", "newsletter"]),
            "attributes": st.dictionaries(st.sampled_from(["plan", "seats"]), st.sampled_from([1, "x"]), max_size=2),
            "day": st.integers(0, 3),
            "views": st.integers(0, 4),
            "blocked": st.booleans(),
            "member": st.booleans(),
        }
    ),
    min_size=3,
    max_size=3,
)
WAYS = [
    *[[(0, first), (0, second)] for first, second in permutations((1, 2))],
    [(1, 2), (0, 1)],
    [(2, 1), (0, 2)],
]


@settings(max_examples=tries(8, thoroughly=100), deadline=None, suppress_health_check=list(HealthCheck))
@given(described=PEOPLE)
def test_the_order_of_merges_makes_no_difference(described):
    results = []
    for way in WAYS:
        with transaction.atomic():
            leads = cast(described)
            with processed_later():  # what the engine makes of somebody half merged is history
                for kept, other in way:
                    merge(Lead.objects.get(pk=leads[kept]), Lead.objects.get(pk=leads[other]), now=LATER)
            drain(now=LATER)
            results.append(outcome(leads[0], leads))
            transaction.set_rollback(True)
    for result in results[1:]:
        for what, value in result.items():
            assert value == results[0][what], what


LATER = NOON + timedelta(days=9)


def cast(described: list[dict[str, Any]]) -> list[int]:
    segment = SegmentFactory(slug="some")
    leads = []
    for number, fields in enumerate(described):
        columns = {name: fields[name] for name in ("first_name", "job_title", "company_size", "stage", "form_source")}
        at = NOON + timedelta(days=fields["day"])
        lead = LeadFactory(
            email=f"p{number}@gmail.com", created_at=at, stage_since=at, attributes=fields["attributes"], **columns
        )
        touch = Touch.objects.create(lead=lead, kind="form", source=f"s{number}", occurred_at=at, recorded_at=at)
        Lead.objects.filter(pk=lead.pk).update(original_touch=touch, latest_touch=touch)
        record([NewEvent(lead.pk, "pricing.viewed", occurred_at=at) for _ in range(fields["views"])], now=at)
        if fields["blocked"]:
            Suppression.objects.create(
                address_hash=lead.address_hash, scope="marketing", reason=f"r{number}", created_at=at
            )
        if fields["member"]:
            SegmentMember.objects.create(segment=segment, lead=lead, entered_at=at)
        leads.append(lead.pk)
    drain(now=LATER)
    return leads


def outcome(kept_id: int, leads: list[int]) -> dict[str, Any]:
    """What must not depend on the order, with ids as positions, since each way has rows of its own."""
    kept = Lead.objects.select_related("original_touch", "latest_touch").get(pk=kept_id)
    skipped = {"id", "updated_at", "original_touch", "latest_touch"}
    columns = {field.name: field.value_from_object(kept) for field in Lead._meta.concrete_fields}
    assert kept.original_touch is not None
    assert kept.latest_touch is not None
    return {
        "columns": {name: value for name, value in columns.items() if name not in skipped},
        "touches": sorted(Touch.objects.filter(lead=kept).values_list("source", "occurred_at")),
        "original": (kept.original_touch.occurred_at, kept.original_touch.source),
        "latest": kept.latest_touch.source,
        "events": sorted(Event.objects.filter(lead=kept, kind="pricing.viewed").values_list("occurred_at", flat=True)),
        "members": sorted(SegmentMember.objects.filter(lead=kept).values_list("segment__slug", flat=True)),
        "blocked": sorted(Suppression.objects.values_list("address_hash", "scope")),
        "aliases": sorted(AddressAlias.objects.filter(lead=kept).values_list("email_normal", flat=True)),
        "sound": not verify_scores(),
    }


def test_erasing_somebody_forgets_the_calls_in_others_history_that_named_them():
    identify("42", email=ADA), identify("42", email=WORK)
    done()
    erase(Lead.objects.get(email_normal=WORK), now=NOON)
    told = Event.objects.filter(kind="user.identified").values_list("properties__traits__email", flat=True)
    assert list(told) == [ADA]
