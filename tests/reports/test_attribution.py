"""The report over real rows: sums equal the payments in every model, refunds follow them, nothing is hidden."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Conversion, Lead, Touch, Workspace
from lifecycle.core import money, sql
from lifecycle.reports.attribution import DIMENSIONS, MODELS, Report, attribution, question
from lifecycle.reports.attribution.details import behind, of_lead
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def touch(lead: Lead, campaign: str = "", *, days: float, **fields: Any) -> Touch:
    """A visit, so many days after NOON."""
    at = NOON + days * DAY
    values = {"kind": "visit", "source": "google" if campaign else "direct", "occurred_at": at, "recorded_at": at}
    return Touch.objects.create(lead=lead, campaign=campaign, **{**values, **fields})


def won(lead: Lead, kind: str = "purchase", *, days: float = 30, amount: Any = None, **fields: Any) -> Conversion:
    at = NOON + days * DAY
    currency = fields.pop("currency", "EUR" if amount is not None else "")
    key = fields.pop("key", f"{kind}:{Conversion.objects.count()}")
    amount = None if amount is None else Decimal(str(amount))
    return Conversion.objects.create(
        lead=lead, kind=kind, key=key, amount=amount, currency=currency, occurred_at=at, recorded_at=at, **fields
    )


def euros(report: Report, model: str, currency: str = "EUR") -> dict[str, Decimal]:
    """What a model gives each row."""
    section = next(section for section in report.sections if section.currency == currency)
    return {
        row.label: money.from_minor(row.credits[model].amount, currency)
        for row in section.rows
        if row.credits[model].amount
    }


@pytest.fixture
def ada(db: None) -> Lead:
    """An ad, a newsletter, a form by the same ad, a visit of her own; she pays 100 on day 30."""
    ada = LeadFactory(ada=True)
    touch(ada, "spring", days=0)
    touch(ada, "news", days=10)
    touch(ada, "spring", days=20, kind="form", form="contact")
    touch(ada, days=29)
    won(ada, amount="100.00", key="A-1")
    return ada


EXPECTED = {
    "first": {"spring": "100.00"},
    "last": {"No campaign": "100.00"},
    "linear": {"spring": "50.00", "news": "25.00", "No campaign": "25.00"},
    "position": {"spring": "50.00", "news": "10.00", "No campaign": "40.00"},
    "w_shaped": {"spring": "60.00", "No campaign": "30.00", "news": "10.00"},
}


@pytest.mark.parametrize("model", EXPECTED)
def test_each_model_credits_the_same_touches_in_its_own_way(model, ada):
    assert euros(attribution(question()), model) == {name: Decimal(value) for name, value in EXPECTED[model].items()}


def test_time_decay_halves_with_the_half_life_of_the_workspace(db):
    Workspace.objects.update_or_create(pk=1, defaults={"attribution_half_life_days": 10})
    lead = LeadFactory()
    for days, campaign in ((0, "old"), (10, "middle"), (20, "new")):
        touch(lead, campaign, days=days)
    won(lead, amount=70)
    assert euros(attribution(question()), "time_decay") == {
        "old": Decimal(10), "middle": Decimal(20), "new": Decimal(40),
    }  # fmt: skip


def test_without_a_touch_in_the_lookback_it_is_unattributed_and_shown(ada):
    nobody = LeadFactory()
    won(nobody, amount=7)
    late = LeadFactory()
    touch(late, "spring", days=31)
    won(late, amount=5)
    report = attribution(question())
    for model in MODELS:
        assert euros(report, model)["Unattributed"] == Decimal(12)
    assert report.sections[0].rows[-1].value is None
    tight = attribution(question(lookback_days=5))
    assert euros(tight, "first") == {"No campaign": Decimal(100), "Unattributed": Decimal(12)}


def test_direct_touches_are_left_out_when_asked(ada):
    report = attribution(question(direct="skip"))
    assert euros(report, "last") == {"spring": Decimal(100)}
    assert euros(report, "w_shaped") == {"spring": Decimal("90.00"), "news": Decimal("10.00")}
    by_form = attribution(question(direct="skip", by="form"))
    assert euros(by_form, "last") == {"No form": Decimal(100)}  # where something happened is no origin


def test_data_that_came_by_itself_is_no_touch(db):
    lead = LeadFactory()
    touch(lead, days=0, kind="import")
    touch(lead, days=1, kind="api", source="")
    won(lead, amount=5)
    assert euros(attribution(question()), "first") == {"Unattributed": Decimal(5)}
    assert behind(question(), None)[0][0].steps == []
    touch(lead, "fair", days=2, kind="import")
    assert euros(attribution(question()), "first") == {"fair": Decimal(5)}


def test_a_list_earns_for_whom_it_brought_and_not_for_whom_we_knew(db):
    known, brought = LeadFactory(), LeadFactory()
    touch(known, "spring", days=0)
    for lead in (known, brought):
        last = touch(lead, days=9, kind="import", source="trade-fair", medium="import")
        won(lead, amount=5)
    Lead.objects.filter(pk=brought.pk).update(original_touch=last)
    assert euros(attribution(question(by="source")), "last") == {"google": Decimal(5), "trade-fair": Decimal(5)}


def test_refunds_follow_the_split_of_their_payment(ada):
    won(ada, "refund", days=40, amount="-30.00", payment="A-1")
    report = attribution(question())
    assert euros(report, "linear") == {"spring": Decimal(35), "news": Decimal("17.50"), "No campaign": Decimal("17.50")}
    totals = report.sections[0].totals
    assert (totals.paid, totals.refunded, totals.net, totals.conversions) == (10_000, 3_000, 7_000, 1)


def test_a_full_refund_leaves_nothing_anywhere_whatever_its_parts(ada):
    for amount in ("-33.33", "-0.01", "-900"):
        won(ada, "refund", days=40, amount=amount, payment="A-1")
    report = attribution(question())
    assert all(euros(report, model) == {} for model in MODELS)
    assert report.notes == ["833.34 EUR refunded beyond what was paid: not subtracted."]
    assert report.sections[0].totals.conversions == 1


def test_a_refund_that_came_before_its_payment_counts_as_well(db):
    lead = LeadFactory()
    touch(lead, "spring", days=0)
    won(lead, "refund", days=1, amount=-20, payment="B-7")
    assert attribution(question()).notes == ["1 refund of a payment that is not known: subtracted once it is."]
    won(lead, amount=50, key="B-7", days=2)
    report = attribution(question())
    assert euros(report, "first") == {"spring": Decimal(30)}
    assert report.notes == []


def test_currencies_are_never_added_up(db):
    lead = LeadFactory()
    touch(lead, "spring", days=0)
    won(lead, amount="99.99", currency="EUR")
    won(lead, amount=980, currency="JPY")
    won(lead, amount="1.234", currency="KWD")
    won(lead)
    report = attribution(question())
    found = {section.currency: section.totals.net for section in report.sections}
    assert found == {"": 0, "EUR": 9_999, "JPY": 980, "KWD": 1_234}
    assert euros(report, "linear", "JPY") == {"spring": Decimal(980)}
    assert [section.currency for section in attribution(question(currency="JPY")).sections] == ["JPY"]
    assert report.notes == ["1 conversion without an amount: counted, but worth nothing here."]


def test_stages_and_bookings_are_counted(ada):
    won(ada, "mql", days=21, key=str(ada.pk))
    won(ada, "booking", days=25)
    found = attribution(question(conversion="mql"))
    assert {row.label: row.credits["linear"].conversions for row in found.sections[0].rows} == {
        "spring": 666_667, "news": 333_333,
    }  # fmt: skip
    assert attribution(question(conversion="booking")).sections[0].totals.conversions == 1
    assert attribution(question(conversion="deal")).sections == []


def test_who_was_two_leads_became_an_mql_once(ada):
    won(ada, "mql", days=21, key=str(ada.pk))
    won(ada, "mql", days=5, key="the lead that was merged")
    (section,) = attribution(question(conversion="mql")).sections
    assert section.totals.conversions == 1
    assert [row.label for row in section.rows] == ["spring"]


def test_the_touch_before_sql_has_its_part_in_the_w(ada):
    won(ada, "sql", days=15, key=str(ada.pk))
    report = attribution(question())
    assert euros(report, "w_shaped") == {"spring": Decimal(60), "news": Decimal(30), "No campaign": Decimal(10)}


BY = {
    "campaign": "spring", "source": "google", "medium": "cpc", "source_medium": "google / cpc",
    "channel": "Other", "landing_page": "www.example.com/pricing", "sequence": "nurture",
    "mail": "nurture/first", "form": "contact",
}  # fmt: skip


@pytest.mark.parametrize("by", DIMENSIONS)
def test_every_dimension_reads_the_touch(by):
    lead = LeadFactory()
    touch(
        lead, "spring", days=0, medium="cpc", landing_path="www.example.com/pricing", sequence="nurture",
        mail="nurture/first", form="contact",
    )  # fmt: skip
    won(lead, amount=10)
    assert list(euros(attribution(question(by=by)), "last")) == [BY[by]]
    found, more = behind(question(by=by), BY[by])
    assert (len(found), more, found[0].steps[0].value) == (1, False, BY[by])


def test_the_period_is_that_of_the_conversion(ada):
    won(ada, amount=1, days=60)
    assert euros(attribution(question(since=NOON + 31 * DAY, lookback_days=0)), "first") == {"spring": Decimal(1)}
    assert euros(attribution(question(until=NOON + 31 * DAY)), "first") == {"spring": Decimal(100)}
    assert attribution(question(until=NOON + 30 * DAY)).sections == []  # the end is not part of it


def test_an_audience_can_be_looked_at_alone(ada):
    Lead.objects.filter(pk=ada.pk).update(audience_type="b2b", primary_audience="Gyms")
    assert attribution(question(audience_type="b2b", primary_audience="Gyms")).sections
    assert attribution(question(audience_type="b2c")).sections == []
    assert attribution(question(primary_audience="Schools")).sections == []


# --- against SQL and against the payments
TOUCHES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 60), st.sampled_from(["", "a", "b", "c"]), st.booleans()), max_size=40
)
WON = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 60), st.integers(0, 10**7), st.integers(0, 10**7)), max_size=12
)


@pytest.mark.parametrize("direct", ["count", "skip"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(touches=TOUCHES, payments=WON)
def test_every_model_gives_away_what_was_paid_and_no_cent_more(db, direct, touches, payments):
    with undone():
        leads = _people(6)
        for person, days, campaign, is_form in touches:
            touch(leads[person], campaign, days=days, kind="form" if is_form else "visit")
        paid: Counter[str] = Counter()
        for number, (person, days, cents, refunded) in enumerate(payments):
            won(leads[person], days=days, amount=Decimal(cents).scaleb(-2), key=f"P{number}")
            won(leads[person], "refund", days=days, amount=-Decimal(refunded).scaleb(-2), payment=f"P{number}")
            paid["EUR"] += cents - min(cents, refunded)
        report = attribution(question(direct=direct, lookback_days=20))
        for section in report.sections:
            assert section.totals.net == paid[section.currency]
            for model in MODELS:
                assert sum(row.credits[model].amount for row in section.rows) == paid[section.currency]
                assert sum(row.credits[model].conversions for row in section.rows) == 1_000_000 * len(payments)
                assert all(min(row.credits[model]) >= 0 for row in section.rows)


_ENDS = """
    SELECT coalesce(t.campaign, '(none)'), sum(c.amount) FROM leads_conversion c LEFT JOIN LATERAL (
        SELECT campaign FROM leads_touch t WHERE t.lead_id = c.lead_id AND t.occurred_at <= c.occurred_at
            AND t.occurred_at >= c.occurred_at - interval '20 days' ORDER BY t.occurred_at {order}, t.id {order} LIMIT 1
    ) t ON true WHERE c.kind = 'purchase' GROUP BY 1 HAVING sum(c.amount) > 0
