"""Engagement in the admin: the list of who is at sunset, the ways back and out, the thresholds, the report."""

from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from campaigns.models import Suppression
from leads import engagement
from leads.log import NewEvent, write
from leads.models import Event, Lead, Workspace
from lifecycle.core import clock
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LEADS, REPORT = "/admin/leads/lead/", "/admin/reports/engagement/"


@pytest.fixture
def ben(db):
    """Quiet since 120 days, at sunset since 9."""
    now = clock.now()
    return LeadFactory(
        email="ben@ode.example", first_name="Ben", company_name="Ode", engagement_tier="dormant",
        tier_since=now - 30 * DAY, sunset_at=now - 9 * DAY, last_human_act_at=now - 120 * DAY, created_at=NOON,
    )  # fmt: skip


def seen(path, role="marketer", **asked):
    answer = staff.colleague(role).get(path, asked)
    assert answer.status_code == 200, answer
    return unescape(answer.content.decode())


def act(name, lead, role="marketer", **answers):
    """The bulk action, as the page posts it: first the question, then the answer."""
    given = {"action": name, "_selected_action": [lead.pk], "index": 0, **answers}
    return staff.colleague(role).post(LEADS, given, follow=True)


def test_who_is_at_sunset_is_listed_since_when_with_last_act_and_source(ben):
    LeadFactory(ada=True)
    page = seen(LEADS, sunset="yes")
    assert "ben@ode.example" in page
    assert "ada@acme.com" not in page
    for words in ("At sunset", "Last act", "Came by", "Dormant"):
        assert words in page
    assert "ada@acme.com" in seen(LEADS, sunset="no")
    assert "ben@ode.example" in seen(LEADS, engagement_tier__exact="dormant")


def test_bringing_back_asks_for_a_reason_and_keeps_it(ben):
    question = act("bring_back", ben)
    assert "reason" in question.content.decode()
    assert Lead.objects.get().sunset_at is not None
    act("bring_back", ben, reason="Called us", _answered="1")
    ben.refresh_from_db()
    assert ben.sunset_at is None
    told = Event.objects.get(kind="lead.revived").properties
    assert (told["by"], told["reason"]) == ("marketer@example.com", "Called us")


def test_opting_out_for_good_blocks_the_address(ben):
    act("opt_out_chosen", ben, reason="Asked by phone", _answered="1")
    blocked = Suppression.objects.get()
    assert (blocked.scope, blocked.reason, blocked.address_hash) == (
        "marketing", "by hand: Asked by phone", ben.address_hash,
    )  # fmt: skip
    assert blocked.source == "admin:marketer@example.com"


def test_the_lead_says_where_it_stands(ben):
    assert "marketing mail rests until the person acts" in seen(reverse("admin:leads_lead_change", args=[ben.pk]))
    assert "At sunset since" in seen(reverse("console:lead", args=[ben.pk]))


def test_thresholds_are_edited_with_the_workspace_and_everybody_follows(ben):
    engagement.drain(now=clock.now())
    page = reverse("admin:leads_workspace_change", args=[1])
    assert "follows these numbers" in seen(page)
    Workspace.objects.update(tier_quiet_days=200)
    assert "being looked at" in seen(page)
    engagement.drain(now=clock.now())
    ben.refresh_from_db()
    assert ben.engagement_tier == "quiet"


def test_the_report_counts_people_and_moves_both_ways(ben):
    ada = LeadFactory(ada=True)
    now = clock.now()
    write(
        [
            NewEvent(ben.pk, "tier.changed", {"before": "quiet", "after": "dormant"}),
            NewEvent(ada.pk, "tier.changed", {"before": "dormant", "after": "engaged"}),
            NewEvent(ada.pk, "tier.changed", {"before": "quiet", "after": "engaged"}),
        ],
        now=now,
        pending=False,
    )
    page = " ".join(seen(REPORT).split())
    assert "<dt>Moved up in 30 days</dt><dd>2</dd>" in page
    assert "<dt>Fell in 30 days</dt><dd>1</dd>" in page
    assert "50.0 %" in page
    assert staff.colleague("outsider").get(REPORT).status_code in (302, 403)


def test_an_empty_report_says_what_to_do():
    assert "There is nobody yet" in seen(REPORT)
