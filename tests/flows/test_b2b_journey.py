"""The whole journey of a B2B lead: from an advertisement to a demo, a webinar, a subscription, a renewal, and beyond.

One person, one clock, the doors that the outside uses: website, Calendly, Stripe, a webinar's page, mail. Each chapter
begins where the one before it ended.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from leads.models import Conversion, Lead, Touch
from lifecycle.sales.models import AssignmentRule, Meeting, Task
from tests.billing import Plan
from tests.calendly import Invitee
from tests.cast import ADA, World, kinds, links, run_of
from tests.webinars.cast import make_webinar
from webinars import attending
from webinars.attending import Stay
from webinars.models import Registration

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

WEBSITE = "https://www.example.com"
AD = f"{WEBSITE}/guides/demo?utm_source=google&utm_medium=cpc&utm_campaign=spring-demo&gclid=Cj0KCQ"
BROWSER = "3f1c9a52-ada"
YEAR = timedelta(days=365)


@pytest.fixture
def rita() -> User:
    """The rep who takes every lead."""
    rep = User.objects.create_user("rita", email="rita@example.com", is_staff=True)
    AssignmentRule.objects.create(name="Everybody").reps.add(rep)
    return rep


def an_advertisement_brings_ada_to_the_contact_form(world: World) -> Lead:
    world.look(BROWSER, AD, "https://www.google.com/")
    world.later(minutes=3)
    ada = world.submit("contact", **ADA, anonymous_id=BROWSER, organization_type="Software Company")
    world.run()
    ada.refresh_from_db()
    assert (ada.stage, ada.audience_type, ada.primary_audience) == ("mql", "b2b", "Technology")
    assert (ada.form_source, ada.original_touch.campaign) == ("contact", "spring-demo")  # type: ignore[union-attr]
    assert world.subjects(ada) == ["Your message, and a sum worth doing"]
    assert ada.engagement_tier == "engaged"
    return ada


def she_reads_looks_at_prices_and_turns_hot(world: World, ada: Lead) -> None:
    """Two mails of the nurture; a click, the documentation, the prices: scores explain themselves, the rep is told."""
    world.at(days=7, hours=1)
    assert len(world.mails_to(ada)) == 2
    world.later(hours=2)
    world.follow(links(world.mails_to(ada)[-1])[0])
    for _ in range(3):
        world.later(minutes=20)
        world.look(BROWSER, f"{WEBSITE}/pricing")
    world.later(minutes=5)
    world.tell(ada, "DEMO_WATCHED")
    world.run()
    ada.refresh_from_db()
    assert (ada.stage, ada.temperature) == ("sql", "hot")
    assert ada.owner.username == "rita"  # type: ignore[union-attr]
    assert ada.engagement_tier == "most_engaged"
    hot = next(mail for mail in world.alerts if mail.subject.startswith("Hot lead"))
    assert hot.to == ["rita@example.com"]
    assert "Looked at the prices" in hot.body


def she_books_a_demo_and_everything_else_falls_silent(world: World, ada: Lead) -> Invitee:
    original, rep = ada.original_touch_id, ada.owner_id
    world.later(hours=1)
    invitee = world.book(ada.email, days=4, utm={"source": "newsletter", "medium": "email", "campaign": "june"})
    ada.refresh_from_db()
    assert (ada.demo_booked, ada.demo_status) == (True, "scheduled")
    assert run_of(ada, "demo-nurture").exit_reason == "goal: meeting.booked"
    assert (ada.original_touch_id, ada.owner_id) == (original, rep)
    assert Touch.objects.filter(lead=ada, kind="booking", campaign="june").count() == 1
    assert Task.objects.filter(lead=ada, done_at=None, owner_id=rep).exists()
    world.run()
    assert world.subjects(ada)[-1].startswith("See you on")
    return invitee


def she_moves_it_and_gets_one_fresh_confirmation(world: World, ada: Lead, invitee: Invitee) -> Invitee:
    world.later(days=1)
    before = len(world.mails_to(ada))
    moved = world.rebook(invitee, days=5)
    world.run()
    ada.refresh_from_db()
    assert len(world.mails_to(ada)) == before + 1
    assert world.subjects(ada)[-1].startswith("See you on")
    assert not [subject for subject in world.subjects(ada) if "canceled" in subject]
    assert list(Meeting.objects.filter(lead=ada, state="scheduled").values_list("reference", flat=True)) == [moved.uri]
    assert kinds(ada).count("meeting.rescheduled") == 1
    assert run_of(ada, "demo-nurture").state == "ended"
    return moved


def she_registers_for_a_webinar_and_attends(world: World, ada: Lead) -> None:
    webinar = make_webinar(starts_at=world.now + timedelta(days=2), title="Onboarding that sticks")
    answer = world.browser.post(
        f"/api/v1/webinars/{webinar.code}/registrations",
        {"email": ada.email, "first_name": "Ada"},
        content_type="application/json",
    )
    assert answer.status_code == 201, answer.content
    world.run()
    confirmation = world.mails_to(ada)[-1]
    assert confirmation.subject == "You are in: Onboarding that sticks"
    assert any(part.get_content_type() == "text/calendar" for part in confirmation.message.walk())
    for hours in (24, 1):
        world.set_clock(webinar.starts_at - timedelta(hours=hours))
        world.run()
    assert world.subjects(ada)[-2:] == ["Tomorrow: Onboarding that sticks", "In an hour: Onboarding that sticks"]
    world.set_clock(webinar.ends_at + timedelta(hours=2))
    registration = Registration.objects.get(lead=ada)
    attending.note([Stay(registration.pk, "page-1", "csv", joined_at=webinar.starts_at, left_at=webinar.ends_at)])
    attending.settle(webinar.pk, now=world.now)
    world.run()
    ada.refresh_from_db()
    assert ada.webinars == webinar.code
    assert "webinar.attended" in kinds(ada)


def she_subscribes_for_a_year(world: World, ada: Lead) -> Plan:
    world.at(days=16)
    plan = Plan(ada.email, world.now, amount=120_000, interval="year", period=YEAR)
    world.stripe(plan.checkout(), plan.told(), plan.paid())
    world.run()
    ada.refresh_from_db()
    assert (ada.stage, ada.is_client) == ("customer", True)
    payment = Conversion.objects.get(lead=ada, kind="purchase")
    assert (payment.amount, payment.currency) == (Decimal("1200.000"), "EUR")
    assert world.subjects(ada)[-1] == "Thank you. Here is what to do first"
    assert credited(world) == {"spring-demo": Decimal("1200.00")}
    for days in (5, 10):
        world.later(days=days)
        world.run()
    assert world.subjects(ada)[-2:] == ["Day five: put one real task through it", "Two weeks in: is it paying off?"]
    return plan


def credited(world: World) -> dict[str, Decimal]:
    """Campaign → what its first touches earned."""
    asked = {"conversion": "purchase", "by": "campaign", "model": "first"}
    answer = world.program.get("/api/v1/reports/attribution", asked)
    amounts = {row["value"]: Decimal(row["credits"]["first"]["amount"]) for row in answer.json()["rows"]}
    return {name: amount for name, amount in amounts.items() if amount}


def she_is_reminded_before_the_renewal(world: World, ada: Lead, plan: Plan) -> None:
    for days in range(33, -1, -1):
        world.set_clock(plan.end() - timedelta(days=days, hours=-1))
        world.run()
    told = world.subjects(ada)[-3:]
    assert told[0].startswith("Your plan renews on")
    assert told[1:] == ["One week until your plan renews", "Tomorrow your plan renews"]


def she_leaves_is_asked_why_and_comes_back(world: World, ada: Lead, plan: Plan) -> None:
    world.stripe(plan.deleted(world.now))
    world.run()
    ada.refresh_from_db()
    assert (ada.stage, ada.is_client) == ("former", False)
    world.later(days=1, hours=1)
    world.run()
    assert world.subjects(ada)[-1] == "May we ask why you left?"
    world.later(days=5)
    again = Plan(ada.email, world.now, amount=120_000, interval="year", period=YEAR, customer=plan.customer)
    world.stripe(again.checkout(), again.told(), again.paid())
    world.run()
    ada.refresh_from_db()
    assert (ada.stage, ada.is_client) == ("customer", True)
    run = run_of(ada, "churn-win-back")
    assert run.state == "ended"
    for days in (10, 40):
        world.later(days=days)
        world.run()
    assert "The door stays open" not in world.subjects(ada)


def test_from_the_advertisement_to_the_second_subscription(world: World, rita: User) -> None:
    ada = an_advertisement_brings_ada_to_the_contact_form(world)
    she_reads_looks_at_prices_and_turns_hot(world, ada)
    invitee = she_books_a_demo_and_everything_else_falls_silent(world, ada)
    she_moves_it_and_gets_one_fresh_confirmation(world, ada, invitee)
    she_registers_for_a_webinar_and_attends(world, ada)
    plan = she_subscribes_for_a_year(world, ada)
    she_is_reminded_before_the_renewal(world, ada, plan)
    she_leaves_is_asked_why_and_comes_back(world, ada, plan)

    ada.refresh_from_db()
    assert ada.original_touch.campaign == "spring-demo"  # type: ignore[union-attr]
    assert (ada.form_source, ada.first_owner) == ("contact", rita)
    assert Conversion.objects.filter(lead=ada, kind="purchase").count() == 2
