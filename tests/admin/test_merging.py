"""Merging in the admin: find the other, see what would happen, confirm, undo; and pairs that were named together."""

import pytest
from django.urls import reverse

from leads.models import AddressAlias, Lead, LeadMerge, PendingIdentity, PossibleDuplicate
from tests import staff
from tests.factories import NOON, LeadFactory
from tests.leads.tracking_calls import identify

pytestmark = pytest.mark.django_db


@pytest.fixture
def two() -> tuple[Lead, Lead]:
    return staff.hot_lead(0, first_name="Ana"), LeadFactory(email="ana@home.example", last_name="Souza", phone="+49 1")


def test_a_marketer_finds_looks_and_merges(two):
    kept, other = two
    marketer, page = staff.colleague("marketer"), reverse("admin:leads_lead_merge", args=[kept.pk])
    found = marketer.get(page, {"q": "ana@ho"}).content.decode()
    assert f"?other={other.pk}" in found
    shown = marketer.get(page, {"other": other.pk}).content.decode()
    assert "Merge them" in shown
    assert "+49 1" in shown
    assert "Opt-outs" in shown
    assert Lead.objects.count() == 2
    answer = marketer.post(page, {"other": other.pk})
    assert answer.headers["Location"] == reverse("admin:leads_lead_change", args=[kept.pk])
    assert Lead.objects.get() == kept
    assert AddressAlias.objects.get().lead == kept
    assert LeadMerge.objects.get().actor == staff.of(marketer)
    assert "Another lead was merged" in marketer.get(reverse("console:lead", args=[kept.pk])).content.decode()


def test_nobody_is_found_and_nonsense_answers(two):
    kept, _ = two
    boss, page = staff.colleague("boss"), reverse("admin:leads_lead_merge", args=[kept.pk])
    assert "begins with" in boss.get(page, {"q": "zzz"}).content.decode()
    for other in ("x", "0", str(kept.pk), "9" * 30, "²"):
        assert boss.get(page, {"other": other}).status_code == 200
        assert boss.post(page, {"other": other}).status_code in (200, 302)
    assert boss.get(reverse("admin:leads_lead_merge", args=[10**9])).status_code == 404
    assert Lead.objects.count() == 2


def test_sales_may_look_at_pairs_and_not_merge(two):
    kept, other = two
    sales = staff.colleague("sales")
    assert sales.get(reverse("admin:leads_possibleduplicate_changelist")).status_code == 200
    assert sales.get(reverse("admin:leads_lead_merge", args=[kept.pk])).status_code == 403
    assert sales.post(reverse("admin:leads_lead_merge", args=[kept.pk]), {"other": other.pk}).status_code == 403
    assert Lead.objects.count() == 2


def test_a_merge_is_undone_by_a_button_after_a_question(two):
    kept, other = two
    marketer = staff.colleague("marketer")
    marketer.post(reverse("admin:leads_lead_merge", args=[kept.pk]), {"other": other.pk})
    made = LeadMerge.objects.get()
    undo = f"/admin/leads/leadmerge/{made.pk}/undo/"
    assert staff.colleague("sales").post(undo, {"_form_submitted": "1"}).status_code == 403
    marketer.post(undo, {"_form_submitted": "1"})
    assert Lead.objects.count() == 2
    assert Lead.objects.get(pk=other.pk).last_name == "Souza"
    made.refresh_from_db()
    assert made.undone_by == staff.of(marketer)


def test_a_pair_leads_to_the_merge_or_is_two_people(two):
    kept, other = two
    pair = PossibleDuplicate.objects.create(lead=kept, other=other, reason="one browser", seen_at=NOON)
    marketer = staff.colleague("marketer")
    page = marketer.get(reverse("admin:leads_possibleduplicate_change", args=[pair.pk])).content.decode()
    assert "one browser" in page
    to = marketer.get(f"/admin/leads/possibleduplicate/{pair.pk}/merge/").headers["Location"]
    assert to == f"{reverse('admin:leads_lead_merge', args=[kept.pk])}?other={other.pk}"
    marketer.post(f"/admin/leads/possibleduplicate/{pair.pk}/different/", {"_form_submitted": "1"})
    pair.refresh_from_db()
    assert (pair.outcome, pair.settled_by) == ("different", staff.of(marketer))


def test_dead_calls_are_replayed():
    event = identify("42", email="ana@home.example")
    PendingIdentity.objects.update(attempts=5, dead_at=NOON, error="Traceback\nValueError: x")
    chosen = {"action": "replay", "_selected_action": [event]}
    staff.colleague("marketer").post(reverse("admin:leads_pendingidentity_changelist"), chosen)
    waiting = PendingIdentity.objects.get()
    assert (waiting.attempts, waiting.dead_at) == (0, None)