"""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(touches=TOUCHES, payments=WON)
def test_first_and_last_touch_equal_what_plain_sql_says(db, touches, payments):
    with undone():
        leads = _people(6)
        for person, days, campaign, _ in touches:
            touch(leads[person], campaign, days=days)
        for person, days, cents, _ in payments:
            won(leads[person], days=days, amount=Decimal(cents).scaleb(-2))
        report = attribution(question(lookback_days=20))
        for model, order in (("first", "ASC"), ("last", "DESC")):
            plain = dict(sql.fetch(_ENDS.format(order=order)))
            names = {"": "No campaign", "(none)": "Unattributed"}
            ours = euros(report, model) if report.sections else {}
            assert ours == {names.get(name, name): amount for name, amount in plain.items()}


def _people(count: int) -> list[Lead]:
    return [LeadFactory() for _ in range(count)]


@contextmanager
def undone() -> Iterator[None]:
    """What an example writes goes with it."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_the_order_of_writing_changes_nothing(db):
    reports = []
    days = [0, 3, 7, 12, 12.5]
    for order in (days, days[::-1]):
        lead = LeadFactory()
        for day in order:
            touch(lead, f"c{day}", days=day)
        won(lead, amount="100.01")
        reports.append({model: euros(attribution(question(lead_id=lead.pk)), model) for model in MODELS})
    assert reports[0] == reports[1]


