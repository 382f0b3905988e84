"""The weekly mail as it ships: nothing by itself; scheduled, one tip a week to its readers, each with an end."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.broadcasts import control
from campaigns.models import Broadcast, Message
from leads.models import Lead
from tests.cast import ADA, BEN, SAM, World, footer_link, links, one_click, path_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

# The story begins on Monday, 2 March 2026, at noon.
TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)


def weekly() -> Broadcast:
    return Broadcast.objects.get(slug="weekly-best-practices")


def reader(world: World, person: dict[str, str]) -> Lead:
    return world.submit("newsletter", email=person["email"], first_name=person["first_name"])


def until(world: World, moment: datetime) -> None:
    world.set_clock(moment)
    world.run()


def tips(world: World, lead: Lead) -> list[str]:
    subjects = {mail.template.subject for mail in weekly().variants.select_related("template")}
    return [subject for subject in world.subjects(lead) if subject in subjects]


def test_a_new_installation_sends_nothing_by_itself(world):
    ada = reader(world, ADA)
    until(world, TUESDAY + timedelta(days=8))
    assert weekly().status == "draft"
    assert tips(world, ada) == []


def test_one_tip_a_week_in_their_order_to_readers_only(world):
    ada = reader(world, ADA)
    world.submit("checklist", **BEN)
    control.schedule(weekly(), actor=None, now=world.now)
    for week in range(3):
        until(world, TUESDAY + timedelta(weeks=week))
    planned = [mail.template.subject for mail in weekly().variants.select_related("template")]
    assert tips(world, ada) == planned[:3]
    assert set(Message.objects.filter(broadcast_run__isnull=False).values_list("lead", "state")) == {(ada.pk, "sent")}
    assert [run.state for run in weekly().runs.all()] == ["done"] * 3


def test_the_mail_has_its_links_and_its_ways_out(world):
    ada = reader(world, ADA)
    control.schedule(weekly(), actor=None, now=world.now)
    until(world, TUESDAY)
    mail = world.mails_to(ada)[-1]
    assert "Hi Ada," in mail.html
    assert footer_link(mail, "u")
    assert one_click(mail).startswith("https://")
    world.later(minutes=5)
    world.follow(links(mail)[0])
    run = weekly().runs.get()
    world.later(minutes=11)
    world.run()
    run.refresh_from_db()
    assert run.counts == {"sent": 1, "clicked": 1}


def test_who_unsubscribes_between_queueing_and_sending_gets_nothing(world):
    ada, ben = reader(world, ADA), reader(world, BEN)
    control.schedule(weekly(), actor=None, now=world.now)
    Broadcast.objects.update(per_hour=1)
    until(world, TUESDAY)
    until(world, TUESDAY + timedelta(hours=2))
    assert (len(tips(world, ada)), len(tips(world, ben))) == (1, 1)
    until(world, TUESDAY + timedelta(weeks=1))
    late = next(lead for lead in (ada, ben) if len(tips(world, lead)) == 1)
    waiting = Message.objects.get(lead=late, state="ready")
    world.browser.post(path_of(one_click(world.mails_to(late)[-1])), {"List-Unsubscribe": "One-Click"})
    until(world, TUESDAY + timedelta(weeks=1, hours=2))
    waiting.refresh_from_db()
    assert (waiting.state, len(tips(world, late))) == ("suppressed", 1)
    assert [run.state for run in weekly().runs.all()] == ["done", "done"]


def test_paused_by_hand_it_goes_on_where_it_was(world):
    ada = reader(world, ADA)
    control.schedule(weekly(), actor=None, now=world.now)
    until(world, TUESDAY)
    control.pause(weekly(), actor=None, now=world.now)
    until(world, TUESDAY + timedelta(weeks=1, hours=1))
    assert len(tips(world, ada)) == 1
    control.resume(weekly(), actor=None, now=world.now)
    until(world, TUESDAY + timedelta(weeks=2))
    assert len(tips(world, ada)) == 2


def test_a_variants_own_subject_is_what_people_read(world):
    sam = reader(world, SAM)
    broadcast = weekly()
    broadcast.variants.update(subject="Sam, {{ lead.first_name }}?")
    control.schedule(broadcast, actor=None, now=world.now)
    until(world, TUESDAY)
    assert world.subjects(sam)[-1] == "Sam, Sam?"


def test_a_window_is_kept_on_the_persons_clock(world):
    ada = reader(world, ADA)
    Lead.objects.filter(pk=ada.pk).update(timezone="America/New_York")
    broadcast = weekly()
    broadcast.window = {"from": "09:00", "until": "17:00"}
    broadcast.save()
    control.schedule(broadcast, actor=None, now=world.now)
    until(world, TUESDAY)
    assert tips(world, ada) == []
    until(world, TUESDAY + timedelta(hours=5))
    assert len(tips(world, ada)) == 1
