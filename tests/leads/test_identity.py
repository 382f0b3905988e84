"""Who is who, rule by rule as docs/identity.md has them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads import identity
from leads.actions import FormPost, capture
from leads.models import Company, Event, Lead, PendingEvent, PendingIdentity, PossibleDuplicate, Visitor
from tests.factories import NOON, FormFactory, LeadFactory
from tests.leads.tracking_calls import alias, browser, done, group, identify, lead_of, user, view

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.com", "ben@ode.example"


def post(email: str, anonymous_id: str, **answers: str) -> Lead:
    FormFactory()
    data = {"email": email, "anonymous_id": anonymous_id, **answers}
    return Lead.objects.get(pk=capture(FormPost("contact", data), now=NOON).lead_id)


def pairs() -> list[tuple[str, str]]:
    rows = PossibleDuplicate.objects.order_by("pk").select_related("lead", "other")
    return [(row.lead.email, row.other.email) for row in rows]


# --- what joins


def test_an_identify_with_an_address_makes_the_lead_and_brings_its_past():
    view("b1", at=NOON - timedelta(days=2)), view("b1")
    identify("42", "b1", email=ADA, firstName="Ada", lastName="Ash")
    done()
    ada = lead_of(ADA)
    assert (ada.first_name, ada.last_name) == ("Ada", "Ash")
    assert set(ada.visitors.all()) == {browser("b1"), user("42")}
    assert browser("b1").same_as == user("42")
    kinds = Event.objects.filter(lead=ada).values_list("kind", flat=True)
    assert sorted(kinds) == ["lead.created", "page.viewed", "page.viewed", "user.identified"]
    assert PendingEvent.objects.filter(lead=ada).count() == 4
    assert not PendingIdentity.objects.exists()


def test_the_first_visit_of_the_past_becomes_the_original_touch():
    view("b1", at=NOON - timedelta(days=9), url="https://www.example.com/?utm_source=ads&utm_campaign=spring")
    view("b1", at=NOON - timedelta(days=1), url="https://www.example.com/?utm_source=news")
    identify("42", "b1", email=ADA)
    done()
    ada = lead_of(ADA)
    assert ada.original_touch is not None
    assert ada.original_touch.campaign == "spring"
    assert ada.latest_touch is not None
    assert ada.latest_touch.source == "news"


def test_a_form_brings_the_browser_its_user_and_that_users_other_browsers():
    view("laptop"), view("phone")
    identify("42", "laptop"), identify("42", "phone", firstName="Ada")
    done()
    assert not Lead.objects.exists()
    ada = post(ADA, "laptop")
    assert set(ada.visitors.all()) == {browser("laptop"), browser("phone"), user("42")}
    assert Event.objects.filter(lead=ada, kind="page.viewed").count() == 2
    assert ada.first_name == "Ada"  # what the call said before anybody knew who it was


def test_an_identify_after_the_form_brings_the_user_too():
    ada = post(ADA, "b1")
    view("42", by_user=True)
    identify("42", "b1", title="CTO")
    done()
    ada.refresh_from_db()
    assert user("42").lead == ada
    assert ada.job_title == "CTO"
    assert Event.objects.filter(lead=ada, kind="page.viewed").exists()


def test_an_identify_without_an_address_only_links():
    view("b1")
    identify("42", "b1", firstName="Ada")
    done()
    assert browser("b1").same_as == user("42")
    assert not Lead.objects.exists()
    assert not Event.objects.exclude(lead=None).exists()


def test_an_alias_joins_what_the_older_id_did():
    view("old-browser"), view("u1", by_user=True)
    identify("42", email=ADA)
    alias("old-browser", "42"), alias("u1", "42")
    done()
    assert set(lead_of(ADA).visitors.all()) == {browser("old-browser"), user("u1"), user("42")}


def test_an_alias_of_an_id_that_comes_later_counts_as_well():
    identify("42", email=ADA)
    alias("not-yet", "42")
    done()
    view("not-yet")
    assert Event.objects.get(kind="page.viewed").lead == lead_of(ADA)


def test_a_user_id_that_is_an_address_is_one():
    identify("Ada@Acme.com")
    done()
    assert lead_of(ADA).visitors.get().user_id == "Ada@Acme.com"


def test_a_browser_alone_never_joins_anybody():
    ada = post(ADA, "b1")
    view("b2")
    done()
    assert browser("b2").lead is None
    assert not Event.objects.filter(lead=ada, kind="page.viewed").exists()


# --- what is never merged


def test_a_user_id_that_belongs_to_a_stays_as_when_bs_address_comes_with_it():
    identify("42", email=ADA, firstName="Ada")
    done()
    identify("42", email=BEN, firstName="Ben")
    done()
    ada, ben = lead_of(ADA), lead_of(BEN)
    assert user("42").lead == ada
    assert (ada.first_name, ben.first_name) == ("Ada", "Ben")
    assert ada.email == ADA
    assert pairs() == [(ADA, BEN)]


def test_a_browser_that_belongs_to_a_stays_as_when_b_identifies_on_it():
    view("b1")
    ada = post(ADA, "b1")
    identify("7", "b1", email=BEN)
    done()
    assert browser("b1").lead == ada
    assert user("7").lead == lead_of(BEN)
    assert not Event.objects.filter(lead=lead_of(BEN), kind="page.viewed").exists()
    assert pairs() == [(ADA, BEN)]


def test_a_second_persons_form_on_a_shared_computer_gets_nothing_of_the_first():
    view("b1")
    ada = post(ADA, "b1")
    ben = post(BEN, "b1")
    assert browser("b1").lead == ada
    assert not Event.objects.filter(lead=ben, kind="page.viewed").exists()
    assert pairs() == [(ADA, BEN)]


def test_a_form_on_the_browser_of_somebody_elses_user_gets_nothing():
    identify("42", "laptop"), identify("42", "phone")
    done()
    identify("42", email=ADA)
    done()
    post(BEN, "phone")
    assert browser("phone").lead == lead_of(ADA)
    assert pairs() == [(ADA, BEN)]


def test_a_browser_of_one_user_is_not_given_to_the_next_who_signs_in_there():
    view("b1")
    identify("42", "b1")
    identify("7", "b1", email=BEN)
    done()
    assert browser("b1").same_as == user("42")
    assert browser("b1").lead is None
    assert not Event.objects.filter(lead=lead_of(BEN), kind="page.viewed").exists()


def test_two_known_people_are_not_merged_by_an_alias():
    identify("42", email=ADA), identify("7", email=BEN)
    done()
    alias("7", "42")
    done()
    assert (user("42").lead.email, user("7").lead.email) == (ADA, BEN)
    assert pairs() == [(ADA, BEN)]


def test_what_was_decided_is_not_asked_again():
    identify("42", email=ADA), identify("42", email=BEN)
    done()
    PossibleDuplicate.objects.update(outcome="different")
    identify("42", email=BEN)
    done()
    assert PossibleDuplicate.objects.get().outcome == "different"


def test_a_computer_of_many_raises_only_so_many_questions():
    post(ADA, "kiosk")
    for number in range(14):
        post(f"p{number}@acme.com", "kiosk")
    assert PossibleDuplicate.objects.count() == 10


# --- addresses


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (ADA, "ADA@Acme.COM", True),
        ("ada@münchen.example", "ADA@xn--mnchen-3ya.example", True),
        (ADA, "ada+news@acme.com", False),
    ],
)
def test_case_and_the_spelling_of_the_domain_make_no_difference_and_a_plus_part_does(one, two, same):
    identify("1", email=one), identify("2", email=two)
    done()
    assert Lead.objects.count() == (1 if same else 2)


@pytest.mark.parametrize("email", ["no address", "a@b", 7, None, {"x": 1}, "@", "a" * 300 + "@acme.com"])
def test_what_is_no_address_is_left_out_and_the_call_still_counts(email):
    identify("42", "b1", email=email, firstName="Ada")
    done()
    assert browser("b1").same_as == user("42")
    assert not Lead.objects.exists()
    assert not PendingIdentity.objects.exists()


# --- traits


def test_segments_traits_become_fields_and_the_rest_attributes():
    identify(
        "42",
        email=ADA,
        name="Ada Ash",
        title="Head of Marketing",
        phone="+49 1",
        company={"name": "Acme Inc", "employee_count": 120, "industry": "Tools", "plan": "x"},
        address={"country": "Germany", "city": "Berlin"},
        timezone="Europe/Berlin",
        website="https://acme.com",
        plan="pro",
        seats=12,
        tags=["a"],
    )
    done()
    ada = lead_of(ADA)
    assert (ada.first_name, ada.last_name, ada.job_title, ada.role) == ("Ada", "Ash", "Head of Marketing", "head")
    assert (ada.company_name, ada.company_size, ada.industry) == ("Acme Inc", 120, "Tools")
    assert (ada.country, ada.timezone, ada.phone) == ("Germany", "Europe/Berlin", "+49 1")
    assert ada.attributes == {"website": "https://acme.com", "plan": "pro", "seats": 12, "city": "Berlin"}
    assert Company.objects.get(domain="acme.com").name == "Acme Inc"


def test_traits_that_do_not_fit_are_left_out_and_others_count():
    identify("42", email=ADA, firstName="A" * 200, lastName="Ash", timezone="Mars", title=["x"], is_client=True)
    done()
    ada = lead_of(ADA)
    assert (ada.first_name, ada.last_name, ada.timezone, ada.job_title) == ("", "Ash", "", "")
    assert not ada.is_client


def test_later_traits_win_and_empty_ones_change_nothing():
    identify("42", email=ADA, title="CTO", plan="free")
    done()
    identify("42", title="CEO", plan="pro", lastName="")
    done()
    ada = lead_of(ADA)
    assert (ada.job_title, ada.role, ada.attributes) == ("CEO", "executive", {"plan": "pro"})


def test_a_group_fills_only_blanks_of_the_account():
    identify("42", email=ADA)
    group("g1", "42", name="Acme Inc", employees=300, industry="Tools", address={"country": "Spain"})
    done()
    group("g1", "42", name="Other", employees=5, industry="Food")
    done()
    acme = Company.objects.get(domain="acme.com")
    assert (acme.name, acme.size, acme.industry, acme.country) == ("Acme Inc", 300, "Tools", "Spain")


def test_a_group_told_before_anybody_knew_the_person_counts_when_they_are_known():
    group("g1", "42", name="Acme Inc", employees=300)
    done()
    identify("42", email=ADA)
    done()
    assert Company.objects.get(domain="acme.com").size == 300


def test_somebody_with_a_private_address_gets_the_groups_facts_themselves():
    identify("42", email="ada@gmail.com")
    group("g1", "42", name="Acme Inc", employees=300)
    done()
    assert (lead_of("ada@gmail.com").company_name, lead_of("ada@gmail.com").company_size) == ("Acme Inc", 300)


# --- the queue


def test_unchanged_traits_write_nothing_and_tell_nothing():
    identify("42", "b1", email=ADA, title="CTO")
    done()
    before = lead_of(ADA).updated_at
    events = Event.objects.count()
    identify("42", "b1", email=ADA, title="CTO", at=NOON + timedelta(hours=1))
    done(NOON + timedelta(hours=1))
    assert Event.objects.count() == events + 1  # the call itself
    assert lead_of(ADA).updated_at == before


def test_a_batch_takes_the_statements_of_one_call():
    def statements(numbers: range) -> int:
        for number in numbers:
            identify(f"u{number}", f"b{number}", email=f"p{number}@firm{number}.example", firstName="P")
        with CaptureQueriesContext(connection) as few:
            counts = identity.identify_pending(limit=500, now=NOON)
        assert counts.created == len(numbers)
        return len(few)

    statements(range(1, 3))  # what a process reads once
    assert statements(range(3, 6)) == statements(range(10, 130)) <= 18


def test_a_call_that_fails_holds_up_nobody_and_is_given_up_after_five_attempts():
    identify("1", email=ADA)
    bad = identify("2", email=BEN)
    identify("3", email="cleo@acme.com")
    with connection.cursor() as cursor:  # something in the database that nobody thought of
        cursor.execute("ALTER TABLE leads_lead ADD CONSTRAINT not_ben CHECK (email_normal <> %s)", [BEN])
    counts = identity.identify_pending(now=NOON)
    assert set(Lead.objects.values_list("email", flat=True)) == {ADA, "cleo@acme.com"}
    assert counts.failed == 1
    for _ in range(4):
        identity.identify_pending(now=NOON)
    waiting = PendingIdentity.objects.get()
    assert (waiting.event_id, waiting.attempts, waiting.dead_at) == (bad, 5, NOON)
    assert "not_ben" in waiting.error
    assert identity.identify_pending(now=NOON).failed == 0
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE leads_lead DROP CONSTRAINT not_ben")
    PendingIdentity.objects.update(dead_at=None, attempts=0)
    done()
    assert lead_of(BEN)


def test_a_door_acts_at_once_and_never_fails():
    event = identify("42", email=ADA)
    assert identity.identify_at_once([event], now=NOON) == frozenset({lead_of(ADA).pk})
    assert identity.identify_at_once([event, 10**9], now=NOON) == frozenset()
    assert identity.identify_at_once([], now=NOON) == frozenset()


def test_calls_about_one_visitor_are_acted_on_in_their_order():
    first, second = identify("42", email=ADA, title="CTO"), identify("42", title="CEO")
    assert identity.identify_at_once([second], now=NOON) is not None
    done()
    assert lead_of(ADA).job_title == "CEO"
    assert first < second


def test_a_known_address_keeps_its_lead():
    known = LeadFactory(email=ADA, first_name="Ada")
    identify("42", email=ADA)
    done()
    assert Lead.objects.get() == known
    assert Visitor.objects.get(user_id="42").lead == known
