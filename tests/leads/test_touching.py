"""Page views and clicks become touches in the pipeline, and a browser's past when it turns out to be somebody."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from leads import claiming, touching
from leads.actions import record
from leads.batch import NewEvent, flush_leads
from leads.models import Event, Touch, Visitor
from leads.pipeline import drain
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
AD = "https://www.example.com/pricing/?utm_source=Google&utm_medium=cpc&utm_campaign=brand&gclid=G1"
DOCS = "https://docs.example.com/start"


def viewed(lead, at, url=DOCS, **further):
    visitor = further.pop("visitor_id", None)
    properties = {"url": url, **further}
    return NewEvent(lead, "page.viewed", properties, occurred_at=at, source="track", visitor_id=visitor)


def paths(lead):
    return list(Touch.objects.filter(lead=lead).order_by("occurred_at", "id").values_list("source", "landing_path"))


def test_sessions_and_campaigns_become_touches_the_first_of_them_the_original(shipped):
    lead = LeadFactory()
    record([viewed(lead.pk, NOON, AD), viewed(lead.pk, NOON + MINUTE), viewed(lead.pk, NOON + DAY)], now=NOON + DAY)
    drain(now=NOON + DAY)
    lead.refresh_from_db()
    assert paths(lead) == [("google", "www.example.com/pricing"), ("direct", "docs.example.com/start")]
    first, latest = lead.original_touch, lead.latest_touch
    assert (first.kind, first.occurred_at, first.recorded_at) == ("visit", NOON, NOON + DAY)
    assert (first.click_ids, first.raw["page_url"]) == ({"gclid": "G1"}, AD)
    assert first.event.kind == "page.viewed"
    assert latest.occurred_at == NOON + DAY


def test_what_arrives_late_is_a_touch_in_its_place_and_not_the_latest(shipped):
    lead = LeadFactory()
    record([viewed(lead.pk, NOON)], now=NOON)
    drain(now=NOON)
    lead.refresh_from_db()
    before = lead.latest_touch_id
    record([viewed(lead.pk, NOON - DAY, AD)], now=NOON + MINUTE)
    drain(now=NOON + MINUTE)
    lead.refresh_from_db()
    assert paths(lead) == [("google", "www.example.com/pricing"), ("direct", "docs.example.com/start")]
    assert (lead.original_touch_id, lead.latest_touch_id) == (before, before)


def test_the_next_batch_knows_the_session_that_goes_on(shipped):
    lead = LeadFactory()
    for minutes in (0, 20, 40):
        record([viewed(lead.pk, NOON + minutes * MINUTE, AD)], now=NOON + minutes * MINUTE)
        drain(now=NOON + minutes * MINUTE)
    assert len(paths(lead)) == 1


def test_what_a_server_tells_without_an_address_hides_no_view_that_follows(shipped):
    lead = LeadFactory()
    told = NewEvent(lead.pk, "pricing.viewed", {"plan": "pro"}, occurred_at=NOON, source="track")
    record([told, viewed(lead.pk, NOON + MINUTE, AD)], now=NOON + MINUTE)
    drain(now=NOON + MINUTE)
    assert paths(lead) == [("google", "www.example.com/pricing")]


def test_a_human_click_in_our_mail_is_a_touch_and_the_page_behind_it_is_none(shipped):
    lead = LeadFactory()
    said = {"sequence": "demo-nurture", "step": "welcome", "url": DOCS}
    clicks = [
        NewEvent(lead.pk, "email.clicked", said | {"human": True}, occurred_at=NOON, source="mail"),
        NewEvent(lead.pk, "email.clicked", said | {"human": False}, occurred_at=NOON - DAY, source="mail"),
        viewed(lead.pk, NOON + timedelta(seconds=2)),
    ]
    record(clicks, now=NOON + MINUTE)
    drain(now=NOON + MINUTE)
    touch = Touch.objects.get(lead=lead)
    assert (touch.kind, touch.sequence, touch.mail) == ("click", "demo-nurture", "demo-nurture/welcome")
    assert (touch.source, touch.medium, touch.campaign, touch.content) == (
        "lifecycle", "email", "demo-nurture", "welcome"
    )  # fmt: skip


def test_the_past_of_a_browser_becomes_touches_once(shipped):
    browser = Visitor.objects.create(anonymous_id="b-1", created_at=NOON - DAY)
    past = [(NOON - DAY, AD), (NOON - DAY + MINUTE, DOCS), (NOON, DOCS)]
    record([viewed(None, at, url, visitor_id=browser.pk) for at, url in past], now=NOON)
    lead = LeadFactory()
    for expected in (2, 0):
        with transaction.atomic():
            row = claiming.hold([lead.pk])[lead.pk]
            made = touching.of_visitor(row, [browser.pk], now=NOON + MINUTE)
            flush_leads([row], now=NOON + MINUTE)
        assert len(made) == expected
    lead.refresh_from_db()
    assert (lead.original_touch.source, lead.original_touch.visitor) == ("google", browser)
    assert lead.latest_touch.occurred_at == NOON


def test_touches_cost_two_queries_a_batch_and_none_without_views(shipped):
    def costs(*events):
        record(events, now=NOON)
        with CaptureQueriesContext(connection) as captured:
            drain(limit=500, most=1, now=NOON)
        return [query["sql"] for query in captured if "leads_touch" in query["sql"] and "SELECT" in query["sql"]]

    leads = [LeadFactory().pk for _ in range(20)]
    assert (
        costs(*(NewEvent(lead, "pricing.viewed", {"plan": "pro"}, occurred_at=NOON - 9 * DAY) for lead in leads)) == []
    )
    assert len(costs(*(viewed(lead, NOON - DAY + number * DAY) for lead in leads for number in (0, 1)))) == 2
    assert len(costs(*(viewed(lead, NOON + MINUTE, DOCS) for lead in leads))) == 1
    assert Touch.objects.count() == 40
    assert Event.objects.filter(kind="page.viewed").count() == 60