def test_the_queries_are_three_whatever_there_is(ada):
    def count(**asked: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            attribution(question(**asked))
        return len(captured) - 1  # without the workspace

    few = count()
    for _ in range(30):
        lead = LeadFactory()
        touch(lead, "spring", days=1)
        touch(lead, "news", days=2)
        won(lead, amount=5)
    assert few == count() == 3
    assert count(conversion="mql") == 1  # nothing there: no touch is read


# --- what stands behind it
def test_behind_a_row_are_the_conversions_with_their_paths(ada):
    won(ada, "refund", days=40, amount=-30, payment="A-1")
    (one,), more = behind(question(), "spring")
    assert (one.lead_id, one.who, one.kind, one.key, more) == (ada.pk, "Ada Ash", "Purchase", "A-1", False)
    assert one.net is not None
    assert (one.net.paid, one.net.left) == (10_000, 7_000)
    assert [(step.value, step.kind, list(step.roles)) for step in one.steps] == [
        ("spring", "visit", ["first touch"]),
        ("news", "visit", []),
        ("spring", "form contact", ["created the lead"]),
        ("No campaign", "visit", ["before the opportunity", "last touch"]),
    ]
    assert [step.given["linear"].amount for step in one.steps] == [1_750] * 4
    assert [step.given["w_shaped"].conversions for step in one.steps] == [300_000, 100_000, 300_000, 300_000]
    assert behind(question(), "autumn") == ([], False)


def test_what_has_no_amount_can_be_asked_for_by_itself(ada):
    won(ada, "purchase", days=31)
    assert [one.currency for one in behind(question(currency="XXX"), "news")[0]] == [""]
    assert [one.currency for one in behind(question(currency="EUR"), "news")[0]] == ["EUR"]


def test_behind_the_unattributed_are_those_without_a_touch(ada):
    nobody = LeadFactory()
    won(nobody, amount=7)
    (one,), _ = behind(question(), None)
    assert (one.lead_id, one.steps) == (nobody.pk, [])


def test_what_led_here_is_told_for_a_person_newest_first(ada):
    won(ada, "mql", days=21, key=str(ada.pk))
    won(ada, "refund", days=40, amount=-30, payment="A-1")
    assert [one.kind for one in of_lead(question(), ada.pk)] == ["Purchase", "Became MQL"]


def test_behind_goes_page_by_page_with_the_same_queries(ada):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            behind(question(), "spring")
        return len(captured)

    few = count()
    for _ in range(25):
        lead = LeadFactory()
        touch(lead, "spring", days=1)
        won(lead, amount=5)
    assert count() == few
    first, more = behind(question(), "spring")
    second, end = behind(question(), "spring", page=2)
    assert (len(first), more, len(second), end) == (20, True, 6, False)
    assert not {one.id for one in first} & {one.id for one in second}
