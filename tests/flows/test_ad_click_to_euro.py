"""From an advertisement to the payment: whichever way the credit is shared, it adds up to what was paid."""

import re
from decimal import Decimal
from typing import Any

import pytest

from leads.models import Event, Lead
from tests.cast import ADA, World, links

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

WEBSITE = "https://www.example.com"
AD = f"{WEBSITE}/guides/demo?utm_source=google&utm_medium=cpc&utm_campaign=spring-demo&utm_content=b&gclid=Cj0KCQ"
BROWSER = "3f1c9a52-ada"
PAID = Decimal("1200.01")
MODELS = ("first", "last", "linear", "position", "w_shaped", "time_decay")


def credits_of(world: World, *, by: str, **asked: str) -> dict[str, dict[str, Decimal]]:
    """Model → row → amount credited, as a program reads it."""
    query = {"conversion": "purchase", "by": by, "model": "all", **asked}
    answer = world.program.get("/api/v1/reports/attribution", query)
    assert answer.status_code == 200, answer.content
    found: dict[str, dict[str, Decimal]] = {model: {} for model in MODELS}
    rows: list[dict[str, Any]] = answer.json()["rows"]
    for row in rows:
        for model, credit in row["credits"].items():
            if Decimal(credit["amount"]):
                found[model][row["value"]] = Decimal(credit["amount"])
    return found


def live_through_it(world: World) -> Lead:
    """Ada clicks an advertisement, takes the checklist, follows a mail, looks at prices, books, and buys."""
    world.look(BROWSER, AD, "https://www.google.com/")
    world.later(minutes=2)
    world.look(BROWSER, f"{WEBSITE}/customers", AD)
    world.later(minutes=2)
    world.look(BROWSER, f"{WEBSITE}/checklist", f"{WEBSITE}/customers")
    world.later(minutes=1)
    campaign = {"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "spring-demo", "gclid": "Cj0KCQ"}
    ada = world.submit("checklist", **ADA, **campaign, page_url=f"{WEBSITE}/checklist", anonymous_id=BROWSER)
    world.run()
    download = next(mail for mail in world.mails_to(ada) if "/f/" in mail.text)
    file = world.follow(re.search(r"\S+/f/\S+", download.text)[0].strip("<>()[]"))  # type: ignore[index]
    assert file.status_code == 200
    assert file["Content-Type"] == "application/pdf"

    world.at(days=4)
    nurture = next(mail for mail in reversed(world.mails_to(ada)) if "List-Unsubscribe" in mail.message)
    world.later(hours=3)
    landed = world.follow(links(nurture)[0])
    assert "utm_medium=email" in landed["Location"]
    world.look(BROWSER, landed["Location"])
    world.later(minutes=3)
    world.look(BROWSER, f"{WEBSITE}/pricing", landed["Location"])
    world.run()

    world.later(days=2)
    world.tell(ada, "meeting.booked", at="2026-03-12T10:00:00Z", event_name="Demo")
    world.later(days=7)
    world.tell(ada, "purchase.completed", order_id="A-1", amount=str(PAID), currency="EUR", product="Team")
    world.run()
    return ada


def test_the_euro_lands_on_the_right_campaign_in_every_model(world: World) -> None:
    ada = live_through_it(world)
    ada.refresh_from_db()
    assert ada.stage == "customer"
    assert (ada.original_touch.campaign, ada.original_touch.kind) == ("spring-demo", "visit")  # type: ignore[union-attr]
    path = list(ada.touches.order_by("occurred_at", "id").values_list("kind", "campaign"))
    nurture = path[-1][1]
    assert path == [("visit", "spring-demo"), ("form", "spring-demo"), ("click", nurture)]
    assert Event.objects.filter(lead=ada, kind="pricing.viewed").count() == 1
    assert Event.objects.filter(lead=ada, kind="magnet.downloaded").count() == 1

    found = credits_of(world, by="campaign")
    assert found["first"] == {"spring-demo": PAID}
    assert found["last"] == {nurture: PAID}
    assert found["linear"] == {"spring-demo": Decimal("800.01"), nurture: Decimal("400.00")}
    assert found["position"] == {"spring-demo": Decimal("720.01"), nurture: Decimal("480.00")}
    for model in MODELS:
        assert set(found[model]) <= {"spring-demo", nurture}
        assert sum(found[model].values()) == PAID
    assert found["time_decay"][nurture] > found["linear"][nurture]
    assert found["w_shaped"]["spring-demo"] > found["w_shaped"][nurture]


def test_every_way_to_ask_adds_up_to_what_was_paid_and_a_refund_takes_it_all_back(world: World) -> None:
    ada = live_through_it(world)
    for by in ("source", "medium", "channel", "landing_page", "sequence", "mail", "form"):
        for model, shares in credits_of(world, by=by).items():
            assert sum(shares.values()) == PAID, (by, model)
    world.later(days=3)
    world.tell(ada, "purchase.refunded", order_id="A-1", amount=str(PAID), currency="EUR")
    world.run()
    assert credits_of(world, by="campaign") == {model: {} for model in MODELS}
