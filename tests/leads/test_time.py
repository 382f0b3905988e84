"""What time alone does: intent fades, segments change, rules that changed are counted again."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from leads import segments
from leads.actions import record
from leads.audit import verify_scores
from leads.batch import NewEvent
from leads.fading import decay_due
from leads.fading import drain as fade
from leads.models import Event, Lead, ScoreEntry, ScoreRule, Segment, SegmentMember, Workspace
from leads.pipeline import drain
from leads.rescore import rescore
from leads.rule_fields import VOCABULARY
from lifecycle.core.rules import RuleError, parse
from tests.factories import NOON, LeadFactory

DAY = timedelta(days=1)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_shipped")]


def members(slug):
    return set(SegmentMember.objects.filter(segment__slug=slug).values_list("lead_id", flat=True))


def test_intent_halves_every_30_days_and_fit_stays(happen):
    lead = LeadFactory(company_size=100)
    happen(lead, "docs.downloaded", NOON)
    assert (lead.intent_score, lead.decay_due_at) == (20, NOON + DAY)
    assert decay_due(now=NOON + DAY - timedelta(seconds=1)) == 0
    for days, left in ((1, 20), (30, 10), (60, 5), (120, 1)):
        assert (fade(now=NOON + days * DAY), fade(now=NOON + days * DAY)) == (1, 0)
        lead.refresh_from_db()
        assert (lead.intent_score, lead.fit_score) == (left, 30)
        assert not verify_scores()
    fade(now=NOON + 300 * DAY)
    lead.refresh_from_db()
    assert (lead.intent_score, lead.decay_due_at) == (0, None)


def test_a_day_on_which_nothing_fades_is_no_change_of_the_lead(happen):
    """Who copies what changed (updated_since) must not be given everybody every day."""
    lead = LeadFactory(company_size=100)
    happen(lead, "docs.downloaded", NOON)
    for days, changed_at in ((1, NOON), (2, NOON + 2 * DAY)):
        fade(now=NOON + days * DAY)
        lead.refresh_from_db()
        assert (lead.intent_score, lead.updated_at) == ({1: 20, 2: 19}[days], changed_at)


def test_daily_and_late_fading_end_alike(happen):
    daily, late = LeadFactory(), LeadFactory()
    for lead in (daily, late):
        happen(lead, "docs.downloaded", NOON)
        happen(lead, "pricing.viewed", NOON + DAY)
    Lead.objects.filter(pk=late.pk).update(decay_due_at=NOON + 50 * DAY)
    for days in range(1, 51):
        fade(now=NOON + days * DAY)
    assert len(set(Lead.objects.values_list("intent_score", flat=True))) == 1
    assert not verify_scores()


def test_who_cools_down_is_told_of_and_leaves_the_segment(happen):
    lead = LeadFactory(ada=True)
    happen(lead, "form.submitted", NOON, form="contact")
    happen(lead, "docs.downloaded", NOON)
    assert lead.temperature == "hot"
    fade(now=NOON + 20 * DAY)
    drain(now=NOON + 20 * DAY)
    lead.refresh_from_db()
    assert (lead.temperature, lead.hot_since) == ("warm", None)
    assert Event.objects.filter(kind="temperature.changed").order_by("-id").first().properties["after"] == "warm"
    assert members("hot-leads") == set()
    assert members("warm-leads") == {lead.pk}


def test_room_under_the_cap_comes_back_as_points_fade(happen):
    lead = LeadFactory()
    for _ in range(6):
        happen(lead, "docs.downloaded", NOON)
    assert lead.intent_score == 45
    fade(now=NOON + 30 * DAY)
    happen(lead, "docs.downloaded", NOON + 30 * DAY)
    assert lead.intent_score == 42  # 45 faded to 22, and 20 fit again
    assert not verify_scores()


def test_a_segment_follows_its_rule_in_sets():
    warm, cold = LeadFactory(company_size=100), LeadFactory(company_size=5)
    rule = parse({"field": "company_size", "op": "gte", "value": 50}, VOCABULARY)
    assert segments.count(rule, now=NOON) == 1
    segment = Segment.objects.create(slug="large", name="Large", rule=rule.data)
    assert segments.refresh(segment, now=NOON) == (1, 0)
    assert segments.refresh(segment, now=NOON) == (0, 0)
    segments.change_rule(segment, {"field": "company_size", "op": "lt", "value": 50}, now=NOON + DAY)
    assert (members("large"), segment.version) == ({cold.pk}, 2)
    told = (
        Event.objects.filter(kind__startswith="segment.")
        .order_by("id")
        .values_list("kind", "lead_id", "properties__segment")
    )
    assert list(told) == [
        ("segment.entered", warm.pk, "large"), ("segment.entered", cold.pk, "large"), ("segment.left", warm.pk, "large")
    ]  # fmt: skip
    with pytest.raises(RuleError):
        segments.change_rule(segment, {"field": "nothing", "op": "eq", "value": 1}, now=NOON)
    Segment.objects.filter(pk=segment.pk).update(is_active=False)
    segment.refresh_from_db()
    assert segments.refresh(segment, now=NOON) == (0, 1)


def test_rules_that_come_true_by_waiting_are_looked_at_again():
    lead = LeadFactory(last_human_act_at=NOON - 89 * DAY)
    segments.refresh_due(now=NOON)
    assert members("quiet-90-days") == set()
    segments.refresh_due(now=NOON + timedelta(minutes=1))
    segments.refresh_due(now=NOON + 2 * DAY)
    assert members("quiet-90-days") == {lead.pk}


def test_pipeline_and_sets_agree_on_who_is_in(happen):
    for company_size in (5, 100, 900):
        lead = LeadFactory(company_size=company_size, role="head")
        for kind in ("form.submitted", "pricing.viewed", "pricing.viewed", "docs.downloaded")[: company_size % 7]:
            happen(lead, kind, NOON, form="demo-request")
    before = set(SegmentMember.objects.values_list("segment_id", "lead_id"))
    assert before
    for segment in Segment.objects.all():
        segments.refresh(segment, now=NOON)
    assert set(SegmentMember.objects.values_list("segment_id", "lead_id")) == before


def test_rescore_counts_the_past_by_new_rules_and_repeats_without_effect(happen):
    lead = LeadFactory(company_size=100)
    happen(lead, "docs.downloaded", NOON)
    happen(lead, "page.viewed", NOON + DAY)
    later = NOON + 30 * DAY
    fade(now=later)
    before = ScoreEntry.objects.count()
    assert list(rescore(now=later)) == [(1, 0)], "the same rules give the same score"
    assert ScoreEntry.objects.count() == before

    ScoreRule.objects.filter(slug="docs-downloaded").update(points=40)
    ScoreRule.objects.filter(slug="company-size-50-500").update(points=10)
    assert list(rescore(now=later)) == [(1, 1)]
    assert list(rescore(now=later)) == [(1, 0)]
    lead.refresh_from_db()
    assert (lead.fit_score, lead.intent_score) == (10, 20)
    assert not verify_scores()
    fade(now=NOON + 60 * DAY)
    lead.refresh_from_db()
    assert lead.intent_score == 10, "adjusted grants fade like any other"

    ScoreRule.objects.update(is_active=False)
    call_command("rescore", stdout=(out := StringIO()))
    lead.refresh_from_db()
    assert lead.score == 0
    assert "1 leads" in out.getvalue()
    assert not verify_scores()


def test_new_thresholds_are_applied_by_rescoring(happen):
    lead = LeadFactory(company_size=100)
    happen(lead, "docs.downloaded", NOON)
    assert lead.temperature == "warm"
    Workspace.objects.update(hot_at=50)
    list(rescore(now=NOON))
    lead.refresh_from_db()
    assert (lead.temperature, lead.hot_since) == ("hot", NOON)


def test_a_score_that_was_tampered_with_is_found(happen, caplog):
    lead = LeadFactory()
    happen(lead, "docs.downloaded", NOON)
    Lead.objects.update(intent_score=30, score=30)
    assert [(found.lead_id, found.intent_cached, found.intent_booked) for found in verify_scores()] == [
        (lead.pk, 30, 20)
    ]
    assert "differ" in caplog.text


def test_events_that_wait_are_not_scored_twice_by_rescoring():
    lead = LeadFactory()
    record([NewEvent(lead.pk, "docs.downloaded")], now=NOON)
    list(rescore(now=NOON))
    drain(now=NOON)
    lead.refresh_from_db()
    assert lead.intent_score == 20
    assert not verify_scores()
