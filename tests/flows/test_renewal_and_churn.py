"""What happens after the sale: the yearly renewal comes near, a payment fails, somebody leaves, and comes back."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.models import Enrollment, Message
from leads.models import Event, Lead
from lifecycle.sales.models import Task
from tests.cast import ADA, World, kinds, links, messages, one_click, path_of, run_of
from tests.factories import NOON

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

MONTH_BEFORE = "Your plan renews on {}"
WEEK_BEFORE, DAY_BEFORE = "One week until your plan renews", "Tomorrow your plan renews"
FAILED, STILL_OPEN, LAST = (
    "Your payment did not go through",
    "Still open: your payment for Team, yearly",
    "Please settle this, so that your access does not end",
)
WHY, WHAT_WOULD_IT_TAKE, DOOR = (
    "May we ask why you left?",
    "Ada, what would it take to come back?",
    "The door stays open",
)
YEARLY = {
    "subscription": "sub_1",
    "plan": "Team, yearly",
    "amount": "1188.00",
    "currency": "EUR",
    "interval_months": 12,
}


def day(days: float) -> datetime:
    return NOON + timedelta(days=days)


def iso(days: float) -> str:
    return day(days).strftime("%Y-%m-%dT%H:%M:%SZ")


def of(lead: Lead) -> Lead:
    """As it is now."""
    return Lead.objects.get(pk=lead.pk)


def words(days: float) -> str:
    return f"{day(days).day} {day(days):%B %Y}"


def subscriber(world: World, *, renews: float = 60, **changes: Any) -> Lead:
    """Ada subscribes by the year; so long after the story begins it renews."""
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "subscription.started", **{**YEARLY, "renews_at": iso(renews), **changes})
    world.run()
    world.smtp.mails.clear()
    return ada


def days_through(world: World, first: int, last: int) -> None:
    for number in range(first, last + 1):
        world.at(days=number)


def nothing_of(sequence: str, lead: Lead) -> bool:
    """Neither a run nor a mail of it is under way."""
    runs = Enrollment.objects.filter(lead=lead, sequence__slug=sequence, state="active")
    return (
        not runs.exists()
        and not Message.objects.filter(lead=lead, sequence__slug=sequence, state__in=["ready", "sending"]).exists()
    )


# --- Renewal


def test_who_subscribes_is_a_customer_with_a_date(world: World) -> None:
    ada = subscriber(world)
    assert (ada.stage, ada.is_client) == ("customer", True)
    assert {
        name: ada.attributes[name] for name in ("plan", "renewal_date", "renewal_amount", "subscription_state")
    } == {
        "plan": "Team, yearly",
        "renewal_date": day(60).date().isoformat(),
        "renewal_amount": "1188.00",
        "subscription_state": "active",
    }


def test_three_reminders_come_before_the_day_and_say_what_it_costs(world: World) -> None:
    ada = subscriber(world)
    days_through(world, 29, 60)
    assert world.subjects(ada) == [MONTH_BEFORE.format(words(60)), WEEK_BEFORE, DAY_BEFORE]
    for mail in world.mails_to(ada):
        assert words(60) in mail.text
        assert "1188.00 EUR" in mail.text
    assert "Team, yearly" in world.mails_to(ada)[0].text


def test_the_reminders_move_with_the_date(world: World) -> None:
    ada = subscriber(world)
    days_through(world, 29, 40)
    assert world.subjects(ada) == [MONTH_BEFORE.format(words(60))]
    world.tell(ada, "subscription.changed", **YEARLY, renews_at=iso(74))
    days_through(world, 41, 65)
    assert len(world.mails_to(ada)) == 1, "nothing a week before the old date, and the first is not repeated"
    days_through(world, 66, 75)
    assert world.subjects(ada)[1:] == [WEEK_BEFORE, DAY_BEFORE]
    assert all(words(74) in mail.text for mail in world.mails_to(ada)[1:])


def test_a_renewal_ends_the_reminders_and_next_year_they_come_again(world: World) -> None:
    ada = subscriber(world)
    days_through(world, 29, 35)
    world.tell(ada, "subscription.renewed", **YEARLY, renews_at=iso(60 + 365))
    assert run_of(ada, "renewal").exit_reason == "goal: subscription.renewed"
    days_through(world, 36, 61)
    assert len(world.mails_to(ada)) == 1
    days_through(world, 394, 425)
    assert len(world.mails_to(ada)) == 4
    assert ada.is_client


@pytest.mark.parametrize("kind", ["subscription.canceling", "subscription.ended"])
def test_who_leaves_is_not_reminded_of_a_renewal(world: World, kind: str) -> None:
    ada = subscriber(world)
    days_through(world, 29, 31)
    world.tell(ada, kind, **YEARLY)
    assert nothing_of("renewal", ada)
    assert "renewal_date" not in ada.attributes
    days_through(world, 32, 60)
    assert WEEK_BEFORE not in world.subjects(ada)


def test_monthly_bills_are_not_announced(world: World) -> None:
    ada = subscriber(world, renews=31, interval_months=1, amount="99")
    assert ada.is_client
    assert "renewal_date" not in ada.attributes
    days_through(world, 0, 31)
    assert world.subjects(ada) == []


def test_a_date_that_becomes_known_late_still_gets_the_last_two(world: World) -> None:
    ada = subscriber(world, renews=20)
    days_through(world, 1, 20)
    assert world.subjects(ada) == [WEEK_BEFORE, DAY_BEFORE]


# --- Dunning


def fails(world: World, lead: Lead, attempt: int, **more: Any) -> None:
    told = {"invoice": "in_1", "subscription": "sub_1", "amount": "1188.00", "currency": "EUR", "is_final": False}
    world.tell(
        lead, "payment.failed", **{**told, "attempt": attempt, "pay_url": f"https://pay.example/{attempt}", **more}
    )


def test_a_failed_payment_is_asked_for_ever_more_firmly_and_then_a_person_calls(world: World) -> None:
    ada = subscriber(world, renews=300)
    fails(world, ada, 1)
    world.run()
    assert ada.attributes["subscription_state"] == "past_due"
    days_through(world, 1, 4)
    fails(world, ada, 2)
    days_through(world, 5, 13)
    fails(world, ada, 3)
    days_through(world, 13, 27)
    assert world.subjects(ada) == [FAILED, STILL_OPEN, LAST], "further attempts start nothing of their own"
    pay = [[link for link in links(mail) if "pay.example" in link] for mail in world.mails_to(ada)]
    assert pay == [["https://pay.example/1"], ["https://pay.example/1"], ["https://pay.example/2"]]
    (task,) = Task.objects.filter(lead=ada)
    assert task.title.startswith("Payment has failed for a week")
    assert task.created_at == day(7)


def test_the_moment_it_is_paid_nobody_asks_any_more(world: World) -> None:
    ada = subscriber(world, renews=300)
    fails(world, ada, 1)
    days_through(world, 0, 2)
    world.tell(ada, "payment.recovered", invoice="in_1", subscription="sub_1")
    assert (run_of(ada, "dunning").exit_reason, ada.attributes["subscription_state"]) == (
        "goal: payment.recovered",
        "active",
    )
    assert nothing_of("dunning", ada)
    days_through(world, 3, 10)
    assert world.subjects(ada) == [FAILED]
    assert not Task.objects.filter(lead=ada).exists()


def test_another_subscription_that_is_paid_settles_nothing(world: World) -> None:
    ada = subscriber(world, renews=300)
    world.tell(ada, "subscription.started", **{**YEARLY, "subscription": "sub_2", "renews_at": iso(320)})
    fails(world, ada, 1)
    world.tell(ada, "payment.recovered", invoice="in_2", subscription="sub_2")
    days_through(world, 0, 3)
    assert world.subjects(ada) == [FAILED, "Still open: your payment for Team, yearly"]


def test_dunning_reaches_who_wants_no_marketing(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "purchase.completed", product="Starter plan")
    world.run()
    world.at(days=5)
    world.browser.post(path_of(one_click(world.mails_to(ada)[1])), {"List-Unsubscribe": "One-Click"})
    world.tell(ada, "subscription.started", **YEARLY, renews_at=iso(300))
    fails(world, ada, 1)
    world.run()
    assert world.subjects(ada)[-1] == FAILED


# --- Churn and the way back


def test_who_does_not_renew_becomes_a_former_customer_and_is_asked_why(world: World) -> None:
    ada = subscriber(world, renews=300)
    fails(world, ada, 1)
    days_through(world, 0, 8)
    world.smtp.mails.clear()
    world.tell(ada, "subscription.ended", **YEARLY)
    assert (ada.stage, ada.is_client, ada.attributes["subscription_state"]) == ("former", False, "ended")
    assert run_of(ada, "dunning").exit_reason == "goal: subscription.ended"
    assert nothing_of("dunning", ada)
    days_through(world, 8, 60)
    assert world.subjects(ada) == [WHY, WHAT_WOULD_IT_TAKE, DOOR]
    sent = Message.objects.filter(lead=ada, sequence__slug="churn-win-back").order_by("pk")
    assert [(mail.sent_at - day(8)).days for mail in sent] == [1, 8, 30]


def test_the_reason_lands_on_the_lead_and_with_the_rep(world: World) -> None:
    ada = subscriber(world, renews=300)
    world.tell(ada, "subscription.lapsed", **YEARLY)
    world.at(days=1)
    (asked,) = world.mails_to(ada)
    answers = [link for link in links(asked) if "/leaving/" in link]
    assert len(answers) == 8, "one for each of the seven reasons, and one that leaves it open"
    assert "It cost more than it gave us" in asked.text

    # Scanners of mail open every link. That tells nothing.
    for link in answers:
        page = world.follow(link).content.decode()
    price = answers[0]
    assert re.search(r'value="price" required checked', world.follow(price).content.decode())
    assert "checked" not in page, "the last link leaves it open"
    assert "churn_reason" not in of(ada).attributes

    # Ada sends it, twice by a double click.
    for _ in range(2):
        thanks = world.browser.post(path_of(price), {"reason": "price", "comment": "Too many seats"}, follow=True)
    assert "A smaller one may be enough" in thanks.content.decode()
    assert "https://www.example.com/pricing" in thanks.content.decode()
    assert (of(ada).attributes["churn_reason"], of(ada).attributes["churn_details"]) == ("price", "Too many seats")
    assert (of(ada).stage, kinds(ada).count("subscription.reason_given")) == ("former", 1)
    world.run()
    assert "Told us why they left" in Task.objects.get(lead=ada).title

    # Ada thinks again, and once more: each is told, and the last counts.
    for reason in ("trouble", "price", "unused"):
        world.browser.post(path_of(price), {"reason": reason})
    assert of(ada).attributes["churn_reason"] == "unused"
    assert kinds(ada).count("subscription.reason_given") == 4
    days_through(world, 2, 8)
    assert "half an hour with somebody" in world.mails_to(ada)[1].text

    # Back again: what was said of the last time counts no more.
    world.tell(ada, "subscription.started", **{**YEARLY, "subscription": "sub_2"})
    assert "churn_reason" not in of(ada).attributes


def test_who_comes_back_leaves_the_win_back_at_once_and_is_a_customer_again(world: World) -> None:
    ada = subscriber(world, renews=300)
    world.tell(ada, "subscription.lapsed", **YEARLY)
    days_through(world, 1, 9)
    assert (ada.stage, len(world.mails_to(ada))) == ("former", 2)
    world.tell(ada, "subscription.started", **{**YEARLY, "subscription": "sub_2", "renews_at": iso(9 + 365)})
    assert (ada.stage, ada.is_client, ada.attributes["subscription_state"]) == ("customer", True, "active")
    assert run_of(ada, "churn-win-back").exit_reason == "goal: subscription.started"
    assert nothing_of("churn-win-back", ada)
    days_through(world, 10, 40)
    assert DOOR not in world.subjects(ada)
    stages = [
        event.properties["after"] for event in Event.objects.filter(lead=ada, kind="stage.changed").order_by("pk")
    ]
    assert stages == ["mql", "customer", "former", "customer"]


def test_one_of_two_subscriptions_that_ends_changes_nothing_but_the_plan(world: World) -> None:
    ada = subscriber(world, renews=300)
    world.tell(ada, "subscription.started", subscription="sub_2", plan="Support", interval_months=1)
    assert ada.attributes["plan"] == "Team, yearly, Support"
    world.tell(ada, "subscription.ended", subscription="sub_2")
    assert (ada.stage, ada.is_client, ada.attributes["plan"]) == ("customer", True, "Team, yearly")
    days_through(world, 1, 3)
    assert world.subjects(ada) == []
    world.tell(ada, "subscription.ended", subscription="sub_1")
    assert (ada.stage, ada.is_client) == ("former", False)


def test_a_late_word_of_an_old_purchase_brings_nobody_back(world: World) -> None:
    ada = subscriber(world, renews=300)
    world.later(days=3)
    world.tell(ada, "subscription.lapsed", **YEARLY)
    told = {"kind": "purchase.completed", "properties": {"order_id": "7"}, "occurred_at": NOON.isoformat()}
    world.program.post(f"/api/v1/leads/{ada.pk}/events", told, format="json")
    ada.refresh_from_db()
    assert (ada.stage, ada.is_client) == ("former", False)
    assert run_of(ada, "churn-win-back").state == "active"
    assert messages(ada, sequence__slug="churn-win-back") == []
