"""Rules 25 and 27 for broadcasts: why did somebody get one, or not, and which is still to come."""

from datetime import timedelta
from typing import Any

import pytest

from leads.models import Lead, Workspace
from tests.campaigns import broadcasting as made
from tests.cast import World
from tests.factories import NOON, LeadFactory
from tests.journeys.happening import send
from tests.staff import colleague

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Lead:
    Workspace.load()
    return LeadFactory.create(first_name="Ana", timezone="", created_at=NOON - timedelta(days=9))


def ask(world: World, lead: Lead, slug: str = "news") -> tuple[str, list[str]]:
    """The API's answer, and its reasons."""
    answer = world.program.get(f"/api/v1/leads/{lead.pk}/why", {"about": "broadcast", "broadcast": slug})
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told["answer"], [line["text"] for line in told["because"]]


def test_rule_25_who_got_a_broadcast_sees_what_the_checks_saw(world: World, ana: Lead) -> None:
    made.queued()
    send(at=NOON)
    answer, because = ask(world, ana)
    assert answer == "“News” was sent on Mon 2 Mar 2026, 12:00 (UTC)."
    assert because == ["Cap: 0 of 5 marketing mails in 7 days."]


def test_rule_25_a_broadcast_that_waits_for_the_cap_says_so(world: World, ana: Lead) -> None:
    Workspace.objects.update(cap_messages=1)
    made.queued()
    made.queued("offer", template=made.mail("offer"))
    send(at=NOON)
    answer, because = ask(world, ana, "offer")
    assert answer.startswith(
        "“Offer” is queued until Mon 9 Mar 2026, 12:00: Ana had 1 marketing mail in 7 days (cap 1)"
    )
    assert because[0].startswith("Not sent yet: Ana had 1 marketing mail")
    planned = world.program.get(f"/api/v1/leads/{ana.pk}/plan").json()["planned"]
    assert [(each["sequence"], each["what"], each["at"]) for each in planned] == [
        ("Offer", "mail", "2026-03-09T12:00:00Z")
    ]


def test_rule_25_who_was_not_meant_is_told_for_whom_it_was(world: World, ana: Lead) -> None:
    chosen = made.segment("chosen", [LeadFactory.create()])
    made.queued(segment=chosen)
    answer, because = ask(world, ana)
    assert answer == (
        "“News” was not sent: it began on Mon 2 Mar 2026, 12:00 (UTC), and Ana was not among its recipients then."
    )
    assert because == ["It is for the segment chosen: today Ana is not in it."]


def test_rule_25_who_is_left_out_or_came_later_is_told(world: World, ana: Lead) -> None:
    run = made.queued(excluded_rule={"field": "first_name", "op": "eq", "value": "Ana"})
    assert run.excluded == 1
    assert ask(world, ana)[1] == ["It is for everybody.", "It leaves some people out, and today Ana is one of them."]
    late = LeadFactory.create(first_name="Ben", created_at=NOON + timedelta(hours=1))
    assert ask(world, late)[0].endswith("before Ben was known.")


def test_rule_25_a_broadcast_that_did_not_begin_says_when_it_will(world: World, ana: Lead) -> None:
    made.going(send_at=NOON + timedelta(hours=3))
    assert ask(world, ana)[0] == "“News” was sent to nobody yet: it goes out on Mon 2 Mar 2026, 15:00 (UTC)."
    made.broadcast("draft")
    assert ask(world, ana, "draft")[0] == "“Draft” was sent to nobody yet: it is draft."


def test_a_question_about_no_broadcast_says_what_to_mend(world: World, ana: Lead) -> None:
    for query in ({"about": "broadcast"}, {"about": "broadcast", "broadcast": "nowhere"}):
        answer = world.program.get(f"/api/v1/leads/{ana.pk}/why", query)
        assert answer.status_code == 400
        assert "broadcast" in answer.json()["error"]["fields"]


@pytest.mark.parametrize("role", ["marketer", "sales", "admin"])
def test_colleagues_ask_on_the_page(world: World, ana: Lead, role: str) -> None:
    made.queued()
    page, browser = f"/console/leads/{ana.pk}/why", colleague(role)
    assert "“News” is queued" in browser.get(page, {"broadcast": "news"}).content.decode()
    assert "Select a valid choice" in browser.get(page, {"broadcast": "x"}).content.decode()
