"""/leaving/{token}: looking changes nothing, sending counts once, and old, foreign or orphaned links are answered."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from leads.actions import erase
from leads.identity.merging import merge
from leads.models import Event, Lead
from leads.pipeline import drain
from lifecycle.core import tokens
from lifecycle.customers import leaving
from lifecycle.customers.models import LeavingReason, Subscription
from lifecycle.reports.customers import customers
from lifecycle.reports.timeline import of_event
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
GIVEN = "subscription.reason_given"


@pytest.fixture(autouse=True)
def noon(settings: Settings) -> Any:
    settings.SITE_URL = "https://crm.example.com"
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def ada() -> Lead:
    LeavingReason.objects.create(slug="price", label="Too dear", reply="A smaller plan?", way_back="pricing")
    LeavingReason.objects.create(slug="gone", label="<b>Gone</b>", position=200, way_back="booking")
    LeavingReason.objects.create(slug="old", label="Not offered", is_active=False)
    lead = LeadFactory.create(ada=True)
    told = {"started_at": NOON, "told_at": NOON, "created_at": NOON, "ended_at": NOON, "state": "ended"}
    Subscription.objects.create(lead=lead, provider="api", reference="sub_1", plan="Team", **told)
    return lead


def address(lead: Lead, place: int | None = None) -> str:
    """Of the link of a reason, by its place in the mail; None: of that which leaves it open."""
    (found,) = leaving.links([lead.pk], NOON)
    url = found["url"] if place is None else found["reasons"][place]["url"]
    assert url.startswith("https://crm.example.com/leaving/")
    return str(url).removeprefix("https://crm.example.com")


def send(url: str, reason: str = "price", comment: str = "") -> Any:
    return Client().post(url, {"reason": reason, "comment": comment}, follow=True)


def test_looking_shows_the_answer_chosen_and_changes_nothing(ada: Lead) -> None:
    url = address(ada, 0)
    for method in ("get", "head", "get"):
        answer = getattr(Client(), method)(url)
        assert (answer.status_code, answer.cookies, "no-store" in answer["Cache-Control"]) == (200, {}, True)
        assert answer["Referrer-Policy"] == "no-referrer"
    page = answer.content.decode()
    assert re.search(r'value="price" required checked', page)
    assert "&lt;b&gt;Gone" in page
    assert "Not offered" not in page
    assert not Event.objects.exists()
    assert "checked" not in Client().get(address(ada)).content.decode()


def test_sending_counts_once_and_the_last_word_counts(ada: Lead) -> None:
    url = address(ada, 0)
    for _ in range(2):
        thanks = send(url, comment=" Too many\x00 seats ").content.decode()
    assert "Too dear" in thanks
    assert "A smaller plan?" in thanks
    assert "pricing" in thanks
    (event,) = Event.objects.filter(kind=GIVEN)
    told = {
        "reason": "price",
        "label": "Too dear",
        "comment": "Too many seats",
        "subscription": "sub_1",
        "plan": "Team",
    }
    assert event.properties == told
    assert (of_event(event).title, of_event(event).detail) == ("Said why they left: Too dear", "Too many seats")
    assert f"{url}?change" in send(url, "gone").content.decode()
    assert re.search(r'value="gone" required checked', Client().get(f"{url}?change").content.decode())
    send(url, "price")
    drain(now=NOON)
    ada.refresh_from_db()
    assert Event.objects.filter(kind=GIVEN).count() == 3
    assert (ada.attributes["churn_reason"], "churn_details" in ada.attributes) == ("price", False)
    assert "So far you told us: “Too dear”" in Client().get(address(ada, 1)).content.decode()


@pytest.mark.parametrize("reason", ["", "old", "nonsense", "x" * 5_000])
def test_what_is_no_reason_of_ours_is_asked_again(ada: Lead, reason: str) -> None:
    page = send(address(ada, 0), reason)
    assert (page.status_code, "Why did you leave?" in page.content.decode()) == (200, True)
    assert not Event.objects.filter(kind=GIVEN).exists()


def test_a_link_of_somebody_merged_answers_for_the_one_who_stayed(ada: Lead) -> None:
    url, kept = address(ada, 0), LeadFactory.create()
    merge(kept, ada, now=NOON)
    send(url)
    assert Event.objects.get(kind=GIVEN).lead_id == kept.pk


def test_links_of_the_erased_the_late_and_the_forged_are_answered(ada: Lead, noon: Any) -> None:
    url = address(ada, 0)
    forged = url[:-1] + ("A" if url[-1] != "A" else "B")
    foreign = f"/leaving/{tokens.confirm_token(1)}"
    noon.shift(timedelta(days=89))
    assert Client().get(url).status_code == 200
    noon.shift(timedelta(days=2))
    for method in ("get", "post"):
        for given, status, words in [(url, 410, "has expired"), (forged, 404, "lead anywhere"), (foreign, 404, "lead")]:
            answer = getattr(Client(), method)(given, {"reason": "price"})
            assert (answer.status_code, words in answer.content.decode()) == (status, True)
    noon.shift(-timedelta(days=91))
    erase(ada, now=NOON)
    for method in ("get", "post"):
        answer = getattr(Client(), method)(url, {"reason": "price"})
        assert (answer.status_code, "Your data were deleted here" in answer.content.decode()) == (410, True)
    assert not Event.objects.filter(kind=GIVEN).exists()


def test_who_came_back_is_welcomed_and_offered_nothing(ada: Lead) -> None:
    Subscription.objects.update(state="active", ended_at=None)
    Lead.objects.filter(pk=ada.pk).update(is_client=True)
    page = send(address(ada, 0)).content.decode()
    assert "Good to have you back" in page
    assert "pricing" not in page


def test_the_console_counts_people_by_their_reasons(ada: Lead) -> None:
    for name, attributes in [("b", {"churn_reason": "price", "churn_details": "Too many seats"}), ("c", {}), ("d", {})]:
        lead = LeadFactory.create(attributes=attributes)
        told = {"started_at": NOON, "told_at": NOON, "created_at": NOON, "ended_at": NOON, "state": "ended"}
        for number in range(2):
            Subscription.objects.create(lead=lead, provider="api", reference=f"{name}{number}", plan="Team", **told)
    Lead.objects.filter(pk=ada.pk).update(attributes={"churn_reason": "a name that is gone"})
    assert customers(now=NOON).reasons == [("Too dear", 1), ("a name that is gone", 1), ("", 2)]
    page = staff.colleague("sales").get("/console/customers").content.decode()
    assert "Did not say" in page
    assert "“Too many seats”" in page
