"""90 days quiet: asked three times whether they still want our mail. A click keeps them; silence ends in sunset."""

import pytest

from campaigns.broadcasts import control
from campaigns.models import Broadcast, Message, Suppression
from leads.models import Event, Lead
from tests.cast import ADA, BEN, World, kinds, letters, links, messages, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

DAYS = (30, 90, 97, 106, 111)  # quiet, dormant and asked, asked again, for the last time, sunset


def reader(world: World, person: dict[str, str]) -> Lead:
    """Somebody who signed up for the newsletter on day 0, and did nothing since."""
    return world.submit("newsletter", email=person["email"], first_name=person["first_name"])


def quiet_until(world: World, day: int) -> None:
    for each in (1, 6, 12, 18, 24, *DAYS):
        if each <= day:
            world.at(days=each)
            world.run()


def asked(lead: Lead) -> list[tuple[str, str]]:
    rows = Message.objects.filter(lead=lead, sequence__slug="re-engagement").order_by("pk")
    return [(row.step_key, row.state) for row in rows]


def test_silence_for_111_days_ends_in_sunset(world: World) -> None:
    ben = reader(world, BEN)
    quiet_until(world, 97)
    ben.refresh_from_db()
    assert (ben.engagement_tier, ben.sunset_at) == ("dormant", None)
    assert {"Ben, still want to hear from us?", "Less mail, other mail, or none?"} < {*world.subjects(ben)}
    world.at(days=106)
    assert world.subjects(ben)[-1] == "This is our last mail, unless you want more"
    world.at(days=111)
    ben.refresh_from_db()
    assert ben.sunset_at is not None
    assert run_of(ben, "re-engagement").exit_reason == "completed"
    assert asked(ben) == [("ask", "sent"), ("choose", "sent"), ("last-call", "sent")]
    told = Event.objects.get(lead=ben, kind="lead.sunset")
    assert told.properties == {"quiet_days": 111}
    assert kinds(ben).count("tier.changed") == 2
    assert not Suppression.objects.exists()


def test_one_click_is_enough_to_stay(world: World) -> None:
    ada = reader(world, ADA)
    quiet_until(world, 97)
    world.later(hours=2)
    world.follow(links(world.mails_to(ada)[-1])[0])
    world.run()
    ada.refresh_from_db()
    assert ada.engagement_tier == "engaged"
    assert run_of(ada, "re-engagement").exit_reason == "came back"
    for day in (106, 111):
        world.at(days=day)
    ada.refresh_from_db()
    assert ada.sunset_at is None
    assert asked(ada) == [("ask", "sent"), ("choose", "sent")]


def test_at_sunset_no_broadcast_comes_and_the_reason_is_told_but_what_was_asked_for_still_does(world: World) -> None:
    ada, ben = reader(world, ADA), reader(world, BEN)
    quiet_until(world, 97)
    world.later(hours=2)
    world.follow(links(world.mails_to(ada)[-1])[0])
    world.run()
    world.at(days=106)
    world.at(days=111)
    before = len(world.mails_to(ben))
    control.schedule(Broadcast.objects.get(slug="weekly-best-practices"), actor=None, now=world.now)
    for day in (113, 120):
        world.at(days=day)
    assert len(world.mails_to(ben)) == before
    to_ben = Message.objects.filter(lead=ben, broadcast_run__isnull=False)
    assert {(row.state, row.reason.partition(":")[0]) for row in to_ben} == {("suppressed", "sunset")}
    assert set(to_ben.values_list("checks__sunset__said", flat=True)) == {"never"}
    assert Message.objects.filter(lead=ada, broadcast_run__isnull=False, state="sent").exists()
    (asked_for,) = letters([ben], template="magnet-delivery-1", now=world.now)
    Message.objects.filter(pk=asked_for.pk).update(context={"event": {"magnet_name": "It", "magnet_url": "https://x"}})
    world.run()
    asked_for.refresh_from_db()
    assert asked_for.state == "sent", asked_for.reason


def test_a_form_brings_them_back_and_what_it_starts_is_sent(world: World) -> None:
    ben = reader(world, BEN)
    quiet_until(world, 111)
    world.at(days=150)
    assert Lead.objects.filter(sunset_at__isnull=False).get() == ben
    world.submit("contact", **BEN)
    world.run()
    ben.refresh_from_db()
    assert (ben.sunset_at, ben.engagement_tier) == (None, "engaged")
    assert Event.objects.get(lead=ben, kind="lead.revived").properties == {"by": "form.submitted"}
    assert messages(ben, sequence__slug="demo-nurture")[0][1] == "sent"


def test_a_second_silence_is_asked_about_again(world: World) -> None:
    ben = reader(world, BEN)
    quiet_until(world, 111)
    world.at(days=150)
    world.tell(ben, "pricing.viewed")
    for day in (180, 240, 247, 256, 261):
        world.at(days=day)
        world.run()
    ben.refresh_from_db()
    assert ben.sunset_at is not None
    assert len(asked(ben)) == 6


def test_clients_are_never_asked(world: World) -> None:
    ada = world.submit("contact", **ADA)
    world.tell(ada, "purchase.completed", amount=99, currency="EUR", order_id="o1")
    for day in (5, 15, 30, 90, 97, 106, 111):
        world.at(days=day)
        world.run()
    ada.refresh_from_db()
    assert (ada.engagement_tier, ada.sunset_at, asked(ada)) == ("dormant", None, [])


def test_who_buys_at_sunset_is_a_client_and_awake(world: World) -> None:
    ben = reader(world, BEN)
    quiet_until(world, 111)
    world.at(days=120)
    world.tell(ben, "subscription.renewed", subscription="s1")
    world.run()
    ben.refresh_from_db()
    assert (ben.is_client, ben.sunset_at) == (True, None)


def test_nobody_is_mailed_out_of_the_blue(world: World) -> None:
    body = {"email": "list@acme.com"}
    assert world.program.post("/api/v1/leads", body, format="json").status_code == 201
    for day in (30, 90, 97, 111):
        world.at(days=day)
        world.run()
    listed = Lead.objects.get(email="list@acme.com")
    assert (listed.engagement_tier, listed.sunset_at, asked(listed)) == ("dormant", None, [])
