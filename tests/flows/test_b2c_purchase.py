"""The B2C purchase, from the ad to the refund, through the doors of the website, the shop and the mail program.

Sam clicks an ad, leaves the checkout open, is reminded, buys. From then on Sam is a customer of the kind that products
are for people, and gets three mails, into which a second purchase merges.
"""

import pytest

from leads.models import Conversion, Lead, Touch
from lifecycle.customers.models import Purchase
from tests.cast import SAM, World, messages, run_of
from tests.smtp_server import ReceivedMail

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

AD = "https://www.example.com/plans?utm_source=google&utm_medium=cpc&utm_campaign=families&gclid=g-1"
CART, CART_2, CART_3 = (
    "Did something get in the way?",
    "Not sure which plan? Three questions",
    "The last email about your checkout",
)
DAY_0, DAY_5, DAY_15 = (
    "Thank you. Here is what to do first",
    "Day five: put one real task through it",
    "Two weeks in: is it paying off?",
)
BUYING = {CART, CART_2, CART_3, DAY_0, DAY_5, DAY_15}
FAMILY = {"audience_type": "b2c", "primary_audience": "Individual / Family"}


def arrive(world: World) -> Lead:
    """Sam comes by an ad and gives an address for the newsletter, in the same browser."""
    world.look("b1", AD, "https://www.google.com/")
    world.submit("newsletter", **SAM, anonymous_id="b1")
    world.run()
    return Lead.objects.get(email_normal=SAM["email"])


def about_buying(world: World, sam: Lead) -> list[ReceivedMail]:
    """Sam's mails of the checkout and after, without those that the newsletter began with."""
    return [mail for mail in world.mails_to(sam) if mail.subject in BUYING]


def subjects(world: World, sam: Lead) -> list[str]:
    return [mail.subject for mail in about_buying(world, sam)]


def buy(world: World, sam: Lead, order: str, product: str, amount: str) -> None:
    world.tell(
        sam,
        "purchase.completed",
        order_id=order,
        amount=amount,
        currency="EUR",
        products=[{"name": product, "quantity": 1}],
        **FAMILY,
    )


def test_from_the_ad_to_three_mails_and_a_refund(world: World) -> None:
    # An ad brings Sam. That stays the first touch, whatever comes.
    sam = arrive(world)
    first = Touch.objects.get(pk=sam.original_touch_id)
    assert (first.source, first.medium, first.campaign) == ("google", "cpc", "families")

    # The checkout is left open: an hour later there is one mail about it.
    world.tell(sam, "checkout.abandoned", product="Family plan")
    world.at(hours=1)
    assert subjects(world, sam) == [CART]
    assert "Family plan" in about_buying(world, sam)[0].text

    # Sam buys. The reminders stop at once, and Sam is a customer: of products for people.
    world.at(hours=3)
    buy(world, sam, "1001", "Family plan", "49.00")
    world.run()
    assert run_of(sam, "cart-recovery").exit_reason == "goal: purchase.completed"
    assert run_of(sam, "cold-track").state == "ended"
    assert (sam.stage, sam.is_client) == ("customer", True)
    assert (sam.audience_type, sam.primary_audience) == ("b2c", "Individual / Family")
    assert subjects(world, sam) == [CART, DAY_0]

    # Three days later Sam buys something else. There is no second welcome: the next mails show both.
    world.at(days=3)
    buy(world, sam, "1002", "Photo book", "19.90")
    for day in (4, 6, 16, 40):
        world.at(days=day)
    assert subjects(world, sam) == [CART, DAY_0, DAY_5, DAY_15]
    for mail in about_buying(world, sam)[2:]:
        assert all(product in mail.text for product in ("Family plan", "Photo book"))
    assert run_of(sam, "post-purchase").exit_reason == "completed"
    assert len(messages(sam, sequence__slug="post-purchase")) == 3

    # The photo book goes back. Sam keeps the plan, and so stays a customer.
    world.tell(sam, "purchase.refunded", order_id="1002", refund_id="r-1", amount="19.90", currency="EUR")
    assert (sam.stage, sam.is_client) == ("customer", True)

    # The plan goes back too: nothing is left of it all but the history.
    world.tell(sam, "purchase.refunded", order_id="1001", refund_id="r-2")
    assert (sam.stage, sam.is_client) == ("former", False)
    paid = Conversion.objects.filter(lead=sam, kind="purchase").order_by("key")
    assert [(row.key, str(row.amount.normalize())) for row in paid] == [("1001", "49"), ("1002", "19.9")]
    assert Conversion.objects.filter(lead=sam, kind="refund").count() == 2
    assert [row.refunded == row.amount for row in Purchase.objects.filter(lead=sam)] == [True, True]
    sam.refresh_from_db()
    assert sam.original_touch_id == first.pk


def test_one_payment_told_twice_is_one_purchase(world: World) -> None:
    sam = arrive(world)
    for _ in range(2):
        buy(world, sam, "1001", "Family plan", "49.00")
        world.run()
    assert Purchase.objects.filter(lead=sam).count() == 1
    assert Conversion.objects.filter(lead=sam, kind="purchase").count() == 1
    assert subjects(world, sam) == [DAY_0]


def test_a_customer_is_no_hot_lead(world: World) -> None:
    """Whatever customers do, sales is not told to call them as leads, and no track for leads takes them in."""
    sam = arrive(world)
    buy(world, sam, "1001", "Family plan", "49.00")
    world.submit("contact", **SAM, company="Acme", company_size="120", message="A question about my bill")
    for kind in ("pricing.viewed", "docs.downloaded", "demo.watched", "checkout.abandoned"):
        world.tell(sam, kind)
    world.run()
    leads_only = ["hot-leads", "warm-leads", "cold-leads"]
    assert not sam.memberships.filter(segment__slug__in=leads_only).exists()
    tracks = ["demo-nurture", "hot-track", "warm-track", "cold-track"]
    assert not sam.enrollments.filter(sequence__slug__in=tracks, state="active").exists()
    assert [mail.subject for mail in world.alerts if "Hot lead" in mail.subject] == []
