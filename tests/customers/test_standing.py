"""What facts make of a person: pure tables, then the same through events and through the repair."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads import pipeline
from leads.actions import record
from leads.batch import NewEvent
from leads.identity.merging import merge
from leads.models import Event, Lead, PendingEvent, Workspace
from lifecycle.customers import checking
from lifecycle.customers.models import Invoice, Purchase, Subscription
from lifecycle.customers.standing import Bought, Plan, Settings, Standing, is_client, merged, standing
from tests.factories import NOON, LeadFactory

DAY = timedelta(days=1)
SETTINGS = Settings(long_months=6, zone=ZoneInfo("Europe/Berlin"))
YEARLY = Plan("sub_1", "active", "Team", Decimal("1188"), "EUR", 12, NOON, NOON + 300 * DAY, None, None)
ENDED = YEARLY._replace(state="ended", renews_at=None, ended_at=NOON + 9 * DAY)
MONTHLY = YEARLY._replace(reference="sub_2", plan="Support", interval_months=1, renews_at=NOON + 30 * DAY)


@pytest.mark.parametrize(
    ("plans", "bought", "expected"),
    [
        ([], Bought(), None),
        ([YEARLY], Bought(), True),
        ([ENDED], Bought(), False),
        ([ENDED, MONTHLY], Bought(), True),
        ([], Bought(kept_at=NOON), True),
        ([], Bought(lost_at=NOON), False),
        ([], Bought(kept_at=NOON, lost_at=NOON + DAY), True),
        ([ENDED], Bought(kept_at=NOON), False),  # bought before the end: over with it
        ([ENDED], Bought(kept_at=NOON + 10 * DAY), True),  # bought since
        ([YEARLY._replace(state="past_due")], Bought(), True),
        ([YEARLY._replace(state="trial")], Bought(), True),
    ],
)
def test_who_is_a_client(plans: list[Plan], bought: Bought, expected: bool | None) -> None:
    assert standing(plans, bought, SETTINGS).is_client is expected
    assert standing(plans[::-1], bought, SETTINGS).is_client is expected


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ([YEARLY], (YEARLY.renews_at, "active")),
        ([MONTHLY], (None, "active")),
        ([MONTHLY, YEARLY], (YEARLY.renews_at, "active")),
        ([YEARLY, YEARLY._replace(reference="b", renews_at=NOON + 50 * DAY)], (NOON + 50 * DAY, "active")),
        ([YEARLY._replace(interval_months=6)], (YEARLY.renews_at, "active")),
        ([YEARLY._replace(interval_months=5)], (None, "active")),
        ([YEARLY._replace(state="trial")], (None, "trial")),
        ([YEARLY._replace(state="past_due")], (YEARLY.renews_at, "past_due")),
        ([YEARLY._replace(renews_at=None, ends_at=NOON)], (None, "canceling")),
        ([ENDED], (None, "ended")),
        ([ENDED, MONTHLY], (None, "active")),
    ],
)
def test_what_renews_next_and_how_it_stands(plans: list[Plan], expected: tuple[Any, str]) -> None:
    found = standing(plans, Bought(), SETTINGS).attributes
    day = expected[0].astimezone(SETTINGS.zone).date().isoformat() if expected[0] else None
    assert (found["renewal_date"], found["subscription_state"]) == (day, expected[1])
    assert (found["renewal_amount"] is None) == (day is None)


def test_the_day_is_one_of_the_workspaces_calendar_and_reads_in_words() -> None:
    late = YEARLY._replace(renews_at=NOON.replace(hour=23, minute=30))
    found = standing([late], Bought(), SETTINGS).attributes
    assert (found["renewal_date"], found["renewal_day"], found["renewal_amount"]) == (
        "2026-03-03",
        "3 March 2026",
        "1188.00",
    )


def test_other_attributes_stay_and_those_of_ours_go_when_they_are_over() -> None:
    given = {"seats": 5, "plan": "Old", "renewal_date": "2026-01-01"}
    over = standing([ENDED], Bought(), SETTINGS)
    assert merged(given, over) == {"seats": 5, "plan": "Team", "subscription_state": "ended"}
    assert merged(given, Standing(None, None, {})) == given


def test_whom_somebody_made_a_customer_since_stays_one() -> None:
    over = standing([ENDED], Bought(), SETTINGS)
    long_ago = NOON - 400 * DAY
    for stage, since, expected in [
        ("customer", NOON + 20 * DAY, None),
        ("customer", NOON, False),
        ("former", NOON + 20 * DAY, False),
    ]:
        assert is_client(over, stage=stage, stage_since=since, created_at=long_ago) is expected


# --- Through events


@pytest.fixture
def lead(db: None) -> Lead:
    return LeadFactory.create()


def tell(lead: Lead, kind: str, at: Any = NOON, source: str = "api", **properties: Any) -> None:
    record([NewEvent(lead.pk, kind, properties, occurred_at=at, source=source)], now=at)
    pipeline.drain(now=at)
    lead.refresh_from_db()


def test_what_a_shop_tells_by_events_alone_becomes_the_same_facts(lead: Lead) -> None:
    told = {"subscription": "s1", "plan": "Team", "amount": "99,50", "currency": "eur", "interval_months": "12"}
    tell(lead, "subscription.started", **told, renews_at="2027-03-02")
    tell(lead, "payment.failed", NOON + DAY, invoice=17, subscription="s1", attempt=2, pay_url="javascript:alert(1)")
    row, bill = Subscription.objects.get(), Invoice.objects.get()
    assert (row.provider, row.state, row.amount, row.currency, row.interval_months) == (
        "api",
        "past_due",
        Decimal("99.5"),
        "EUR",
        12,
    )
    assert (bill.reference, bill.attempts, bill.pay_url, bill.subscription) == ("17", 2, "", row)
    tell(lead, "payment.recovered", NOON + 2 * DAY, invoice=17, subscription="s1")
    row.refresh_from_db(), bill.refresh_from_db()
    assert (row.state, bill.state) == ("active", "paid")


def test_an_old_word_of_a_subscription_changes_nothing(lead: Lead) -> None:
    tell(lead, "subscription.ended", NOON + 5 * DAY, subscription="s1")
    tell(lead, "subscription.started", NOON + DAY, subscription="s1")
    assert (Subscription.objects.get().state, lead.is_client) == ("ended", False)
    assert Event.objects.filter(kind="subscription.lapsed").count() == 1


def test_a_subscription_without_a_name_goes_with_its_person_into_a_merge(lead: Lead) -> None:
    """Who has only one may leave its name out: after a merge its end is still its end."""
    tell(lead, "subscription.started", plan="Team")
    kept = LeadFactory()
    merge(kept, lead, now=NOON)
    tell(kept, "subscription.ended", at=NOON + DAY)
    (row,) = Subscription.objects.all()
    assert (row.lead_id, row.state) == (kept.pk, "ended")
    assert Lead.objects.get(pk=kept.pk).is_client is False


def test_a_refund_of_everything_ends_being_a_client_and_a_part_does_not(lead: Lead) -> None:
    tell(lead, "purchase.completed", order_id="A", amount=100, currency="EUR")
    tell(lead, "purchase.refunded", NOON + DAY, order_id="A", refund_id="r1", amount=40)
    assert lead.is_client
    tell(lead, "purchase.refunded", NOON + 2 * DAY, order_id="A", refund_id="r2")
    assert not lead.is_client
    assert Purchase.objects.get().refunded == 100


@pytest.mark.parametrize(
    "junk", [None, 5, [], {"a": 1}, "x" * 5000, "\ud800".encode("utf-8", "replace").decode(), True]
)
def test_whatever_programs_send_nothing_breaks(lead: Lead, junk: Any) -> None:
    names = (
        "subscription plan products amount currency interval_months renews_at ends_at invoice attempt pay_url order_id"
    )
    kinds = "purchase.completed purchase.refunded subscription.started subscription.canceling payment.failed".split()
    for kind in [*kinds, "payment.recovered", "subscription.lapsed"]:
        tell(lead, kind, **dict.fromkeys(names.split(), junk))
    assert not PendingEvent.objects.exists()


def test_nobody_writes_the_subscription_of_somebody_else(lead: Lead) -> None:
    other = LeadFactory.create()
    tell(lead, "subscription.started", subscription="s1", plan="Team")
    tell(other, "subscription.ended", NOON + DAY, subscription="s1")
    assert (Subscription.objects.get().lead, Subscription.objects.get().state) == (lead, "active")


def test_the_repair_brings_everybody_in_line_and_then_has_nothing_to_do(lead: Lead) -> None:
    tell(lead, "subscription.started", subscription="s1", plan="Team", interval_months=3, renews_at="2026-06-02")
    assert "renewal_date" not in lead.attributes
    workspace = Workspace.load()
    workspace.renewal_from_months = 3
    workspace.save()
    Lead.objects.filter(pk=lead.pk).update(is_client=False)
    assert checking.begin(now=NOON) == 1
    lead.refresh_from_db()
    assert (lead.is_client, lead.attributes["renewal_date"]) == (True, "2026-06-02")
    assert (checking.begin(now=NOON), checking.progress()) == (0, None)


def test_the_repair_keeps_its_place_and_takes_the_same_queries_for_any_chunk(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "CHUNK", 4)
    people = [LeadFactory.create() for _ in range(10)]
    for person in people:
        tell(person, "purchase.completed", order_id=f"{person.pk}", amount=1, currency="EUR")
    tell(people[0], "subscription.started", subscription="s1")
    Lead.objects.update(is_client=False)
    checking.go_on(now=NOON)
    assert checking.progress() is None, "nobody asked for a pass"
    Workspace.objects.update(customers_checked_to=0)
    assert (checking.go_on(now=NOON, most=1), checking.progress()) == (4, people[3].pk)
    Workspace.objects.update(customers_checked_to=0)  # its worker died before it noted the place
    assert (checking.go_on(now=NOON, most=1), checking.progress()) == (0, people[3].pk)
    with CaptureQueriesContext(connection) as four:
        assert checking.go_on(now=NOON, most=1) == 4
    with CaptureQueriesContext(connection) as two:
        assert checking.go_on(now=NOON, most=1) == 2
    assert (len(four), checking.progress()) == (len(two), None)
    assert Lead.objects.filter(is_client=True).count() == 10


def test_a_batch_takes_the_same_queries_for_one_as_for_twenty(db: None) -> None:
    def buy(count: int) -> int:
        people = [LeadFactory.create() for _ in range(count)]
        events = [NewEvent(one.pk, "purchase.completed", {"order_id": f"{one.pk}"}, source="api") for one in people]
        record(events, now=NOON)
        with CaptureQueriesContext(connection) as queries:
            pipeline.process_pending(now=NOON)
        return len(queries)

    buy(1)
    assert buy(20) == buy(1)


def test_a_client_who_turns_hot_is_no_alert(lead: Lead) -> None:
    from_shop = LeadFactory.create(is_client=True)
    for person, alerts in ((lead, 1), (from_shop, 0)):
        Lead.objects.filter(pk=person.pk).update(fit_score=55, score=55)
        change = {"before": "warm", "after": "hot", "score": 85}
        record([NewEvent(person.pk, "temperature.changed", change)], now=NOON)
        pipeline.drain(now=NOON)
        assert person.alerts.count() == alerts
