"""What a lead bought and subscribes to, over the API."""

import pytest

from tests.billing import Plan
from tests.cast import ADA, World

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


def test_purchases_and_subscriptions_of_a_lead(world: World) -> None:
    lead = world.submit("newsletter", **ADA)
    plan = Plan(ADA["email"], world.now)
    world.stripe(plan.checkout(), plan.told(), plan.paid(), plan.refunded(900))
    (purchase,) = world.program.get(f"/api/v1/leads/{lead.pk}/purchases").json()["results"]
    assert (purchase["amount"], purchase["refunded"], purchase["currency"]) == ("29.00", "9.00", "EUR")
    assert (purchase["order_id"], purchase["subscription"]) == (f"in_{plan.id}0", plan.reference)
    (subscription,) = world.program.get(f"/api/v1/leads/{lead.pk}/subscriptions").json()["results"]
    assert (subscription["state"], subscription["plan"], subscription["amount"]) == ("active", "Pro plan", "29.00")
    assert subscription["renews_at"] == plan.end().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert world.program.get("/api/v1/leads/999999/purchases").status_code == 404
