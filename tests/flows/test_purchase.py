"""Somebody buys: out of the nurture, into the three mails for customers."""

import pytest

from tests.cast import ADA, World, messages, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

DAY_0, DAY_5, DAY_15 = (
    "Thank you. Here is what to do first",
    "Day five: put one real task through it",
    "Two weeks in: is it paying off?",
)


def test_a_purchase_makes_a_customer_and_ends_the_nurture(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.run()
    world.later(days=2)
    world.tell(ada, "PURCHASED", product="Starter plan")
    assert ada.stage == "customer"
    run = run_of(ada, "demo-nurture")
    assert (run.state, run.exit_reason) == ("ended", "customer")
    for day in range(2, 70, 5):
        world.at(days=day)
    assert world.subjects(ada)[1:] == [DAY_0, DAY_5, DAY_15]


def test_three_mails_on_days_0_5_and_15(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "purchase.completed", product="Starter plan")
    world.run()
    for number, day in enumerate((5, 15), start=1):
        world.at(days=day, seconds=-1)
        assert len(world.mails_to(ada)) == number
        world.at(days=day)
        assert len(world.mails_to(ada)) == number + 1
    assert world.subjects(ada) == [DAY_0, DAY_5, DAY_15]
    assert run_of(ada, "post-purchase").exit_reason == "completed"


def test_a_second_purchase_on_day_three_joins_the_running_one(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "purchase.completed", product="Starter plan", order_id="1001")
    world.run()
    world.at(days=3)
    world.tell(ada, "purchase.completed", products=[{"name": "API add-on"}, {"name": "Support"}], order_id="1002")
    for day in (3, 4, 5, 15, 30):
        world.at(days=day)
    assert world.subjects(ada) == [DAY_0, DAY_5, DAY_15]
    first, second, third = world.mails_to(ada)
    assert "Starter plan" in first.text
    assert "API add-on" not in first.text
    for mail in (second, third):
        for part in (mail.text, mail.html):
            assert all(name in part for name in ("Starter plan", "API add-on", "Support"))
    assert len(messages(ada, sequence__slug="post-purchase")) == 3


def test_a_purchase_after_the_fifteen_days_starts_anew(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "purchase.completed", product="Starter plan")
    for day in (0, 5, 15, 40):
        world.at(days=day)
    world.tell(ada, "purchase.completed", product="API add-on")
    world.run()
    assert world.subjects(ada) == [DAY_0, DAY_5, DAY_15, DAY_0]
    assert "Starter plan" not in world.mails_to(ada)[3].text


def test_who_gets_all_the_money_back_gets_no_more_tips(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "purchase.completed", product="Starter plan", order_id="1001", amount="99.00", currency="EUR")
    world.run()
    world.later(days=2)
    world.tell(ada, "purchase.refunded", order_id="1001", refund_id="r1", amount="99.00", currency="EUR")
    assert (ada.stage, run_of(ada, "post-purchase").exit_reason) == ("former", "no customer any more")
    for day in (5, 15):
        world.at(days=day)
    assert world.subjects(ada) == [DAY_0]


def test_what_is_bought_after_day_five_is_on_the_last_mail_and_then_it_ends(world: World) -> None:
    ada = world.submit("newsletter", **ADA)
    world.tell(ada, "purchase.completed", product="Starter plan")
    for day, product in ((0, ""), (3, "API add-on"), (7, "Support"), (15, ""), (40, "")):
        world.at(days=day)
        if product:
            world.tell(ada, "purchase.completed", product=product)
            world.run()
        if day == 3:
            world.at(days=5)
    assert world.subjects(ada) == [DAY_0, DAY_5, DAY_15]
    products = ["Starter plan", "API add-on", "Support"]
    shown = [[name for name in products if name in mail.text] for mail in world.mails_to(ada)]
    assert shown == [products[:1], products[:2], products]
    run = run_of(ada, "post-purchase")
    assert (run.state, run.exit_reason) == ("ended", "completed")
    world.tell(ada, "purchase.completed", product="Sticker")
    world.run()
    assert world.subjects(ada)[3:] == [DAY_0]
